import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../../src/engine/host-tensor.ts';
import { Random } from '../../../src/engine/random.ts';
import type { Tree } from '../../../src/engine/tree.ts';
import {
  type Direction,
  transitionAccuracy,
  transitionHead,
  transitionLoss,
} from '../../../src/objectives/parts/transitions.ts';
import { expectGradients, randomTensor, uploadTree, valuesOf, weighed } from '../../nn/tensors.ts';
import { leafOf } from '../tiny-image-run.ts';

const directions: readonly Direction[] = ['forward', 'either'];

/** All orders of so many frames. */
function ordersOf(frames: number): number[][] {
  if (frames === 0) return [[]];
  return ordersOf(frames - 1).flatMap((order) =>
    Array.from({ length: frames }, (_, at) => [...order.slice(0, at), frames - 1, ...order.slice(at)]),
  );
}

/** The places in time of several clips as a batch has them: all that come first first. */
function orderOf(clips: ReadonlyArray<readonly number[]>): tf.Tensor {
  return tf.tensor1d(
    clips[0].flatMap((_, place) => clips.map((clip) => clip[place])),
    'int32',
  );
}

/** The loss in loops and float64: of logits [n][n] and the places in time of a clip. */
function restated(
  logits: ReadonlyArray<readonly number[]>,
  times: readonly number[],
  direction: Direction,
): number {
  const rows = times.flatMap((time, i) => {
    const wanted = direction === 'forward' ? [time + 1] : [time - 1, time + 1];
    const right = wanted.map((each) => times.indexOf(each)).filter((j) => j >= 0);
    if (right.length === 0) return [];
    const total = logits[i].reduce((sum, logit, j) => (j === i ? sum : sum + Math.exp(logit)), 0);
    return [right.reduce((sum, j) => sum + Math.log(total) - logits[i][j], 0) / right.length];
  });
  return rows.reduce((sum, row) => sum + row, 0) / rows.length;
}

function lossOf(logits: tf.Tensor, times: ReadonlyArray<readonly number[]>, direction: Direction): number {
  return valuesOf(transitionLoss(logits, orderOf(times), direction))[0];
}

function accuracyOf(logits: tf.Tensor, times: readonly number[], direction: Direction): number {
  return valuesOf(transitionAccuracy(logits, orderOf([times]), direction))[0];
}

describe('transitionLoss', () => {
  const times = [
    [2, 0, 3, 1],
    [0, 1, 2, 3],
    [3, 1, 0, 2],
  ];
  const logits = randomTensor('logits', [3, 4, 4], 2);
  const rows = logits.arraySync() as number[][][];

  it.each(directions)('is the cross-entropy over the other frames in loops and float64, %s', (direction) => {
    const expected = rows.reduce((sum, clip, b) => sum + restated(clip, times[b], direction) / 3, 0);
    expect(lossOf(logits, times, direction)).toBeCloseTo(expected, 5);
  });

  it('is what can be worked out by hand', () => {
    // Frame 0 is followed by frame 2 and that by frame 1: e² of e² + 1 twice; the last frame, 1, does not count.
    const one = tf.tensor3d([
      [
        [9, 0, 2],
        [5, 9, -5],
        [0, 2, 9],
      ],
    ]);
    expect(lossOf(one, [[0, 2, 1]], 'forward')).toBeCloseTo(Math.log(1 + Math.exp(-2)), 5);
    // Neighbours: frame 2 of frame 0, both others of frame 2, frame 2 of frame 1.
    const [won, lost, ten] = [
      Math.log(1 + Math.exp(-2)),
      Math.log(1 + Math.exp(2)),
      Math.log(1 + Math.exp(10)),
    ];
    expect(lossOf(one, [[0, 2, 1]], 'either')).toBeCloseTo((won + (won + lost) / 2 + ten) / 3, 5);
  });

  it('is none of the usual mistakes', () => {
    const ours = lossOf(logits, times, 'forward');
    const before = times.map((clip) => clip.map((time) => 3 - time));
    expect(Math.abs(lossOf(logits, before, 'forward') - ours)).toBeGreaterThan(0.1);
    expect(Math.abs(lossOf(tf.transpose(logits, [0, 2, 1]), times, 'forward') - ours)).toBeGreaterThan(0.1);
    expect(lossOf(tf.add(logits, tf.mul(tf.eye(4), 50)), times, 'forward')).toBeCloseTo(ours, 5);
    // Neighbours in time have no direction.
    expect(lossOf(logits, before, 'either')).toBeCloseTo(lossOf(logits, times, 'either'), 6);
  });

  it.each(directions)('is ln(n - 1) where all logits are alike, %s', (direction) => {
    for (const frames of [3, 4, 5]) {
      const [order] = ordersOf(frames).slice(7 % frames);
      expect(lossOf(tf.fill([1, frames, frames], 3), [order], direction)).toBeCloseTo(
        Math.log(frames - 1),
        5,
      );
    }
  });

  it.each(directions)(
    'is no less, over all orders, for logits that do not know the order, %s',
    (direction) => {
      for (const [frames, scale] of [
        [3, 1],
        [4, 0.3],
        [4, 3],
      ]) {
        const blind = randomTensor(`blind ${frames} ${scale}`, [1, frames, frames], scale);
        const orders = ordersOf(frames);
        const mean = orders.reduce((sum, each) => sum + lossOf(blind, [each], direction), 0) / orders.length;
        expect(mean).toBeGreaterThan(Math.log(frames - 1));
      }
    },
  );

  it('would be nothing for a mere cycle of three frames, were the better of both directions taken', () => {
    const cycle = tf.mul(
      tf.tensor3d([
        [
          [0, 1, 0],
          [0, 0, 1],
          [1, 0, 0],
        ],
      ]),
      20,
    );
    for (const order of ordersOf(3)) {
      const back = order.map((time) => 2 - time);
      const better = Math.min(lossOf(cycle, [order], 'forward'), lossOf(cycle, [back], 'forward'));
      expect(better).toBeLessThan(1e-6);
    }
    const mean = ordersOf(3).reduce((sum, order) => sum + lossOf(cycle, [order], 'either') / 6, 0);
    expect(mean).toBeCloseTo(10, 4);
  });

  it.each(directions)('has the gradient of its differences, and none on the diagonal, %s', (direction) => {
    const order = orderOf(times);
    expectGradients((tree) => transitionLoss(tree.logits as tf.Tensor, order, direction), { logits });
    const slope = tf.grad((x: tf.Tensor) => transitionLoss(x, order, direction))(logits);
    for (const clip of slope.arraySync() as number[][][])
      clip.forEach((row, i) => {
        expect(Math.abs(row[i])).toBe(0);
      });
  });
});

