import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { applySettings } from '../../src/training/config.ts';
import { presetOf } from '../../src/training/presets.ts';
import { pretrain } from '../../src/training/pretrain.ts';
import { loadRun, readRunConfig } from '../../src/training/run/model-state.ts';
import { removeFolders, temporaryFolder, writeOdometry, writeTracking } from '../datasets/tiny-sequences.ts';
import { tinyRun } from '../objectives/tiny-simipu.ts';

afterEach(removeFolders);

/** The preset `simipu-small` with the encoders of a tiny run. */
const config = {
  ...applySettings(presetOf('simipu-small')!, ['steps=2', 'batchSize=2', 'loader.workers=1']),
  encoders: tinyRun().encoders,
};

describe('pretraining with SimIPU', { timeout: 120_000 }, () => {
  it('takes two steps on KITTI tracking, seen by the right camera, and goes on with the same', async () => {
    const root = temporaryFolder();
    await writeTracking(join(root, 'training'), '0000', [0, 1]);
    await writeTracking(join(root, 'training'), '0001', [0, 1]);
    const out = join(root, 'run');
    const said: string[] = [];
    const stream = { write: (text: string) => said.push(text) };
    const data = { root, camera: 'image_03', sequences: ['0000'] };
    const { step } = await pretrain({ config, data, out, stream });
    expect(step).toBe(2);
    expect(said.join('')).toContain('2 frames, 2 steps of 2');
    expect((await readRunConfig(out)).data).toEqual({ ...data, frames: 2 });
    expect((await loadRun(out)).step).toBe(2);
  });

  it('takes two steps on KITTI odometry', async () => {
    const root = temporaryFolder();
    await writeOdometry(root, '03', [0, 1, 2]);
    const said: string[] = [];
    const stream = { write: (text: string) => said.push(text) };
    const { step } = await pretrain({ config, data: { root }, out: join(root, 'run'), stream });
    expect(step).toBe(2);
    expect(said.join('')).toContain('3 frames, 2 steps of 2');
  });
});
