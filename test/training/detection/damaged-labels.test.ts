import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readKittiFolders } from '../../../src/evaluation/kitti/kitti-result-files.ts';
import { detect, OBJECTS } from '../../../src/training/detection/detect.ts';
import type { DetectionConfig } from '../../../src/training/detection/detection-config.ts';
import { loadDetectionRun } from '../../../src/training/detection/detection-run.ts';
import { finetune } from '../../../src/training/detection/finetune.ts';
import { runLabelEfficiency } from '../../../src/training/detection/label-efficiency.ts';
import { smallScenes } from '../../datasets/scenes/small-scenes.ts';
import { tinyRun } from '../../objectives/tiny-simipu.ts';
import { tinyDetector } from './tiny-detector.ts';

let folder: string;
let scenes: string;
let serial = 0;
const fresh = () => join(folder, `made${serial++}`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'damaged-labels-'));
  scenes = join(folder, 'scenes');
  await smallScenes(scenes);
}, 120_000);

afterAll(() => rm(folder, { recursive: true }));

/** The scenes with other texts in some of their files, `label_2/000001.txt` and the like; undefined takes the file away. */
async function scenesWith(files: { readonly [name: string]: string | undefined }): Promise<string> {
  const data = fresh();
  await cp(scenes, data, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    if (text === undefined) await rm(join(data, 'training', name));
    else await writeFile(join(data, 'training', name), text);
  }
  return data;
}

const textOf = (name: string) => readFile(join(scenes, 'training', name), 'utf8');

/** A stream, and what was said on it. */
function listener() {
  const said: string[] = [];
  return { stream: { write: (text: string) => said.push(text) }, said: () => said.join('') };
}

async function train(root: string, config: DetectionConfig, strict = false) {
  const { stream, said } = listener();
  const out = fresh();
  const result = await finetune({ config, data: { root, strict }, out, stream });
  const damaged = said()
    .split('\n')
    .filter((line) => line.includes('frame left out as damaged'));
  return { out, result, damaged, said: said() };
}

const CUT = 'Car 0.00 0\n';
const ZERO_SIZE = 'Car 0.00 0 0.10 100.00 20.00 120.00 40.00 0.00 0.00 0.00 1.00 1.50 20.00 0.10\n';

describe('frames with damaged labels or calibration', () => {
  const kinds: ReadonlyArray<[what: string, name: string, change: (text: string) => string, why: RegExp]> = [
    [
      'a label file that was cut',
      'label_2/000002.txt',
      () => CUT,
      /line 1: expected 15 columns.*found 3 columns/,
    ],
    [
      'a box of no size',
      'label_2/000002.txt',
      (text) => `${text}${ZERO_SIZE}`,
      /column 9 \(height\): expected a size/,
    ],
    [
      'a number that is none',
      'label_2/000002.txt',
      () => ZERO_SIZE.replace('20.00', 'x'),
      /column 6 \(top\)/,
    ],
    [
      'no rectification',
      'calib/000002.txt',
      (text) => text.replace(/R0_rect.*/, ''),
      /R0_rect: expected 9 values/,
    ],
    ['an empty calibration', 'calib/000002.txt', () => '', /P2: expected 12 values, found no such key/],
  ];

  it.each(kinds)('are left out of training, told and counted: %s', async (_, name, change, why) => {
    const data = await scenesWith({ [name]: change(await textOf(name)) });
    const config = tinyDetector('point3d', ['steps=1']);
    const { result, damaged, said } = await train(data, config);
    expect(result).toMatchObject({ step: 1, frames: 7, damagedFrames: 1 });
    expect(said).toMatch(/^7 of 8 frames with \d+ Car/);
    expect(damaged).toHaveLength(1);
    expect(damaged[0]).toContain(`${name}: `);
    expect(damaged[0]).toMatch(why);
    await expect(train(data, config, true)).rejects.toThrow(why);
  });

  it('are an error that says so where there are no others', async () => {
    const names = await readdir(join(scenes, 'training', 'label_2'));
    const data = await scenesWith(Object.fromEntries(names.map((name) => [`label_2/${name}`, CUT])));
    await expect(train(data, tinyDetector('point3d'))).rejects.toThrow(
      /all 8 damaged, the last because: .*00000\d\.txt: line 1: expected 15 columns/,
    );
  });

  it('are counted with damaged sweeps, and frames that lack their labels are told', async () => {
    const data = await scenesWith({
      'label_2/000001.txt': CUT,
      'label_2/000002.txt': undefined,
      'velodyne/000003.bin': 'no sweep',
    });
    const { result, damaged, said } = await train(data, tinyDetector('point3d', ['steps=6']));
    expect(result).toMatchObject({ frames: 6, damagedFrames: 2 });
    expect(damaged.map((line) => /00000\d\.\w+/.exec(line)![0])).toEqual(['000001.txt', '000003.bin']);
    expect(said).toContain('1 incomplete left out, such as 000002 without label_2/000002.txt');
  });
});

