import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  averagePrecision,
  envelope,
  RECALL_SAMPLES,
  scoreThresholds,
} from '../../../src/evaluation/kitti/kitti-average-precision.ts';
import { evaluateKitti } from '../../../src/evaluation/kitti/kitti-evaluation.ts';
import { imageSetFile, readKittiFolders } from '../../../src/evaluation/kitti/kitti-result-files.ts';
import type { KittiFramePair, KittiObjectLine } from '../../../src/evaluation/kitti/kitti-result-lines.ts';
import { kittiTable } from '../../../src/report/kitti-table.ts';
import { describeWithRealData } from '../../real-data.ts';

const car: KittiObjectLine = {
  type: 'Car',
  truncation: 0,
  occlusion: 0,
  alpha: 0.5,
  box2: [100, 100, 200, 180],
  sizeM: [1.5, 1.6, 4],
  location: [0, 1.6, 20],
  rotationY: 0.3,
  score: Number.NaN,
};
const found = (changes: Partial<KittiObjectLine> = {}): KittiObjectLine => ({
  ...car,
  score: 0.9,
  ...changes,
});
const shifted = (px: number): KittiObjectLine['box2'] => [100 + px, 100, 200 + px, 180];
const frame = (labels: KittiObjectLine[], detections: KittiObjectLine[]): KittiFramePair => ({
  id: '000000',
  labels,
  detections,
});
const many = (count: number, pair: KittiFramePair) => Array.from({ length: count }, () => pair);
const carAp = (frames: KittiFramePair[], overlaps?: 'strict' | 'loose') =>
  evaluateKitti(frames, { overlaps }).ap.Car;

describeWithRealData("the benchmark's own program on a real detector's results", 'kitti-eval', (root) => {
  it('finds every number to 0.01', async () => {
    const { frames } = await readKittiFolders({
      labels: join(root, 'label_2'),
      detections: join(root, 'detections'),
    });
    const { ap } = evaluateKitti(frames);
    const { ap: expected } = JSON.parse(await readFile(join(root, 'expected.json'), 'utf8')) as {
      ap: Record<string, Record<string, { R40: number; R11: number }>>;
    };
    const names = {
      bbox: 'detection_AP',
      aos: 'orientation_AOS',
      bev: 'detection_BEV_AP',
      '3d': 'detection_3D_AP',
    };
    let compared = 0;
    for (const [name, metrics] of Object.entries(ap)) {
      for (const [metric, byDifficulty] of Object.entries(metrics)) {
        for (const [difficulty, values] of Object.entries(byDifficulty)) {
          const key = `${name.toLowerCase()}_${names[metric as keyof typeof names]}`;
          for (const rule of ['R40', 'R11'] as const) {
            const off = Math.abs(values![rule] - expected[key][difficulty][rule]);
            expect(off, `${key} ${difficulty} ${rule}`).toBeLessThan(0.01);
            compared++;
          }
        }
      }
    }
    expect(compared).toBe(72);
  });
});

describe('average precision', () => {
  it('is 100 by both rules for a detector that finds everything, and R11 alone rewards a single find', () => {
    expect(carAp(many(50, frame([car], [found()]))).bbox.easy).toEqual({ R40: 100, R11: 100 });
    // One label of a hundred is found: recall 1/100, precision 1 at recall 0 alone.
    const one = [...many(99, frame([car], [])), frame([car], [found()])];
    const ap = carAp(one)['3d'].moderate!;
    expect(ap.R11).toBeCloseTo(100 / 11, 9);
    expect(ap.R40).toBe(0);
  });

  it('samples recall as the benchmark does', () => {
    const scores = Array.from({ length: 200 }, (_, i) => 1 - i / 200);
    const thresholds = scoreThresholds(scores, 200);
    expect(thresholds).toHaveLength(RECALL_SAMPLES);
    expect(thresholds[0]).toBe(1);
    expect(thresholds.at(-1)).toBe(scores.at(-1));
    expect(scoreThresholds(scores.slice(0, 100), 200)).toHaveLength(21);
    expect(scoreThresholds([], 10)).toEqual([]);
  });

  it('takes the best precision at any larger recall', () => {
    const curve = envelope([0.5, 0.8, 0.2]);
    expect(curve.slice(0, 4)).toEqual([0.8, 0.8, 0.2, 0]);
    expect(averagePrecision(curve).R40).toBeCloseTo(100 / 40, 9);
    expect(averagePrecision(curve).R11).toBeCloseTo(80 / 11, 9);
  });
});

