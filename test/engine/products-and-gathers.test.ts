import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gathers } from '../../src/engine/kernels/gathers.ts';
import { products } from '../../src/engine/kernels/products.ts';
import type { TensorFunction } from './against-cpu.ts';
import { expectAsOnCpu, seeded, unexercised, values, whole } from './against-cpu.ts';

describe('kernels that multiply matrices, against tfjs on the cpu', () => {
  it('every transposition, size and batch', async () => {
    const size = fc.constantFrom(1, 2, 3, 7, 16);
    const batch = fc.constantFrom([], [1], [3], [2, 3], [1, 2]);
    await fc.assert(
      fc.asyncProperty(size, size, size, batch, async (rows, inner, columns, lead) => {
        const random = seeded(`matmul ${rows} ${inner} ${columns} ${lead}`);
        for (const [left, right] of [
          [false, false],
          [true, false],
          [false, true],
          [true, true],
        ]) {
          const a = values(random, [...lead, ...(left ? [inner, rows] : [rows, inner])]);
          const b = values(random, [...lead, ...(right ? [columns, inner] : [inner, columns])]);
          await expectAsOnCpu({ product: (x, y) => tf.matMul(x, y, left, right) }, [a, b]);
        }
      }),
      { numRuns: 12, seed: 11 },
    );
  });

  it('a product with a transposed value, and one with a broadcast batch', async () => {
    const random = seeded('transposed product');
    const functions: { [name: string]: TensorFunction } = {
      transposed: (x, y) => tf.matMul(tf.transpose(x), tf.transpose(y)),
      self: (x) => tf.matMul(x, x, false, true),
    };
    await expectAsOnCpu(functions, [values(random, [4, 3]), values(random, [5, 4])]);
    // tfjs has no gradient of a product that broadcasts.
    const valuesOnly: { [name: string]: TensorFunction } = { broadcast: (x, y) => tf.matMul(x, y) };
    await expectAsOnCpu({}, [values(random, [2, 4, 3]), values(random, [1, 3, 5])], { valuesOnly });
    const wholes: { [name: string]: TensorFunction } = { whole: (x, y) => tf.matMul(x, y, false, true) };
    await expectAsOnCpu({}, [whole(random, [4, 3], 9), whole(random, [2, 3], 9)], { valuesOnly: wholes });
  });
});

describe('kernels that gather and scatter, against tfjs on the cpu', () => {
  it('rows by index, along every axis, with repeats', async () => {
    const random = seeded('gather');
    for (const shape of [[5], [6, 1], [5, 3], [4, 3, 5], [1, 4]]) {
      for (let axis = 0; axis < shape.length; axis++) {
        for (const indexShape of [[1], [7], [2, 3]]) {
          const index = whole(random, indexShape, shape[axis]);
          await expectAsOnCpu({ gather: (i, x) => tf.square(tf.gather(x, i as tf.Tensor1D, axis)) }, [
            index,
            values(random, shape),
          ]);
        }
      }
    }
  });

  it('rows of each sample of a batch', async () => {
    const random = seeded('batched gather');
    const valuesOnly: { [name: string]: TensorFunction } = {
      gather: (i, x) => tf.gather(x, i as tf.Tensor2D, 1, 1),
    };
    await expectAsOnCpu({}, [whole(random, [3, 4], 5), values(random, [3, 5, 2])], { valuesOnly });
  });

  it('single elements, and sums by index', async () => {
    const random = seeded('scatter');
    const valuesOnly: { [name: string]: TensorFunction } = {
      gatherNd: (i, x) => tf.gatherND(x, i),
      scatterNd: (i) => tf.scatterND(i, tf.fill([6], 2), [5, 4]),
    };
    await expectAsOnCpu({}, [whole(random, [6, 2], 4), values(random, [4, 4])], { valuesOnly });
    await expectAsOnCpu({ segmentSum: (i, x) => tf.square(tf.unsortedSegmentSum(x, i as tf.Tensor1D, 5)) }, [
      whole(random, [9], 5),
      values(random, [9, 3]),
    ]);
  });

  it('the largest along the last axis, in order', async () => {
    const largest =
      (k: number): TensorFunction =>
      (x) => {
        const found = tf.topk(x, k);
        return [found.values, found.indices];
      };
    await expectAsOnCpu({}, [values(seeded('largest'), [3, 1, 7])], {
      valuesOnly: { one: largest(1), three: largest(3), all: largest(7) },
    });
  });

  it('every kernel of these tables was run', () => {
    expect(unexercised({ ...products, ...gathers })).toEqual([]);
  });
});
