import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/engine/compile.ts';
import { float32 } from '../../src/engine/host-tensor.ts';
import { convolutions } from '../../src/engine/kernels/convolutions.ts';
import { pooling } from '../../src/engine/kernels/pooling.ts';
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
      batch: fc.constantFrom<number>(1, 2),
      channels: fc.constantFrom<Pair>([1, 1], [3, 4], [2, 5]),
      size: fc.constantFrom<Pair>([7, 9], [8, 6], [5, 5], [4, 11]),
      kernel: fc.constantFrom<Pair>([1, 1], [3, 3], [3, 1], [2, 3], [4, 5]),
    });
    const stem = {
      layout: 'NCHW' as const,
      batch: 2,
      channels: [3, 4] as Pair,
      size: [14, 16] as Pair,
      kernel: [7, 7] as Pair,
      stride: [2, 2] as Pair,
      pad: 3,
    };
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
      { numRuns: 70, seed: 3, examples: [[stem]] },
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

describe('these tables', () => {
  it('hold no kernel that was not run', () => {
    expect(unexercised({ ...convolutions, ...pooling })).toEqual([]);
  });
});