describe('detecting', () => {
  it('leaves damaged frames out, tells those behind the last batch too, and goes on where it was', async () => {
    const { out } = await train(scenes, tinyDetector('point3d', ['steps=1']));
    const run = await loadDetectionRun(out);
    const data = await scenesWith({ 'calib/000000.txt': '', 'calib/000007.txt': 'P2: 1\n' });
    const results = fresh();
    const look = async (root: string, to = results, strict = false) => {
      const { stream, said } = listener();
      return { ...(await detect({ run, data: { root, strict }, out: to, stream })), said: said() };
    };
    const first = await look(data);
    expect(first).toMatchObject({ frames: 6, before: 0, damaged: 2, interrupted: false });
    expect(first.said).toMatch(/000000\.txt: P2: expected 12 values, found no such key/);
    expect(first.said).toMatch(/000007\.txt: line 1, P2: expected 12 values, found 1/);
    expect(await look(data)).toMatchObject({ frames: 6, before: 6, damaged: 2, interrupted: false });
    await expect(look(data, fresh(), true)).rejects.toThrow(/000000\.txt: P2/);
    const names = await readdir(join(scenes, 'training', 'calib'));
    const none = await scenesWith(Object.fromEntries(names.map((name) => [`calib/${name}`, ''])));
    await expect(look(none, fresh())).rejects.toThrow(/all 8 damaged, the last because: .*calib/);
  });

  it('in boxes of labels reads those of the right frames, and leaves out damaged ones', async () => {
    const { out } = await train(scenes, tinyDetector('monorun', ['steps=1', 'monorun.scoreHead=null']));
    const data = await scenesWith({ 'label_2/000000.txt': undefined, 'label_2/000002.txt': CUT });
    const { stream, said } = listener();
    const run = await loadDetectionRun(out);
    const results = fresh();
    const found = await detect({ run, data: { root: data }, out: results, givenBoxes: true, stream });
    expect(found).toMatchObject({ frames: 6, damaged: 1, interrupted: false });
    expect(said()).toMatch(/000002\.txt: line 1: expected 15 columns/);
    expect(said()).toContain('1 incomplete left out, such as 000000 without label_2/000000.txt');
    const there = (await readdir(join(results, OBJECTS))).map((name) => name.slice(0, 6)).sort();
    expect(there).toEqual(['000001', '000003', '000004', '000005', '000006', '000007']);
  });
});

describe("monorun's score head", () => {
  it('learns from the frames that were trained on, where others lack their labels or are damaged', async () => {
    const data = await scenesWith({ 'label_2/000000.txt': undefined, 'label_2/000003.txt': CUT });
    const { result, damaged, said } = await train(data, tinyDetector('monorun', ['steps=2']));
    expect(result).toMatchObject({ frames: 6, damagedFrames: 1, interrupted: false });
    expect(damaged).toHaveLength(1);
    expect(said).toContain('the score head');
  });
});

describe('objects that are labelled in the image alone', () => {
  it('count for no class, and are no reason to leave a frame out', async () => {
    const flat = (text: string) =>
      text.replaceAll(/^((?:\S+ ){8}).*$/gm, '$10.00 0.00 0.00 0.00 0.00 0.00 0.00');
    const names = (await readdir(join(scenes, 'training', 'label_2'))).slice(1);
    const files: Record<string, string> = {};
    for (const name of names) files[`label_2/${name}`] = flat(await textOf(`label_2/${name}`));
    const { result, damaged, said } = await train(
      await scenesWith(files),
      tinyDetector('point3d', ['steps=2']),
    );
    expect([result.frames, result.damagedFrames, damaged]).toEqual([8, 0, []]);
    const cars = (await textOf('label_2/000000.txt')).match(/^Car/gm)?.length ?? 0;
    expect(said).toContain(`8 of 8 frames with ${cars} Car`);
  });
});

describe('classes in another case', () => {
  it('are the same, in labels and in the configuration', async () => {
    const names = await readdir(join(scenes, 'training', 'label_2'));
    const files: Record<string, string> = {};
    for (const name of names) files[`label_2/${name}`] = (await textOf(`label_2/${name}`)).toLowerCase();
    const plain = await train(scenes, tinyDetector('point3d', ['steps=1']));
    const lower = await train(
      await scenesWith(files),
      tinyDetector('point3d', ['steps=1', 'point3d.classes=["car","PEDESTRIAN","Cyclist"]']),
    );
    expect(lower.said.split('\n')[0]).toBe(plain.said.split('\n')[0]);
    expect(() => tinyDetector('point3d', ['point3d.classes=["Car","car"]'])).toThrow(
      /classes.*each class once/,
    );
    expect(() => tinyDetector('point3d', ['point3d.classes=["Boat"]'])).toThrow(/classes\.0.*Boat/);
  });
});

describe('the experiment', () => {
  it('leaves out damaged frames of both lists, unless it is strict', async () => {
    const data = await scenesWith({ 'label_2/000001.txt': CUT, 'label_2/000007.txt': CUT });
    const { stream, said } = listener();
    const left: string[] = [];
    const lists = (strict?: boolean) => ({
      train: { root: data, imageSet: 'train', strict },
      heldOut: { root: data, imageSet: 'val', strict },
    });
    const options = {
      ...lists(),
      arms: [{ name: 'pretrained', config: tinyRun({ steps: 1 }) }],
      detector: tinyDetector('point3d', ['steps=1']),
      fractions: [1],
      seeds: [1],
      evaluate: async (detections: string) => {
        const ids = ['000006', '000007'];
        const folders = { labels: data, detections };
        const { damaged, frames } = await readKittiFolders({ ...folders, ids, damaged: 'left out' });
        left.push(...damaged);
        return { frames: frames.length };
      },
      stream,
    };
    const results = await runLabelEfficiency({ ...options, out: fresh() });
    expect(results!.map(({ frames, ap }) => [frames, ap.frames])).toEqual([
      [5, 1],
      [5, 1],
    ]);
    expect(said()).toMatch(/frame left out as damaged: .*000001\.txt: line 1/);
    expect(left[0]).toMatch(/000007\.txt: line 1/);
    await expect(runLabelEfficiency({ ...options, ...lists(true), out: fresh() })).rejects.toThrow(
      /000001\.txt/,
    );
  });
});
