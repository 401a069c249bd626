import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { expectAsOnCpu, seeded, values } from './against-cpu.ts';

type Padding = number | 'same' | 'valid' | [[number, number], [number, number], [number, number], [number, number]];

describe('convolutions, against tfjs on the cpu', () => {
  it('every layout, kernel, stride and padding, odd sizes too', async () => {
    const cases = fc.record({
      layout: fc.constantFrom('NHWC' as const, 'NCHW' as const),
      batch: fc.constantFrom(1, 2),
      channels: fc.constantFrom([1, 1], [3, 4], [2, 5]),
      size: fc.constantFrom([7, 9], [8, 6], [5, 5], [4, 11]),
      kernel: fc.constantFrom([1, 1], [3, 3], [3, 1], [2, 3]),
      stride: fc.constantFrom([1, 1], [2, 2], [1, 2], [3, 2]),
      pad: fc.constantFrom('same' as const, 'valid' as const, 0, 1, 'uneven' as const),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ layout, batch, channels, size, kernel, stride, pad }) => {
        const random = seeded(`convolution ${layout} ${size} ${kernel} ${stride} ${pad}`);
        const [inputs, outputs] = channels;
        const border: [number, number] = [1, 0];
        const padding: Padding =
          pad !== 'uneven' ? pad : layout === 'NHWC' ? [[0, 0], border, border, [0, 0]] : [[0, 0], [0, 0], border, border];
        const shape = layout === 'NHWC' ? [batch, ...size, inputs] : [batch, inputs, ...size];
        await expectAsOnCpu(
          {
            conv: (x, filter) =>
              tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride as [number, number], padding as number, layout, [1, 1], typeof padding === 'number' ? 'floor' : undefined),
          },
          [values(random, shape), values(random, [...kernel, inputs, outputs])],
        );
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  it('dilated, and weights stored as (out, in, height, width)', async () => {
    const random = seeded('dilated');
    const inputs = [values(random, [2, 3, 9, 8]), values(random, [5, 3, 3, 3])];
    await expectAsOnCpu(
      { stored: (x, w) => tf.conv2d(x as tf.Tensor4D, tf.transpose(w, [2, 3, 1, 0]) as tf.Tensor4D, 2, 1, 'NCHW', 1, 'floor') },
      inputs,
    );
    await expectAsOnCpu(
      { dilated: (x, w) => tf.conv2d(x as tf.Tensor4D, tf.transpose(w, [2, 3, 1, 0]) as tf.Tensor4D, 1, 'same', 'NCHW', 2) },
      inputs,
      { gradient: false },
    );
  });
});

describe('pooling, against tfjs on the cpu', () => {
  it('every window, stride and padding', async () => {
    const cases = fc.record({
      size: fc.constantFrom([7, 9], [8, 6], [5, 5]),
      window: fc.constantFrom([1, 1], [2, 2], [3, 3], [3, 2]),
      stride: fc.constantFrom([1, 1], [2, 2], [1, 2]),
      pad: fc.constantFrom('same' as const, 'valid' as const, 0),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ size, window, stride, pad }) => {
        const x = values(seeded(`pool ${size} ${window} ${stride} ${pad}`), [2, ...size, 3]);
        const [filter, strides] = [window as [number, number], stride as [number, number]];
        await expectAsOnCpu({ max: (t) => tf.square(tf.maxPool(t as tf.Tensor4D, filter, strides, pad)) }, [x]);
        await expectAsOnCpu({ average: (t) => tf.square(tf.avgPool(t as tf.Tensor4D, filter, strides, pad)) }, [x]);
      }),
      { numRuns: 25, seed: 5 },
    );
  });
});
