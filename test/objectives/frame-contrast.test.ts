import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, it } from 'vitest';
import { imageEncoderNet } from '../../src/encoders/encoders.ts';
import { linearNet, running } from '../../src/encoders/net.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { negativesInTime, timeContrast, tripletHinge } from '../../src/objectives/frame-contrast.ts';
import { upload, uploadTree, valuesOf } from '../nn/tensors.ts';
import { describeWithRealData } from '../real-data.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import { driveSteps, writePictureDrives } from './tiny-drive.ts';
import {
  connectedPaths,
  dot,
  leafOf,
  randomRows,
  rowsOf,
  runSteps,
  tinyImageRun,
  tinyView,
  unit,
} from './tiny-image-run.ts';

type Rows = ReadonlyArray<readonly number[]>;

const units = (seed: string, rows: number, width = 4) => randomRows(seed, rows, width).map(unit);
const squaredDistance = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);
const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The softmax of each row over its partner and its negatives in loops and float64; `wrong` makes a mistake. */
function contrastInLoops(
  rows: Rows,
  negatives: Rows,
  temperature: number,
  wrong?:
    | 'negatives stand for themselves'
    | 'nothing is masked'
    | 'first pictures alone'
    | 'lone rows left out',
): number {
  const half = rows.length / 2;
  const losses = rows.map((row, i) => {
    const partner = (i + half) % rows.length;
    const right = dot(row, rows[partner]) / temperature;
    const others = rows.flatMap((other, j) => {
      const counts = wrong === 'nothing is masked' ? j !== i && j !== partner : negatives[i][j] === 1;
      return counts ? [Math.exp(dot(row, other) / temperature - right)] : [];
    });
    if (others.length === 0) return Math.log(rows.length - 1);
    const times = wrong === 'negatives stand for themselves' ? 1 : (rows.length - 2) / others.length;
    return Math.log(1 + times * others.reduce((sum, each) => sum + each, 0));
  });
  if (wrong === 'first pictures alone') return meanOf(losses.slice(0, half));
  if (wrong === 'lone rows left out') return meanOf(losses.filter((_, i) => negatives[i].includes(1)));
  return meanOf(losses);
}

/** The hinge on the semi-hard negative of each row in loops and float64; `wrong` makes a mistake. */
function hingeInLoops(
  rows: Rows,
  negatives: Rows,
  margin: number,
  wrong?: 'nearest of all' | 'farthest of all' | 'lengths, not squares' | 'nothing is masked',
): number {
  const half = rows.length / 2;
  const measure = (a: readonly number[], b: readonly number[]) =>
    wrong === 'lengths, not squares' ? Math.sqrt(squaredDistance(a, b)) : squaredDistance(a, b);
  const losses = rows.map((row, i) => {
    const partner = (i + half) % rows.length;
    const right = measure(row, rows[partner]);
    const all = rows.flatMap((other, j) => {
      const counts = wrong === 'nothing is masked' ? j !== i && j !== partner : negatives[i][j] === 1;
      return counts ? [measure(row, other)] : [];
    });
    if (all.length === 0) return margin;
    const beyond = all.filter((each) => each > right);
    let chosen = beyond.length > 0 ? Math.min(...beyond) : Math.max(...all);
    if (wrong === 'nearest of all') chosen = Math.min(...all);
    if (wrong === 'farthest of all') chosen = Math.max(...all);
    return Math.max(0, margin + right - chosen);
  });
  return meanOf(losses);
}

/** The gradient of a loss of rows by central differences in float64. */
function differences(loss: (rows: number[][]) => number, rows: Rows, step = 1e-5): number[] {
  return rows.flatMap((row, i) =>
    row.map((_, d) => {
      const at = (change: number) => {
        const moved = rows.map((each) => [...each]);
        moved[i][d] += change;
        return loss(moved);
      };
      return (at(step) - at(-step)) / (2 * step);
    }),
  );
}

/** A mask that is the same both ways, without rows' own partners; the last pair has no negative at all. */
function someNegatives(seed: string, clips: number): number[][] {
  const random = Random.fromSeed(seed);
  const between = Array.from({ length: clips }, () =>
    Array.from({ length: clips }, () => (random.chance(0.6) ? 1 : 0)),
  );
  return Array.from({ length: 2 * clips }, (_, i) =>
    Array.from({ length: 2 * clips }, (_, j) => {
      const [a, b] = [Math.min(i % clips, j % clips), Math.max(i % clips, j % clips)];
      return a === b || b === clips - 1 ? 0 : between[a][b];
    }),
  );
}