describe('what counts', () => {
  it('is no detection of a neighbour class, and none in a DontCare region, but one beside it', () => {
    const van = { ...car, type: 'Van', box2: shifted(300) };
    const region = { ...car, type: 'DontCare', box2: shifted(600), location: [-1000, -1000, -1000] as const };
    const background = [found({ box2: shifted(300) }), found({ box2: shifted(600) })];
    const clean = many(50, frame([car, van, region], [found(), ...background]));
    expect(carAp(clean).bbox.easy!.R40).toBe(100);
    const wrong = many(50, frame([car, van, region], [found(), found({ box2: shifted(900) })]));
    expect(carAp(wrong).bbox.easy!.R40).toBeCloseTo(50, 9);
  });

  it('is taller than 40 pixels to be easy; a detection of exactly the least height counts, a label of it does not', () => {
    const low = { ...car, box2: [100, 100, 200, 140] as const };
    expect(carAp(many(50, frame([low], [found({ box2: low.box2 })]))).bbox.easy).toBeNull();
    expect(carAp(many(50, frame([low], [found({ box2: low.box2 })]))).bbox.moderate!.R40).toBe(100);
    const tall = { ...car, box2: [100, 100, 200, 141] as const };
    expect(carAp(many(50, frame([tall], [found({ box2: [100, 100, 200, 140] })]))).bbox.easy!.R40).toBe(100);
    // Below it the find is ignored, and the label is missed by nobody.
    expect(carAp(many(50, frame([tall], [found({ box2: [100, 100, 200, 139.9] })]))).bbox.easy!.R40).toBe(0);
  });

  it('overlaps by more than 0.7, strictly; loosely a car may be farther off in space', () => {
    const box2 = [100, 100, 170, 180] as const;
    expect(carAp(many(50, frame([car], [found({ box2 })]))).bbox.easy!.R40).toBe(0);
    const ahead = found({ location: [0, 1.6, 20.3] });
    expect(carAp(many(50, frame([car], [ahead])))['3d'].easy!.R40).toBe(0);
    expect(carAp(many(50, frame([car], [ahead])), 'loose')['3d'].easy!.R40).toBe(100);
  });

  it('is one detection a label, the best score first; the other is a false positive', () => {
    const twice = many(50, frame([car], [found({ score: 0.5 }), found({ score: 0.9 })]));
    expect(carAp(twice).bbox.easy!.R40).toBe(100);
    const same = many(50, frame([car], [found(), found()]));
    expect(carAp(same).bbox.easy!.R40).toBeCloseTo(50, 9);
  });

  it('is half of a find that faces across, and no orientation at all where one is not given', () => {
    const across = many(50, frame([car], [found({ alpha: car.alpha + Math.PI / 2 })]));
    expect(carAp(across).aos.easy!.R40).toBeCloseTo(50, 9);
    expect(carAp(many(50, frame([car], [found({ alpha: -10 })]))).aos.easy).toBeNull();
  });

  it('is no orientation of any class where one detection has none, whatever its class', () => {
    const pairs = many(
      50,
      frame([car], [found(), found({ type: 'Pedestrian', box2: shifted(300), alpha: -10 })]),
    );
    expect([carAp(pairs).bbox.easy!.R40, carAp(pairs).aos.easy]).toEqual([100, null]);
  });

  it('is not asked of boxes in the image that no detection of the class has, and a line says why nothing counts', () => {
    const none = found({ box2: [-1, -1, -1, -1] });
    const evaluation = evaluateKitti(many(50, frame([car], [none])));
    const { bbox, aos, bev, '3d': space } = evaluation.ap.Car;
    for (const difficulty of ['easy', 'moderate', 'hard'] as const) {
      expect([bbox[difficulty], aos[difficulty]]).toEqual([null, null]);
      // Boxes without height count at no difficulty, in no metric.
      expect([bev[difficulty], space[difficulty]]).toEqual([
        { R40: 0, R11: 0 },
        { R40: 0, R11: 0 },
      ]);
    }
    expect(evaluation.low).toEqual([{ name: 'Car', low: 50, flat: 50, detections: 50 }]);
    expect(kittiTable(evaluation)).toMatch(/Car +bbox +0\.70 +- .*\n.*Car +aos +0\.70 +- /);
    expect(kittiTable(evaluation)).toMatch(
      /50 of 50 Car detections have boxes in the image lower than 25 pixels \(50 of no/,
    );
    // One box that begins in the picture, or cut at its edge, is enough to ask.
    for (const box2 of [car.box2, [0, 0, 0, 0] as const]) {
      const some = evaluateKitti([...many(49, frame([car], [none])), frame([car], [found({ box2 })])]);
      expect(some.ap.Car.bbox.easy).not.toBeNull();
      expect(some.ap.Car.aos.easy).not.toBeNull();
    }
    const outside = evaluateKitti(many(50, frame([car], [found({ box2: [-0.5, 100, 200, 180] })])));
    expect([outside.ap.Car.bbox.easy, outside.ap.Car.bev.easy!.R40]).toEqual([null, 100]);
    expect(outside.low).toEqual([]);
    // Low boxes beside others are nothing strange.
    const low = found({ box2: [100, 100, 110, 120] });
    expect(evaluateKitti(many(5, frame([car], [found(), low]))).low).toEqual([]);
    expect(evaluateKitti(many(5, frame([car], [low]))).low).toEqual([
      { name: 'Car', low: 5, flat: 0, detections: 5 },
    ]);
  });

  it('is not asked of boxes that no detection of the class has; a class without detections has missed everything', () => {
    const imageOnly = { location: [-1000, -1000, -1000], sizeM: [-1, -1, -1] } as const;
    const flat = carAp(many(50, frame([car], [found(imageOnly)])));
    expect([flat.bbox.easy!.R40, flat.bev.easy, flat['3d'].easy]).toEqual([100, null, null]);
    // Where some have one, those without are wrong.
    const one = carAp([...many(50, frame([car], [found(imageOnly)])), frame([car], [found()])]);
    expect(one['3d'].easy!.R40).toBe(0);
    const none = carAp(many(50, frame([car], [])));
    expect([none.bbox.easy, none['3d'].easy]).toEqual([
      { R40: 0, R11: 0 },
      { R40: 0, R11: 0 },
    ]);
  });

  it('stays below 100 with fewer labels than recalls are sampled, as in the benchmark, and the table says so', () => {
    const few = evaluateKitti(many(10, frame([car], [found()])));
    expect(few.ap.Car.bbox.easy!.R40).toBeCloseTo(900 / 40, 9);
    expect(few.ap.Car.bbox.easy!.R11).toBeCloseTo(300 / 11, 9);
    expect(kittiTable(few)).toMatch(
      /labels that count: Car easy 10, Car moderate 10, Car hard 10; with fewer than 41/,
    );
    const enough = evaluateKitti(many(41, frame([car], [found()])));
    expect(enough.ap.Car.bbox.easy!.R40).toBe(100);
    expect(kittiTable(enough)).not.toContain('labels that count');
  });

  it('has no average precision where no label counts', () => {
    const { ap } = evaluateKitti(many(5, frame([car], [found()])));
    expect(ap.Cyclist.bbox.hard).toBeNull();
  });
});

describe('folders of labels and results', () => {
  let folder: string;
  let serial = 0;
  const label = 'Car 0 0 0.5 100 100 200 180 1.5 1.6 4 0 1.6 20 0.3';
  const result = `${label} 0.9`;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kitti-results-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function pair(labels: Record<string, string>, detections: Record<string, string>) {
    const root = join(folder, String(serial++));
    for (const [part, files] of Object.entries({ labels, detections })) {
      await mkdir(join(root, part), { recursive: true });
      for (const [id, text] of Object.entries(files)) await writeFile(join(root, part, `${id}.txt`), text);
    }
    return { labels: join(root, 'labels'), detections: join(root, 'detections') };
  }
  const fault = async (labels: Record<string, string>, detections: Record<string, string>) =>
    readKittiFolders(await pair(labels, detections)).then(
      () => 'no error',
      (error: Error) => error.message,
    );

  it('are read by name; an empty result file is a frame without detections', async () => {
    const folders = await pair({ a: label, b: label }, { a: result, b: '' });
    const { frames } = await readKittiFolders(folders);
    expect(frames.map(({ id, detections }) => [id, detections.length])).toEqual([
      ['a', 1],
      ['b', 0],
    ]);
    expect((await readKittiFolders({ ...folders, ids: ['b'] })).frames).toHaveLength(1);
  });

  it('are an error where a result file is missing, unless that is a rule', async () => {
    expect(await fault({ a: label, b: label, c: label }, { a: result })).toMatch(
      /b\.txt.*a result file for each of 3 labelled frames.*none for 2 of them.*--missing empty/,
    );
    const folders = await pair({ a: label, b: label }, { a: result });
    const { missing, frames } = await readKittiFolders({ ...folders, missing: 'empty' });
    expect([missing, frames.length]).toEqual([['b'], 2]);
  });

  it.each([
    [
      'results of frames without labels',
      { a: label },
      { a: result, z: result },
      /z\.txt.*1 of 2 files of frames that have no labels/,
    ],
    ['no labels', {}, { a: result }, /label files.*none/],
    ['no results', { a: label }, {}, /result files.*none/],
    [
      'a score that is NaN',
      { a: label },
      { a: `${label} nan` },
      /line 1, column 16 \(score\).*a finite number.*nan/,
    ],
    ['an infinite score', { a: label }, { a: `${label} inf` }, /column 16 \(score\).*finite/],
    ['a score that no number can hold', { a: label }, { a: `${label} 1e999` }, /column 16 \(score\).*finite/],
    [
      'folders that changed places',
      { a: result, b: result },
      { a: label, b: label },
      /labels.*15 columns.*a result file, with scores/,
    ],
    [
      'a type that is no name',
      { a: label },
      { a: result.replace('Car', '7') },
      /line 1, column 1 \(type\).*name.*7/,
    ],
    [
      'a missing column',
      { a: label },
      { a: label.replace(' 0.3', '') },
      /line 1.*15 columns, or 16 with a score.*14/,
    ],
    [
      'results without scores',
      { a: label },
      { a: label },
      /line 1.*16 columns of which the last is the score.*15 columns/,
    ],
    ['results in place of labels', { a: result }, { a: result }, /labels, with 15 columns.*a result file/],
  ])('name the file and the place for %s', async (_, labels, detections, message) => {
    expect(await fault(labels as Record<string, string>, detections as Record<string, string>)).toMatch(
      message,
    );
  });

  it('may have classes that KITTI does not know, which count for nothing, are counted, and are an error when strict', async () => {
    const more = (line: string, ...types: string[]) =>
      [line, ...types.map((type) => line.replace('Car', type))].join('\n');
    const folders = await pair(
      { a: more(label, 'Bus', 'traffic_cone', 'Bus'), b: label },
      { a: more(result, 'Bus', 'Boat'), b: result },
    );
    const { frames, unknown } = await readKittiFolders(folders);
    expect(unknown).toEqual([
      { type: 'Boat', labels: 0, detections: 1 },
      { type: 'Bus', labels: 2, detections: 1 },
      { type: 'traffic_cone', labels: 1, detections: 0 },
    ]);
    const plain = await readKittiFolders(await pair({ a: label, b: label }, { a: result, b: result }));
    expect(plain.unknown).toEqual([]);
    expect(evaluateKitti(frames)).toEqual(evaluateKitti(plain.frames));
    await expect(readKittiFolders({ ...folders, strict: true })).rejects.toThrow(
      /a\.txt: line 2, column 1 \(type\): expected one of Car, .*found "Bus"/,
    );
  });

  it('may spell classes in any case, and Person as the tracking labels do', async () => {
    const mixed = await pair(
      { a: `${label.replace('Car', 'car')}\n${label.replace('Car', 'Person')}` },
      { a: result.replace('Car', 'CAR') },
    );
    const { frames, unknown } = await readKittiFolders({ ...mixed, strict: true });
    expect(unknown).toEqual([]);
    expect(frames[0].labels.map(({ type }) => type)).toEqual(['Car', 'Person_sitting']);
    expect(frames[0].detections[0].type).toBe('Car');
  });

  it('leave out frames with damaged files where that is asked for, but not all of them', async () => {
    const folders = await pair({ a: label, b: 'Car 0', c: label }, { a: result, b: result, c: label });
    const { frames, damaged } = await readKittiFolders({ ...folders, damaged: 'left out' });
    expect(frames.map(({ id }) => id)).toEqual(['a']);
    expect(damaged).toEqual([
      expect.stringMatching(/b\.txt: line 1: expected 15 columns/),
      expect.stringMatching(/c\.txt: line 1: expected results/),
    ]);
    await expect(readKittiFolders(folders)).rejects.toThrow(/b\.txt/);
    await expect(readKittiFolders({ ...folders, ids: ['b', 'c'], damaged: 'left out' })).rejects.toThrow(
      /all 2 damaged/,
    );
  });

  it('are an error for a frame that is asked for and not there', async () => {
    const folders = await pair({ a: label }, { a: result });
    await expect(readKittiFolders({ ...folders, ids: ['q'] })).rejects.toThrow(/labels of frame q/);
    await expect(readKittiFolders({ ...folders, ids: ['a', 'a'] })).rejects.toThrow(
      /each frame once.*a twice/,
    );
  });

  it('are found in a data set, and its image sets beside the split', async () => {
    const folders = await pair({ a: label }, { a: result });
    const root = join(folder, String(serial++));
    await mkdir(join(root, 'training', 'label_2'), { recursive: true });
    await writeFile(join(root, 'training', 'label_2', 'a.txt'), label);
    for (const labels of [root, join(root, 'training'), join(root, 'training', 'label_2')]) {
      expect((await readKittiFolders({ ...folders, labels })).frames[0].labels).toHaveLength(1);
      expect(await imageSetFile(labels, 'val')).toBe(join(root, 'ImageSets', 'val.txt'));
    }
  });
});
