import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { driveSteps, writePictureDrives } from '../objectives/tiny-drive.ts';
import { tinyImageRun, tinyView } from '../objectives/tiny-image-run.ts';
import { otherBits, sameBits } from './other-bits.ts';

const root = await mkdtemp(join(tmpdir(), 'same-bits-'));
afterAll(() => rm(root, { recursive: true }));
const timesS = Array.from({ length: 12 }, (_, i) => 0.1 * i);
await writePictureDrives(root, [{ timesS }, { timesS }]);

const view = { ...tinyView, width: 32, height: 16 };
/** Fewer than other tests have: most of the time goes into opening these large graphs. */
const threadCounts = [1, 2, 8];

/** The presets, and the options in which a run differs from them. */
const systems: ReadonlyArray<readonly [preset: string, options: { readonly [option: string]: unknown }]> = [
  ['frame-contrast-small', { view, gapS: 0.1, deadZoneS: 0.3 }],
  ['frame-contrast-small', { view, gapS: 0.1, deadZoneS: 0.3, loss: 'triplet' }],
  ['random-walk-small', { view, clip: { frames: 4, gapS: 0.1 }, patches: { size: 16, stride: 8 } }],
];

describe(`${sameBits(threadCounts)}, along drives`, () => {
  it.each(systems)('%s, case %#', { timeout: 240_000 }, async (preset, options) => {
    const { image } = tinyImageRun(preset, options).encoders;
    const encoders = { image: { ...image!, width: 8, batchNorm: { eps: 1e-5, momentum: 0.1 } } };
    const run = tinyImageRun(preset, options, { batchSize: 8, encoders });
    const { step, state, batches } = await driveSteps(run, { root, frames: [[3, 1, 4, 15, 9, 2, 6, 5]] });
    expect(await otherBits({ step, state, batch: batches[0] }, threadCounts)).toEqual([]);
  });
});