const allOthers = (clips: number) =>
  Array.from({ length: 2 * clips }, (_, i) =>
    Array.from({ length: 2 * clips }, (_, j) => (i % clips === j % clips ? 0 : 1)),
  );

const numberOf = (loss: tf.Scalar) => valuesOf(loss)[0];

describe('which pictures are negatives', () => {
  const of = (sequence: number[], timeS: number[], deadZoneS: number) =>
    negativesInTime(tf.tensor1d(sequence, 'int32'), tf.tensor1d(timeS), deadZoneS).arraySync();

  it('are those of other sequences, and those of the same one farther away than the dead zone, picture by picture', () => {
    // Clips at 0 and .25 s, at 1.25 and 1.5 s, of another drive at the first's times, and at 5 and 5.25 s.
    const found = of([3, 3, 0, 3], [0, 1.25, 0, 5, 0.25, 1.5, 0.25, 5.25], 1);
    expect(found).toEqual([
      [0, 1, 1, 1, 0, 1, 1, 1],
      [1, 0, 1, 1, 0, 0, 1, 1],
      [1, 1, 0, 1, 1, 1, 0, 1],
      [1, 1, 1, 0, 1, 1, 1, 0],
      [0, 0, 1, 1, 0, 1, 1, 1],
      [1, 0, 1, 1, 1, 0, 1, 1],
      [1, 1, 0, 1, 1, 1, 0, 1],
      [1, 1, 1, 0, 1, 1, 1, 0],
    ]);
  });

  it('are none within a single short drive', () => {
    expect(of([0, 0], [0, 0.5, 0.25, 0.75], 1)).toEqual(Array(4).fill([0, 0, 0, 0]));
  });
});

describe('the softmax over partner and negatives', () => {
  const [rows, negatives] = [units('rows', 12), someNegatives('mask', 6)];
  const lossOf = (z: Rows, mask: Rows, temperature: number) =>
    numberOf(timeContrast(rowsOf(z), rowsOf(mask), temperature));

  it('is what loops make of random rows, and none of the usual mistakes', () => {
    // Both halves of a mask, and rows with one, several and no negatives.
    expect(new Set(negatives.map((row) => dot(row, row))).size).toBeGreaterThan(2);
    for (const temperature of [0.1, 0.5, 1]) {
      const expected = contrastInLoops(rows, negatives, temperature);
      expect(lossOf(rows, negatives, temperature)).toBeCloseTo(expected, 4);
      for (const wrong of [
        'negatives stand for themselves',
        'nothing is masked',
        'first pictures alone',
        'lone rows left out',
      ] as const)
        expect(
          Math.abs(contrastInLoops(rows, negatives, temperature, wrong) - expected),
          wrong,
        ).toBeGreaterThan(0.01);
    }
  });

  it('is ln(2B - 1) where all rows are the same, whatever is masked', () => {
    const same = Array.from({ length: 12 }, () => unit([1, -2, 3, 0.5]));
    for (const mask of [negatives, allOthers(6), same.map(() => Array(12).fill(0))])
      expect(lossOf(same, mask, 0.1)).toBeCloseTo(Math.log(11), 5);
  });

  it('has the gradient of the loops, and none for a row without negatives', () => {
    const { grads } = valueAndGrad(
      (tree) => ({ loss: timeContrast(tree.z as tf.Tensor, rowsOf(negatives), 0.5), aux: {} }),
      { z: rowsOf(rows) },
    );
    const found = valuesOf(grads.get('z')!);
    differences((moved) => contrastInLoops(moved, negatives, 0.5), rows).forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 5);
    });
    for (const lone of [5, 11])
      expect(found.slice(4 * lone, 4 * lone + 4).map(Math.abs)).toEqual([0, 0, 0, 0]);
    expect(Math.max(...found.map(Math.abs))).toBeGreaterThan(0.01);
  });
});

