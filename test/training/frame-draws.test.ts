import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf } from '../../src/engine/tree.ts';
import { batchesOf } from '../../src/evaluation/batch-statistics.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { collectScoreExamples } from '../../src/training/detection/collect-score-examples.ts';
import { detect, OBJECTS } from '../../src/training/detection/detect.ts';
import { type DetectionRun, loadDetectionRun } from '../../src/training/detection/detection-run.ts';
import { finetune } from '../../src/training/detection/finetune.ts';
import { smallScenes } from '../datasets/scenes/small-scenes.ts';
import { tinyRun } from '../objectives/tiny-simipu.ts';
import { tinyDetector } from './detection/tiny-detector.ts';

let folder: string;
let data: string;
let serial = 0;
const fresh = () => join(folder, `out${serial++}`);
const quiet = { write: () => {} };

/** The frame that stands at another place in each list. */
const FRAME = '000004';
const lists = {
  alone: [FRAME],
  last: ['000001', '000002', FRAME],
  among: ['000000', FRAME, '000005', '000007'],
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frame-draws-'));
  data = join(folder, 'scenes');
  await smallScenes(data);
  for (const [name, ids] of Object.entries(lists))
    await writeFile(join(data, 'ImageSets', `${name}.txt`), `${ids.join('\n')}\n`);
}, 120_000);

afterAll(() => rm(folder, { recursive: true }));

async function trained(detector: Parameters<typeof tinyDetector>[0]): Promise<DetectionRun> {
  const out = fresh();
  const config = tinyDetector(detector, [
    'steps=2',
    ...(detector === 'monorun' ? ['monorun.scoreHead=null'] : []),
  ]);
  await finetune({ config, data: { root: data, imageSet: 'train' }, out, stream: quiet });
  return loadDetectionRun(out);
}

/** Everything that `detect` leaves of its frames, by file. */
async function filesOf(out: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of (await readdir(out)).filter((each) => each.endsWith('.txt')))
    files[name] = await readFile(join(out, name), 'utf8');
  for (const name of await readdir(join(out, OBJECTS)).catch(() => []))
    files[name] = (await readFile(join(out, OBJECTS, name))).toString('base64');
  return files;
}

describe.each(['point3d', 'image3d', 'fusion', 'monorun'] as const)(
  'what %s finds in a frame',
  (detector) => {
    let run: DetectionRun;
    const look = async (imageSet: string, out = fresh()) => {
      // A MonoRUn that has hardly learned sees nothing by itself.
      const givenBoxes = detector === 'monorun';
      await detect({ run, data: { root: data, imageSet }, out, givenBoxes, stream: quiet });
      return { out, files: await filesOf(out) };
    };

    beforeAll(async () => {
      run = await trained(detector);
    }, 120_000);

    it('is the same whichever other frames are in the list', async () => {
      const alone = (await look('alone')).files;
      expect(Object.keys(alone)).toContain(`${FRAME}.txt`);
      expect(alone[`${FRAME}.txt`].length).toBeGreaterThan(100);
      for (const name of ['last', 'among']) expect((await look(name)).files).toMatchObject(alone);
    });

    it('is the same where an interrupted command goes on', async () => {
      const whole = await look('among');
      for (const name of ['000000.txt', `${FRAME}.txt`, '000007.txt']) await rm(join(whole.out, name));
      expect((await look('among', whole.out)).files).toEqual(whole.files);
    });
  },
);

it('what a score head learns of a frame is the same whichever other frames are looked at', async () => {
  const config = tinyDetector('monorun');
  if (config.detector !== 'monorun') throw new Error('another detector');
  const { model } = await trained('monorun');
  const collect = (imageSet: keyof typeof lists) =>
    collectScoreExamples({
      ...config,
      config: config.monorun,
      model,
      data: { root: data, imageSet },
      frames: lists[imageSet].map((_, i) => i),
      workers: 0,
      stream: quiet,
    });
  const alone = await collect('alone');
  expect(alone.length).toBeGreaterThan(1);
  for (const name of ['last', 'among'] as const)
    expect(await collect(name)).toEqual(expect.arrayContaining(alone));
});

it('the views that retrieval is measured on are the same whichever other frames are held out', async () => {
  const pretraining = createPretraining(tinyRun(), 1);
  const batches = (imageSet: keyof typeof lists) =>
    batchesOf(pretraining, { root: data, imageSet }, { frames: 4, seed: 5 });
  const [{ index: _, ...viewsAlone }] = await batches('alone');
  for (const [name, place] of [
    ['last', 2],
    ['among', 1],
  ] as const) {
    const { index, ...views } = (await batches(name))[place];
    expect((index as HostTensor).data[0]).toBe(place);
    expect(leavesOf<HostTensor>(views)).toEqual(leavesOf<HostTensor>(viewsAlone));
  }
});