describe('transitionAccuracy', () => {
  it.each(directions)('counts the rows whose highest logit is right, in loops, %s', (direction) => {
    for (let draw = 0; draw < 20; draw++) {
      const times = [...Random.fromSeed(`order ${draw}`).permutation(5)];
      const logits = randomTensor(`logits ${draw}`, [1, 5, 5]);
      const [rows] = logits.arraySync() as number[][][];
      const hits = rows.map((row, i) => {
        const best = row.reduce(
          (most, logit, j) => (j !== i && (most < 0 || logit > row[most]) ? j : most),
          -1,
        );
        const step = times[best] - times[i];
        return step === 1 || (direction === 'either' && step === -1) ? 1 : 0;
      });
      const expected = hits.reduce<number>((sum, hit) => sum + hit, 0) / (direction === 'forward' ? 4 : 5);
      expect(accuracyOf(logits, times, direction)).toBeCloseTo(expected, 6);
    }
  });

  it('is 1/(n - 1), or 2/n, over all orders where the order is not known', () => {
    const blind = randomTensor('blind', [1, 4, 4]);
    const mean = (direction: Direction) =>
      ordersOf(4).reduce((sum, order) => sum + accuracyOf(blind, order, direction) / 24, 0);
    expect(mean('forward')).toBeCloseTo(1 / 3, 6);
    expect(mean('either')).toBeCloseTo(1 / 2, 6);
  });

  it('is 0 where all logits are alike', () => {
    for (const direction of directions)
      expect(accuracyOf(tf.zeros([1, 4, 4]), [2, 0, 3, 1], direction)).toBe(0);
  });
});