describe('the hinge on the semi-hard negative', () => {
  const [rows, negatives] = [units('other rows', 16, 3), someNegatives('other mask', 8)];
  // Some partners nearer than all negatives, so that the nearest one counts, and some farther than all of them.
  const drawn = rows.map((row, i) =>
    i === 8 ? unit(rows[0].map((value, d) => value + 0.1 * rows[3][d])) : row,
  );
  drawn[9] = drawn[1].map((value) => -value);
  const lossOf = (z: Rows, mask: Rows, margin: number) =>
    numberOf(tripletHinge(rowsOf(z), rowsOf(mask), margin));

  it('is what loops make of random rows, and none of the usual mistakes', () => {
    const expected = hingeInLoops(drawn, negatives, 0.2);
    expect(lossOf(drawn, negatives, 0.2)).toBeCloseTo(expected, 5);
    expect(lossOf(drawn, negatives, 1.5)).toBeCloseTo(hingeInLoops(drawn, negatives, 1.5), 5);
    for (const wrong of [
      'nearest of all',
      'farthest of all',
      'lengths, not squares',
      'nothing is masked',
    ] as const)
      expect(Math.abs(hingeInLoops(drawn, negatives, 0.2, wrong) - expected), wrong).toBeGreaterThan(0.01);
  });

  it('is the margin where all rows are the same, whatever is masked', () => {
    const same = Array.from({ length: 16 }, () => unit([1, -2, 3]));
    for (const mask of [negatives, allOthers(8), same.map(() => Array(16).fill(0))])
      expect(lossOf(same, mask, 0.2)).toBeCloseTo(0.2, 5);
  });

  it('has the gradient of the loops', () => {
    const { grads } = valueAndGrad(
      (tree) => ({ loss: tripletHinge(tree.z as tf.Tensor, rowsOf(negatives), 0.2), aux: {} }),
      { z: rowsOf(drawn) },
    );
    const found = valuesOf(grads.get('z')!);
    // Distances as 2 - 2·z·z' differ from sums of squares off the unit sphere, so directions along it are compared.
    const expected = differences((moved) => hingeInLoops(moved.map(unit), negatives, 0.2), drawn);
    drawn.forEach((row, i) => {
      const own = found.slice(3 * i, 3 * i + 3);
      const along = dot(own, row);
      own.forEach((value, d) => {
        expect(value - along * row[d]).toBeCloseTo(expected[3 * i + d], 4);
      });
    });
    expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(0.01);
  });
});

const folder = await mkdtemp(join(tmpdir(), 'frame-contrast-'));
afterAll(() => rm(folder, { recursive: true }));
const root = join(folder, 'drives');
const timesS = Array.from({ length: 12 }, (_, i) => 0.1 * i);
await writePictureDrives(root, [{ timesS }, { timesS }]);

