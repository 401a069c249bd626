import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { reductions } from '../../src/engine/kernels/reductions.ts';
import { shapes } from '../../src/engine/kernels/shapes.ts';
import type { TensorFunction } from './against-cpu.ts';
import { awkwardShapes, expectAsOnCpu, seeded, unexercised, values, whole } from './against-cpu.ts';

/** All subsets of the axes of a shape. */
function subsets(rank: number): number[][] {
  return Array.from({ length: 2 ** rank }, (_, bits) =>
    Array.from({ length: rank }, (_unused, axis) => axis).filter((axis) => bits & (1 << axis)),
  );
}

const ranked = awkwardShapes.filter((shape) => shape.length > 0).map((shape) => [shape]);

describe('kernels that reduce, against tfjs on the cpu', () => {
  it.each(awkwardShapes.map((shape) => [shape]))('every set of axes of shape [%s]', async (shape) => {
    const functions: { [name: string]: TensorFunction } = {};
    const valuesOnly: { [name: string]: TensorFunction } = {};
    for (const axes of subsets(shape.length)) {
      for (const keep of [true, false]) {
        functions[`sum ${axes} ${keep}`] = (x) => tf.sum(x, axes, keep);
        functions[`mean ${axes} ${keep}`] = (x) => tf.mean(x, axes, keep);
        functions[`max ${axes} ${keep}`] = (x) => tf.max(x, axes, keep);
        functions[`min ${axes} ${keep}`] = (x) => tf.min(x, axes, keep);
        valuesOnly[`prod ${axes} ${keep}`] = (x) => tf.prod(x, axes, keep);
        valuesOnly[`any ${axes} ${keep}`] = (x) => tf.any(tf.greater(x, 0.5), axes, keep);
        valuesOnly[`all ${axes} ${keep}`] = (x) => tf.all(tf.greater(x, -0.5), axes, keep);
      }
    }
    const inputs = [values(seeded(`reduce ${shape}`), shape)];
    await expectAsOnCpu(functions, inputs, { valuesOnly });
  });

  it.each(ranked)('along one axis of shape [%s]', async (shape) => {
    const functions: { [name: string]: TensorFunction } = {
      softmax: (x) => tf.softmax(x),
      norm: (x) => tf.norm(x),
      logSumExp: (x) => tf.logSumExp(x, shape.length - 1),
    };
    const valuesOnly: { [name: string]: TensorFunction } = {};
    for (let axis = -shape.length; axis < shape.length; axis++) {
      // tfjs counts no axes from the end here, and has the gradient along the last axis only.
      const table = axis === shape.length - 1 ? functions : valuesOnly;
      if (axis >= 0) table[`cumsum ${axis}`] = (x) => tf.cumsum(x, axis, axis % 2 === 0, axis > 0);
      if (axis === shape.length - 1) functions[`logSoftmax ${axis}`] = (x) => tf.logSoftmax(x, axis);
      valuesOnly[`argMax ${axis}`] = (x) => tf.argMax(x, axis);
      valuesOnly[`argMin ${axis}`] = (x) => tf.argMin(x, axis);
    }
    const inputs = [values(seeded(`axis ${shape}`), shape)];
    await expectAsOnCpu(functions, inputs, { valuesOnly });
  });
});