describe('transitionHead', () => {
  const batchNorm = { eps: 0.1, momentum: 0.1 };
  const options = { inputs: 3, dimensions: 4, hidden: 5, frames: 3, temperature: 0.5, batchNorm };
  const head = transitionHead(options);
  const { params, stats } = head.initialize(Random.fromSeed('head'));
  const [uploaded, running] = [params, stats].map(uploadTree);
  const maps = randomTensor('maps', [6, 3, 2, 4]);
  const logitsOf = (x: tf.Tensor) => head.apply(uploaded, running, x, { training: true }).y;

  it('compares every place with what looks like it, in loops and float64', () => {
    const found = logitsOf(maps);
    expect(found.shape).toEqual([2, 3, 3]);
    const frames = maps.arraySync() as number[][][][];
    const rows = normalisedRows(params, frames);
    const compared = [0, 1].flatMap((clip) =>
      [0, 1, 2].flatMap((i) =>
        [0, 1, 2].map((j) => comparedRow(params, rows[2 * i + clip], rows[2 * j + clip], 0.5)),
      ),
    );
    const expected = normalised(compared).map((row) => linear(params, 'logit/1', row)[0]);
    valuesOf(found).forEach((value, at) => {
      expect(value).toBeCloseTo(expected[at], 5);
    });
    // No two of them are alike, so that none can stand for another.
    expect(new Set(expected.map((value) => value.toFixed(5))).size).toBe(18);
  });

  it('gives the same logits to the same frames in whatever order they come', () => {
    const order = [2, 0, 1];
    const moved = tf.concat(
      order.map((place) => tf.slice(maps, [2 * place, 0, 0, 0], [2, 3, 2, 4])),
      0,
    );
    const [one, other] = [logitsOf(maps), logitsOf(moved)].map((each) => each.arraySync() as number[][][]);
    for (const clip of [0, 1])
      for (const i of [0, 1, 2])
        for (const j of [0, 1, 2]) expect(other[clip][i][j]).toBeCloseTo(one[clip][order[i]][order[j]], 6);
  });

  it.each(directions)('knows nothing of frames that are all the same: exactly ln(n - 1), %s', (direction) => {
    for (const seed of ['one', 'two', 'three']) {
      const own = uploadTree(head.initialize(Random.fromSeed(seed)).params);
      const still = tf.tile(randomTensor(seed, [2, 3, 2, 4], 5), [3, 1, 1, 1]);
      const { y } = head.apply(own, running, still, { training: true });
      for (const order of ordersOf(3))
        expect(lossOf(y, [order, order], direction)).toBeCloseTo(Math.log(2), 5);
    }
  });

  it('has the gradient of its differences, for features and parameters', () => {
    // Few numbers and small steps: a ReLU's bend is seldom within one.
    const two = transitionHead({ ...options, frames: 2 });
    const made = two.initialize(Random.fromSeed('two'));
    const own = uploadTree(made.stats);
    expectGradients(
      ({ x, head: tree }) =>
        weighed(two.apply(tree as Tree<tf.Tensor>, own, x as tf.Tensor, { training: true }).y),
      { x: randomTensor('few', [2, 3, 1, 3]), head: uploadTree(made.params) },
      { step: 2e-3 },
    );
  });
});

type Row = readonly number[];

/** A linear layer in loops. */
function linear(params: Tree<HostTensor>, name: string, row: Row): number[] {
  const bias = leafOf(params, `${name}/bias`).data;
  const weight = leafOf(params, `${name}/weight`).data;
  return Array.from(bias, (shift, o) =>
    row.reduce((sum, value, i) => sum + value * weight[i * bias.length + o], shift),
  );
}

/** A batch norm over all rows, with the eps 0.1, as it begins. */
function normalised(rows: readonly Row[]): number[][] {
  const mean = rows[0].map((_, o) => rows.reduce((sum, row) => sum + row[o], 0) / rows.length);
  const deviation = mean.map((middle, o) =>
    Math.sqrt(rows.reduce((sum, row) => sum + (row[o] - middle) ** 2, 0) / rows.length + 0.1),
  );
  return rows.map((row) => row.map((value, o) => (value - mean[o]) / deviation[o]));
}

/** The rows of all places of all frames [C][H][W]: linear, and the batch norm over all of them. */
function normalisedRows(params: Tree<HostTensor>, frames: ReadonlyArray<readonly number[][][]>): Row[][] {
  const weight = leafOf(params, 'place/0/weight').data;
  const rows = frames.flatMap((maps) =>
    [0, 1].flatMap((y) =>
      [0, 1, 2, 3].map((x) =>
        [0, 1, 2, 3].map((o) => maps.reduce((sum, map, c) => sum + map[y][x] * weight[4 * c + o], 0)),
      ),
    ),
  );
  const all = normalised(rows);
  return frames.map((_, frame) => all.slice(8 * frame, 8 * frame + 8));
}

/** What the layer with ReLU makes of two frames' places, the mean over the places of `frame`. */
function comparedRow(
  params: Tree<HostTensor>,
  frame: readonly Row[],
  other: readonly Row[],
  temperature: number,
): number[] {
  // Middles of two rows of four columns.
  const at = [-0.5, 0.5].flatMap((y) => [-0.75, -0.25, 0.25, 0.75].map((x) => [x, y]));
  const unit = (row: Row) => row.map((value) => value / Math.hypot(...row));
  const [asked, offered] = [frame.map(unit), other.map(unit)];
  const hidden = asked.map((row, place) => {
    const near = offered.map((each) =>
      Math.exp(row.reduce((sum, value, d) => sum + value * each[d], 0) / temperature),
    );
    const total = near.reduce((sum, each) => sum + each, 0);
    const mean = (rows: readonly Row[]) =>
      rows[0].map((_, d) => rows.reduce((sum, each, s) => sum + (near[s] / total) * each[d], 0));
    const moved = mean(at).map((value, d) => value - at[place][d]);
    const seen = [...row, ...mean(offered), ...at[place], ...moved];
    return linear(params, 'compare/0', seen).map((value) => Math.max(0, value));
  });
  return hidden[0].map((_, h) => hidden.reduce((sum, row) => sum + row[h], 0) / hidden.length);
}