describe('frame-contrast', async () => {
  // Between two steps, so that no pair lies on its edge.
  const options = { view: tinyView, gapS: 0.1, deadZoneS: 0.35, dimensions: 6, temperature: 0.5 };
  const run = tinyImageRun('frame-contrast-small', options);
  const frames = [
    [0, 6, 13, 20],
    [3, 4, 5, 23],
    [10, 2, 17, 14],
  ];
  const first = await driveSteps(run, { root, frames });
  const eager = runSteps(first);
  const outputOf = (outputs: ReadonlyArray<Tree<HostTensor>>, step: number, path: string) =>
    leafOf(outputs[step], path).data[0];

  it('compares the pictures of its clips, without those of nearly the same time', async () => {
    const { outputs, states } = await eager;
    const encoder = imageEncoderNet(run.encoders.image!);
    const head = linearNet({ inputs: 32, outputs: 6 });
    for (const step of [0, 1, 2]) {
      const { params, stats } = states[step] as { readonly [branch: string]: Tree<HostTensor> };
      const model = { ...params, ...branchAt(params, 'frame-contrast') };
      const net = running({ params: uploadTree(model), stats: uploadTree(stats) }, { training: true });
      const at = (name: string) => leafOf(first.batches[step], `data/frame-contrast/clip/${name}`);
      const pixels = upload(at('pixels'));
      const made = net.of('head', head, net.of('imageEncoder', encoder, pixels)).arraySync() as number[][];
      const [sequence, times] = [[...at('sequence').data], [...at('timeS').data]];
      const mask = times.map((time, i) =>
        times.map((other, j) =>
          sequence[i % 4] !== sequence[j % 4] || Math.abs(time - other) > 0.35 ? 1 : 0,
        ),
      );
      const rows = made.map(unit);
      const loss = outputOf(outputs, step, 'loss/contrast');
      expect(loss).toBeCloseTo(contrastInLoops(rows, mask, 0.5), 4);
      const counts = mask.map((row) => dot(row, row));
      expect(outputOf(outputs, step, 'metric/negatives')).toBeCloseTo(meanOf(counts), 5);
      const nearest = rows.map((row, i) => {
        const right = dot(row, rows[(i + 4) % 8]);
        const others = rows.flatMap((other, j) => (mask[i][j] === 1 ? [dot(row, other)] : []));
        return others.length > 0 && right > Math.max(...others) + 1e-4 ? 1 : 0;
      });
      expect(outputOf(outputs, step, 'metric/top1')).toBeCloseTo(meanOf(nearest), 6);
      // Three of the second batch's clips are of almost the same time: nothing else would be masked there.
      if (step === 1)
        expect(Math.abs(contrastInLoops(rows, mask, 0.5, 'nothing is masked') - loss)).toBeGreaterThan(0.005);
    }
  });

  it('draws each picture with a crop and colours of its own, even where nothing moves', async () => {
    const still = join(folder, 'still');
    const picture = () => ({
      width: 64,
      height: 24,
      data: Uint8Array.from({ length: 64 * 24 * 3 }, (_, i) => (i * i) % 251),
    });
    await writePictureDrives(still, [{ timesS, picture }]);
    const { batches } = await driveSteps(run, { root: still, frames: [[0, 3, 6, 9]] });
    const pixels = leafOf(batches[0], 'data/frame-contrast/clip/pixels').data;
    const size = 8 * 8 * 3;
    const picturesOf = Array.from({ length: 8 }, (_, i) => `${pixels.slice(size * i, size * i + size)}`);
    expect(new Set(picturesOf).size).toBe(8);
  });

  it('says what nothing learned is', async () => {
    expect(first.pretraining.chance(24)).toEqual({ total: Math.log(7), terms: { contrast: Math.log(7) } });
    const hinge = tinyImageRun('frame-contrast-small', { ...options, loss: 'triplet', margin: 0.3 });
    const triplet = await driveSteps(hinge, { root, frames: frames.slice(0, 1) });
    expect(triplet.pretraining.chance(24)).toEqual({ total: 0.3, terms: { triplet: 0.3 } });
    await expectCapturedAsEager(triplet, await runSteps(triplet));
  });

  it('trains encoder and head, and remembers nothing', async () => {
    expect(new Set(connectedPaths(first).map((path) => path.split('/').slice(0, 2).join('/')))).toEqual(
      new Set(['params/imageEncoder', 'params/frame-contrast']),
    );
    expect(Object.keys(first.state).sort()).toEqual(['optimizer', 'params', 'stats']);
  });

  it('refuses a dead zone within which the partner may lie, and batches of one', async () => {
    const changed = (changes: object, batchSize = 4) =>
      driveSteps(tinyImageRun('frame-contrast-small', { ...options, ...changes }, { batchSize }), {
        root,
        frames: [],
      });
    await expect(changed({ deadZoneS: 0.12 })).rejects.toThrow(
      'configuration: objectives.frame-contrast.deadZoneS: expected at least 0.125, 1.25 times gapS: no negative is nearer in time than the partner, found 0.12',
    );
    await expect(changed({}, 1)).rejects.toThrow(
      'configuration: batchSize: expected at least 2: frame-contrast compares a clip with others, found 1',
    );
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run, { root });
  });

  describeWithRealData('on the real drive 0005', 'kitti-raw/2011_09_26', (real) => {
    it('learns nothing from twelve frames within a dead zone of 2 s, and says so by its loss', async () => {
      const short = tinyImageRun('frame-contrast-small', { ...options, deadZoneS: 2 });
      const { outputs } = await runSteps(await driveSteps(short, { root: real, frames: [[0, 4, 8, 11]] }));
      expect(outputOf(outputs, 0, 'loss/contrast')).toBeCloseTo(Math.log(7), 5);
      expect(outputOf(outputs, 0, 'metric/negatives')).toBe(0);
      expect(outputOf(outputs, 0, 'metric/top1')).toBe(0);
    });
  });
});
