import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/engine/compile.ts';
import { float32 } from '../../src/engine/host-tensor.ts';
import { resizing } from '../../src/engine/kernels/resizing.ts';
import type { TensorFunction } from './against-cpu.ts';
import { expectAsOnCpu, seeded, unexercised, values } from './against-cpu.ts';

type Pair = [number, number];

describe('resizing, against tfjs on the cpu', () => {
  const variants = [
    { corners: false, centers: false },
    { corners: true, centers: false },
    { corners: false, centers: true },
  ];
  const sizes: Pair[] = [
    [10, 7],
    [3, 11],
    [1, 4],
    [5, 5],
  ];

  const resize = (
    method: 'bilinear' | 'nearest',
    size: Pair,
    corners: boolean,
    centers: boolean,
  ): TensorFunction =>
    method === 'bilinear'
      ? (x) => tf.image.resizeBilinear(x as tf.Tensor4D, size, corners, centers)
      : (x) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, size, corners, centers);

  it('values, of every method, size and alignment', async () => {
    const valuesOnly: { [name: string]: TensorFunction } = {};
    for (const method of ['bilinear', 'nearest'] as const) {
      for (const { corners, centers } of variants) {
        for (const size of sizes)
          valuesOnly[`${method} ${corners} ${centers} ${size}`] = resize(method, size, corners, centers);
      }
    }
    await expectAsOnCpu({}, [values(seeded('resize'), [2, 5, 6, 3])], { valuesOnly });
  });

  it('gradients where tfjs has them: of one square image, without half-pixel centres', async () => {
    const functions: { [name: string]: TensorFunction } = {};
    for (const method of ['bilinear', 'nearest'] as const) {
      for (const corners of [false, true]) {
        for (const size of [
          [10, 7],
          [3, 11],
          [6, 6],
        ] as Pair[]) {
          functions[`${method} ${corners} ${size}`] = resize(method, size, corners, false);
        }
      }
    }
    await expectAsOnCpu(functions, [values(seeded('resize square'), [1, 6, 6, 2])]);
  });

  it('gradients of every variant: those of a linear function are what it makes of each basis image', async () => {
    const [height, width] = [4, 3];
    const basis = float32(
      new Float32Array(12 * 12).map((_, i) => (Math.floor(i / 12) === i % 12 ? 1 : 0)),
      [12, height, width, 1],
    );
    for (const method of ['bilinear', 'nearest'] as const) {
      for (const { corners, centers } of variants) {
        const f = resize(method, [7, 5], corners, centers);
        const weights = values(seeded(`weights ${method}`), [7, 5]);
        const step = await compile(
          (_, { images, w }) => {
            const weighted = (x: tf.Tensor) =>
              tf.sum(tf.mul(tf.reshape(f(x) as tf.Tensor, [-1, 7, 5]), w as tf.Tensor), [1, 2]);
            const one = tf.slice(images as tf.Tensor, 0, 1);
            return [
              {},
              { gradient: tf.reshape(tf.grad(weighted)(one), [-1]), made: weighted(images as tf.Tensor) },
            ];
          },
          { state: {}, batch: { images: basis, w: weights } },
        );
        const { outputs } = await step.run({}, { images: basis, w: weights });
        const { gradient, made } = outputs as unknown as { [name: string]: { data: Float32Array } };
        for (let i = 0; i < 12; i++) expect(gradient.data[i]).toBeCloseTo(made.data[i], 5);
      }
    }
  });

  it('every kernel of this table was run', () => {
    expect(unexercised(resizing)).toEqual([]);
  });
});
