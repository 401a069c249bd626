import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { Step } from '../../../src/engine/capture.ts';
import { conv2d } from '../../../src/nn/conv2d.ts';
import { maxOverNeighbors } from '../../../src/nn/max-over-neighbors.ts';
import { valueAndGrad } from '../../../src/nn/value-and-grad.ts';
import { gatherRows } from '../../../src/pointcloud/grouping.ts';
import { seeded, values, whole } from '../against-cpu.ts';
import { block, expectPathsAgree, pattern } from './paths.ts';

type Tensors = { readonly [name: string]: tf.Tensor };

/** Makes a tensor of the one shape that a program knows of two such, near 1 in size; `given` are its parameters. */
type Operation = (a: tf.Tensor, b: tf.Tensor, given: Tensors) => tf.Tensor;

/** An operation and which of the values so far it takes. */
interface Line {
  readonly name: string;
  readonly a: number;
  readonly b: number;
}

const anyKind: { readonly [name: string]: Operation } = {
  tanh: (a) => tf.tanh(a),
  softplus: (a) => tf.softplus(a),
  negative: (a) => tf.neg(a),
  sum: (a, b) => tf.mul(tf.add(a, b), 0.7),
  difference: (a, b) => tf.sub(a, tf.mul(b, 0.5)),
  product: (a, b) => tf.mul(a, tf.tanh(b)),
  square: (a) => tf.mul(tf.square(tf.tanh(a)), 0.5),
  quotient: (a, b) => tf.div(a, tf.add(tf.square(b), 1)),
  reflected: (a) => tf.sub(1, a),
  inverse: (a) => tf.div(1, tf.add(tf.square(a), 1)),
  mean: (a, b) => tf.add(a, tf.mean(b)),
  length: (a, b) => tf.div(a, tf.sqrt(tf.add(tf.mean(tf.square(b)), 0.1))),
};

/** Rows, weights and products of rows are all [32, 32] here, so that only what they are tells how they lie. */
const side = 32;

const ofRows: { readonly [name: string]: Operation } = {
  ...anyKind,
  layer: (a, _, { w }) => tf.matMul(a, w),
  another: (a, _, { v }) => tf.matMul(a, v),
  backwards: (a, _, { w }) => tf.matMul(a, w, false, true),
  weights: (a, _, { w }) => tf.add(a, w),
  weighed: (a, b) => tf.mul(tf.matMul(tf.tanh(a), tf.tanh(b)), 0.2),
  gram: (a, b) => tf.mul(tf.matMul(tf.tanh(a), tf.tanh(b), true), 0.2),
  kernel: (a, b) => tf.mul(tf.matMul(tf.tanh(a), tf.tanh(b), false, true), 0.2),
  turned: (a) => tf.transpose(a),
  vector: (a, _, { vector }) => tf.add(tf.mul(a, vector), vector),
  column: (a, _, { column }) => tf.add(tf.mul(a, column), column),
  centered: (a) => tf.sub(a, tf.mean(a, 0, true)),
  normed: (a) => tf.div(a, tf.sqrt(tf.add(tf.mean(tf.square(a), 0, true), 0.1))),
  rowwise: (a) => tf.sub(a, tf.mean(a, 1, true)),
  moved: (a, b) => tf.slice(tf.concat([a, b], 1), [0, 16], [side, side]),
  stacked: (a, b) => tf.slice(tf.concat([a, b], 0), [7, 0], [side, side]),
  taken: (a, _, { index }) => gatherRows(a, index),
  gathered: (a, _, { index }) => tf.mul(tf.unsortedSegmentSum(a, index as tf.Tensor1D, side), 0.5),
  highest: (a) => tf.tile(maxOverNeighbors(a, 4), [4, 1]),
  grouped: (a) => {
    const groups = tf.reshape(a, [8, 4, side]);
    return tf.reshape(tf.sub(groups, tf.mean(groups, 1, true)), [side, side]);
  },
};