describe('kernels that move data, against tfjs on the cpu', () => {
  it.each(ranked)('shape [%s]', async (shape) => {
    const rank = shape.length;
    const functions: { [name: string]: TensorFunction } = {
      reshape: (x) => tf.mul(tf.reshape(x, [-1]), 2),
      expandDims: (x) => tf.square(tf.expandDims(x, -1)),
      squeeze: (x) => tf.square(tf.squeeze(x)),
      clone: (x) => tf.square(tf.clone(x)),
      transpose: (x) => tf.square(tf.transpose(x)),
      rotated: (x) => tf.square(tf.transpose(tf.transpose(x, rotation(rank, 1)), rotation(rank, 2))),
      reverse: (x) => tf.square(tf.reverse(x, [...new Set([0, rank - 1])])),
      slice: (x) =>
        tf.square(
          tf.slice(
            x,
            shape.map((length) => Math.floor(length / 3)),
            shape.map((length) => Math.ceil(length / 2)),
          ),
        ),
      pad: (x) =>
        tf.square(
          tf.pad(
            x,
            shape.map((_, axis) => [axis, 2] as [number, number]),
            0.5,
          ),
        ),
      tile: (x) =>
        tf.square(
          tf.tile(
            x,
            shape.map((_, axis) => 1 + (axis % 3)),
          ),
        ),
      zerosAndOnes: (x) => tf.add(tf.mul(x, tf.onesLike(x)), tf.add(tf.zerosLike(x), tf.fill([...shape], 2))),
    };
    const valuesOnly: { [name: string]: TensorFunction } = {
      broadcastTo: (x) => tf.broadcastTo(tf.reshape(x, [1, ...shape]), [3, ...shape]),
      strided: (x) =>
        tf.stridedSlice(
          x,
          shape.map(() => 0),
          [...shape],
          shape.map((_, axis) => 1 + (axis % 2)),
        ),
      backwards: (x) =>
        tf.stridedSlice(
          x,
          shape.map((length) => length - 1),
          shape.map((length) => -length - 1),
          shape.map(() => -1),
        ),
      range: (x) => tf.mul(tf.range(0, shape[rank - 1]), x),
    };
    for (let axis = 0; axis < rank; axis++) {
      const length = shape[axis];
      functions[`concat ${axis}`] = (x, y) => tf.square(tf.concat([x, y, x], axis));
      functions[`stack ${axis}`] = (x, y) => tf.square(tf.stack([x, y], axis));
      // tfjs has no gradient of parts where there is one part only.
      (length > 1 ? functions : valuesOnly)[`unstack ${axis}`] = (x) =>
        tf.unstack(x, axis).map((part) => tf.square(part));
      const lengths = length > 2 ? [1, -1, 1] : [length];
      (length > 2 ? functions : valuesOnly)[`split ${axis}`] = (x) =>
        tf.split(x, lengths, axis).map((part) => tf.square(part));
      // tfjs's own gradient of mirrorPad is that of a slice, which leaves out what is mirrored.
      if (length > 1)
        valuesOnly[`mirror ${axis}`] = (x) =>
          tf.square(
            tf.mirrorPad(
              x,
              shape.map((_, i) => (i === axis ? [1, 1] : [0, 0])),
              'reflect',
            ),
          );
      valuesOnly[`symmetric ${axis}`] = (x) =>
        tf.mirrorPad(
          x,
          shape.map((_, i) => (i === axis ? [1, 1] : [0, 0])),
          'symmetric',
        );
    }
    const random = seeded(`move ${shape}`);
    const inputs = [values(random, shape), values(random, shape)];
    await expectAsOnCpu(functions, inputs, { valuesOnly });
  });

  it('vectors in many parts, of every type', async () => {
    // Cut in several rounds, by parts that are empty or one number too.
    const lengths = Array.from({ length: 61 }, (_, i) => (i * i) % 5);
    const size = lengths.reduce((sum, length) => sum + length, 0);
    const parts = (x: tf.Tensor) => tf.split(x, lengths);
    const functions = { float: (x: tf.Tensor) => parts(x).map((part) => tf.square(part)) };
    const valuesOnly: { [name: string]: TensorFunction } = {
      whole: (_, i) => parts(i).map((part) => tf.add(part, tf.scalar(1, 'int32'))),
      bool: (x) => parts(tf.greater(x, 0)).map((part) => tf.logicalNot(part)),
      constant: () => parts(tf.range(0, size)).map((part) => tf.square(part)),
    };
    const random = seeded('parts');
    await expectAsOnCpu(functions, [values(random, [size]), whole(random, [size], 9)], { valuesOnly });
  });

  it('one-hot vectors of every type', async () => {
    const random = seeded('one hot');
    const valuesOnly: { [name: string]: TensorFunction } = {
      default: (i) => tf.oneHot(i as tf.Tensor1D, 5),
      float: (i) => tf.oneHot(i as tf.Tensor1D, 5, 0.9, 0.1, 'float32'),
      outside: (i) => tf.oneHot(tf.sub(i, tf.scalar(2, 'int32')) as tf.Tensor1D, 3),
    };
    await expectAsOnCpu({}, [whole(random, [7], 5)], { valuesOnly });
  });
});

describe('these tables', () => {
  it('hold no kernel that was not run', () => {
    expect(unexercised({ ...reductions, ...shapes })).toEqual([]);
  });
});

function rotation(rank: number, by: number): number[] {
  return Array.from({ length: rank }, (_, axis) => (axis + by) % rank);
}
