import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withBackend } from '../../src/engine/capture.ts';
import '../../src/engine/eager-step.ts';
import { seeded } from './against-cpu.ts';

const { convertConv2DDataFormat, computeConv2DInfo } = tf.backend_util;

describe("the gradient of a convolution's filters in plain JavaScript", () => {
  it('has each product of a picture and what came of it, picture by picture and row by row, to the bit', () => {
    const whole = (max: number) => fc.integer({ min: 1, max });
    const cases = fc.record({
      ...{ batch: whole(3), height: whole(9), width: whole(9), inputs: whole(3), outputs: whole(4) },
      ...{ kernel: fc.tuple(whole(3), whole(3)), strides: fc.tuple(whole(3), whole(3)) },
      dataFormat: fc.constantFrom('NHWC' as const, 'NCHW' as const),
      pad: fc.constantFrom('same' as const, 'valid' as const),
    });
    fc.assert(
      fc.property(cases, ({ batch, height, width, inputs, outputs, kernel, strides, dataFormat, pad }) => {
        fc.pre(pad === 'same' || (height >= kernel[0] && width >= kernel[1]));
        const last = dataFormat === 'NHWC';
        const xShape: [number, number, number, number] = last
          ? [batch, height, width, inputs]
          : [batch, inputs, height, width];
        const filterShape: [number, number, number, number] = [...kernel, inputs, outputs];
        const format = convertConv2DDataFormat(dataFormat);
        const info = computeConv2DInfo(xShape, filterShape, strides, 1, pad, undefined, false, format);
        const { outHeight, outWidth, padInfo } = info;
        const numbers = (seed: string, shape: readonly number[]) => {
          const random = seeded(seed);
          return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal());
        };
        const x = numbers('x', xShape);
        const dy = numbers('dy', info.outShape);
        const at = (shape: readonly number[], b: number, row: number, column: number, channel: number) =>
          last
            ? ((b * shape[1] + row) * shape[2] + column) * shape[3] + channel
            : ((b * shape[1] + channel) * shape[2] + row) * shape[3] + column;
        const expected: number[] = [];
        for (let fy = 0; fy < kernel[0]; fy++)
          for (let fx = 0; fx < kernel[1]; fx++)
            for (let i = 0; i < inputs; i++)
              for (let o = 0; o < outputs; o++) {
                let sum = 0;
                for (let b = 0; b < batch; b++)
                  for (let row = 0; row < outHeight; row++)
                    for (let column = 0; column < outWidth; column++) {
                      const [y0, x0] = [
                        row * strides[0] + fy - padInfo.top,
                        column * strides[1] + fx - padInfo.left,
                      ];
                      if (y0 < 0 || x0 < 0 || y0 >= height || x0 >= width) continue;
                      sum += x[at(xShape, b, y0, x0, i)] * dy[at(info.outShape, b, row, column, o)];
                    }
                expected.push(sum);
              }
        const found = withBackend('cpu', () =>
          tf
            .tidy(
              () =>
                tf
                  .engine()
                  .runKernel(
                    tf.Conv2DBackpropFilter,
                    { x: tf.tensor(x, xShape), dy: tf.tensor(dy, info.outShape) },
                    { strides, pad, dataFormat, filterShape },
                  ) as unknown as tf.Tensor,
            )
            .dataSync(),
        );
        expect(found).toEqual(Float32Array.from(expected));
      }),
      { numRuns: 60 },
    );
  });
});
