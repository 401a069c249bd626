import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/engine/compile.ts';
import { float32 } from '../../src/engine/host-tensor.ts';
import { convolutions } from '../../src/engine/kernels/convolutions.ts';
import { pooling } from '../../src/engine/kernels/pooling.ts';
import { resizing } from '../../src/engine/kernels/resizing.ts';
import type { TensorFunction } from './against-cpu.ts';
import { expectAsOnCpu, seeded, unexercised, values } from './against-cpu.ts';

type Pair = [number, number];
type Padding = number | 'same' | 'valid' | [Pair, Pair, Pair, Pair];

const windows = {
  stride: fc.constantFrom<Pair>([1, 1], [2, 2], [1, 2], [3, 2]),
  pad: fc.constantFrom<'same' | 'valid' | 'uneven' | number>('same', 'valid', 0, 1, 'uneven'),
};

function paddingOf(pad: 'same' | 'valid' | 'uneven' | number, layout: 'NHWC' | 'NCHW'): Padding {
  if (pad !== 'uneven') return pad;
  return layout === 'NHWC'
    ? [
        [0, 0],
        [1, 0],
        [0, 1],
        [0, 0],
      ]
    : [
        [0, 0],
        [0, 0],
        [1, 0],
        [0, 1],
      ];
}

const rounding = (padding: Padding) => (typeof padding === 'number' ? 'floor' : undefined);

describe('convolutions, against tfjs on the cpu', () => {
  it('every layout, kernel, stride and padding, odd sizes too', async () => {
    const cases = fc.record({
      ...windows,
      layout: fc.constantFrom('NHWC' as const, 'NCHW' as const),
      batch: fc.constantFrom(1, 2),
      channels: fc.constantFrom<Pair>([1, 1], [3, 4], [2, 5]),
      size: fc.constantFrom<Pair>([7, 9], [8, 6], [5, 5], [4, 11]),
      kernel: fc.constantFrom<Pair>([1, 1], [3, 3], [3, 1], [2, 3]),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ layout, batch, channels, size, kernel, stride, pad }) => {
        const random = seeded(`convolution ${layout} ${size} ${kernel} ${stride} ${pad}`);
        const padding = paddingOf(pad, layout);
        const conv: TensorFunction = (x, filter) =>
          tf.conv2d(
            x as tf.Tensor4D,
            filter as tf.Tensor4D,
            stride,
            padding as number,
            layout,
            1,
            rounding(padding),
          );
        const [inputs] = channels;
        const shape = layout === 'NHWC' ? [batch, ...size, inputs] : [batch, inputs, ...size];
        await expectAsOnCpu({ conv }, [values(random, shape), values(random, [...kernel, ...channels])]);
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  it('dilated, and weights stored as (out, in, height, width)', async () => {
    const random = seeded('dilated');
    const conv =
      (stride: number, padding: Padding, dilation: number): TensorFunction =>
      (x, w) => {
        const filter = tf.transpose(w, [2, 3, 1, 0]) as tf.Tensor4D;
        return tf.conv2d(
          x as tf.Tensor4D,
          filter,
          stride,
          padding as number,
          'NCHW',
          dilation,
          rounding(padding),
        );
      };
    // tfjs has no gradient of a dilated convolution.
    const inputs = [values(random, [2, 3, 9, 8]), values(random, [5, 3, 3, 3])];
    await expectAsOnCpu({ stored: conv(2, 1, 1) }, inputs, { valuesOnly: { dilated: conv(1, 'same', 2) } });
  });

  it('depthwise', async () => {
    const cases = fc.record({
      ...windows,
      size: fc.constantFrom<Pair>([7, 9], [8, 6]),
      kernel: fc.constantFrom<Pair>([1, 1], [3, 3], [2, 3]),
      multiplier: fc.constantFrom(1, 2),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ size, kernel, stride, pad, multiplier }) => {
        const random = seeded(`depthwise ${size} ${kernel} ${stride} ${pad} ${multiplier}`);
        const padding = paddingOf(pad, 'NHWC');
        const depthwise: TensorFunction = (x, filter) =>
          tf.depthwiseConv2d(
            x as tf.Tensor4D,
            filter as tf.Tensor4D,
            stride,
            padding as number,
            'NHWC',
            1,
            rounding(padding),
          );
        await expectAsOnCpu({ depthwise }, [
          values(random, [2, ...size, 3]),
          values(random, [...kernel, 3, multiplier]),
        ]);
      }),
      { numRuns: 20, seed: 4 },
    );
  });
});

describe('pooling, against tfjs on the cpu', () => {
  const cases = fc.record({
    ...windows,
    pad: fc.constantFrom<'same' | 'valid' | number>('same', 'valid', 0),
    size: fc.constantFrom<Pair>([7, 9], [8, 6], [5, 5]),
    window: fc.constantFrom<Pair>([1, 1], [2, 2], [3, 3], [3, 2]),
  });

  it('every window, stride and padding', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ size, window, stride, pad }) => {
        // tfjs counts windows by the vertical stride where the padding is a number, also those behind the image.
        fc.pre(typeof pad !== 'number' || stride[0] === stride[1]);
        const x = values(seeded(`pool ${size} ${window} ${stride} ${pad}`), [2, ...size, 3]);
        const functions: { [name: string]: TensorFunction } = {
          max: (t) => tf.square(tf.maxPool(t as tf.Tensor4D, window, stride, pad)),
          average: (t) => tf.square(tf.avgPool(t as tf.Tensor4D, window, stride, pad)),
        };
        await expectAsOnCpu(functions, [x]);
      }),
      { numRuns: 25, seed: 5 },
    );
  });

  it('the first of equal elements gets the gradient', async () => {
    const random = seeded('ties');
    const x = float32(
      Float32Array.from({ length: 2 * 8 * 9 * 2 }, () => random.integer(2) - 1),
      [2, 8, 9, 2],
    );
    const functions: { [name: string]: TensorFunction } = {
      resnet: (t) =>
        tf.maxPool(t as tf.Tensor4D, 3, 2, [
          [0, 0],
          [1, 1],
          [1, 1],
          [0, 0],
        ]),
      halves: (t) => tf.maxPool(t as tf.Tensor4D, 2, 2, 'valid'),
    };
    await expectAsOnCpu(functions, [x]);
  });

  it('refuses a window that can lie in the padding alone', async () => {
    const step = compile((_, { x }) => [{}, { y: tf.maxPool(x as tf.Tensor4D, 2, 2, 2) }], {
      state: {},
      batch: { x: { dtype: 'float32', shape: [1, 8, 8, 1] } },
    });
    await expect(step).rejects.toThrow('a pooling window of 2x2 that can lie in the padding alone');
  });
});

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
});

describe('these tables', () => {
  it('hold no kernel that was not run', () => {
    expect(unexercised({ ...convolutions, ...pooling, ...resizing })).toEqual([]);
  });
});