/** All images are [2, 32, 4, 5] here. */
const ofImages: { readonly [name: string]: Operation } = {
  ...anyKind,
  convolved: (a, _, { w }) => conv2d({ weight: w }, a, { padding: 1 }),
  again: (a, _, { w }) =>
    conv2d({ weight: w }, tf.tanh(conv2d({ weight: w }, a, { padding: 1 })), { padding: 1 }),
  mixed: (a, _, { v }) => conv2d({ weight: v }, a),
  vector: (a, _, { vector }) => {
    const each = tf.reshape(vector, [1, side, 1, 1]);
    return tf.add(tf.mul(a, each), each);
  },
  pixels: (a, _, { column }) => tf.mul(a, tf.reshape(tf.slice(column, [0, 0], [20, 1]), [4, 5])),
  centered: (a) => tf.sub(a, tf.mean(a, [0, 2, 3], true)),
  normed: (a) => tf.div(a, tf.sqrt(tf.add(tf.mean(tf.square(a), [0, 2, 3], true), 0.1))),
  excited: (a, b) => tf.mul(a, tf.sigmoid(tf.mean(b, [2, 3], true))),
  unit: (a) => tf.div(a, tf.sqrt(tf.add(tf.mean(tf.square(a), 1, true), 0.1))),
  rows: (a, _, { v }) => {
    const pixels = tf.reshape(tf.transpose(a, [0, 2, 3, 1]), [-1, side]);
    const mapped = tf.matMul(pixels, tf.reshape(v, [side, side]));
    return tf.transpose(tf.reshape(mapped, [2, 4, 5, side]), [0, 3, 1, 2]);
  },
  moved: (a, b) => tf.slice(tf.concat([a, b], 1), [0, 16, 0, 0], [2, side, 4, 5]),
  swapped: (a) => tf.reverse(a, 0),
  pooled: (a) => {
    const highest = tf.maxPool(tf.transpose(a, [0, 2, 3, 1]) as tf.Tensor4D, 3, 1, 'same');
    return tf.transpose(highest, [0, 3, 1, 2]);
  },
};

const kinds = {
  rows: { operations: ofRows, first: 'layer', shape: [side, side], w: [side, side], v: [side, side] },
  images: {
    operations: ofImages,
    first: 'mixed',
    shape: [2, side, 4, 5],
    w: [side, side, 3, 3],
    v: [side, side, 1, 1],
  },
} as const;

/** A step that descends on the last values of a program; one of its values is remembered, and w and v may change places. */
function stepOf(
  operations: { readonly [name: string]: Operation },
  lines: readonly Line[],
  first: string,
): Step {
  return ({ w, v, kept }, { x, ...rest }) => {
    const { loss, aux, grads } = valueAndGrad(
      (moving) => {
        const given = { ...rest, ...moving } as Tensors;
        const found = [given.x, operations[first](given.x, given.x, given), kept as tf.Tensor];
        for (const { name, a, b } of lines)
          found.push(operations[name](found[a % found.length], found[b % found.length], given));
        const y = tf.tanh(tf.add(found[found.length - 1], found[found.length - 2]));
        const remembered = tf.tanh(found[lines[0].a % found.length]);
        return { loss: tf.sum(tf.mul(y, pattern(y.shape))) as tf.Scalar, aux: { y, remembered } };
      },
      { x, w, v, vector: rest.vector, column: rest.column } as Tensors,
    );
    const moved = (key: string, weight: tf.Tensor) => {
      const grad = grads.get(key);
      return grad === undefined ? weight : tf.sub(weight, tf.mul(grad, 1e-3));
    };
    const next = { w: moved('w', w as tf.Tensor), v: moved('v', v as tf.Tensor), kept: aux.remembered };
    return [next, { loss, y: aux.y, gradient: Object.fromEntries(grads) }];
  };
}

describe.skipIf(block === undefined).each(['rows', 'images'] as const)('programs on %s', (kind) => {
  const { operations, first, shape, w, v } = kinds[kind];
  const line = fc.record({ name: fc.constantFrom(...Object.keys(operations)), a: fc.nat(50), b: fc.nat(50) });

  it('give the same on blocks and without, gradients and next states too', async () => {
    const random = seeded(`programs ${kind}`);
    const weights = (each: readonly number[]) => {
      const bound = 1.5 / Math.sqrt(side * (each[2] ?? 1) ** 2);
      return values(random, each, { gap: 0, low: -bound, high: bound });
    };
    const state = { w: weights(w), v: weights(v), kept: values(random, shape) };
    const batch = {
      x: values(random, shape),
      vector: values(random, [side]),
      column: values(random, [side, 1]),
      index: whole(random, [side], side),
    };
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 2, maxLength: 9 }), async (lines) => {
        await expectPathsAgree(
          stepOf(operations, lines, first),
          { state, batch, runs: 2 },
          { tolerance: 3e-4, what: lines.map(({ name }) => name).join() },
        );
      }),
      { numRuns: 40, seed: 41 },
    );
  });
});
