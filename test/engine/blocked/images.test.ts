import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { Step } from '../../../src/engine/capture.ts';
import { float32, type HostTensor, sizeOf } from '../../../src/engine/host-tensor.ts';
import { conv2d } from '../../../src/nn/conv2d.ts';
import { maxPool3x3Stride2 } from '../../../src/nn/max-pool.ts';
import { relu } from '../../../src/nn/relu.ts';
import { seeded, values } from '../against-cpu.ts';
import { block, expectPathsAgree, withGradients } from './paths.ts';

/** The identity as a convolution's weights: what passes it is in blocks and as it was. */
function identity(channels: number): HostTensor {
  const data = new Float32Array(channels * channels);
  for (let i = 0; i < channels; i++) data[i * (channels + 1)] = 1;
  return float32(data, [channels, channels, 1, 1]);
}

/** Whole numbers in [-2, 2], so that many are equal. */
function steps(label: string, shape: readonly number[]): HostTensor {
  const random = seeded(`steps ${label}`);
  return float32(
    Float32Array.from({ length: sizeOf(shape) }, () => random.integer(5) - 2),
    shape,
  );
}

const numberwise = { add: tf.add, sub: tf.sub, mul: tf.mul, div: tf.div };

const all = { against: ['plain', 'eager'] } as const;

describe.skipIf(block === undefined)('operations on images in blocks of channels', () => {
  const shape = [3, 32, 5, 7];
  const state = { w: identity(32) };

  const unary: { readonly [name: string]: (x: tf.Tensor) => tf.Tensor } = {
    tanh: (x) => tf.tanh(x),
    softplus: (x) => tf.softplus(x),
    scaled: (x) => tf.sub(1, tf.mul(tf.add(tf.mul(x, 2), 3), tf.sub(x, 0.5))),
    quotients: (x) => tf.div(tf.add(x, 3), tf.add(tf.square(x), 1)),
    pixels: (x) => tf.sum(tf.tanh(x), [2, 3]),
    pooled: (x) => tf.mul(tf.mean(x, [2, 3]), tf.mean(tf.square(x), [2, 3])),
    kept: (x) => tf.mul(x, tf.sigmoid(tf.mean(x, [2, 3], true))),
    channels: (x) => tf.mul(tf.sum(x, [0, 2, 3]), tf.sum(tf.mul(x, tf.tanh(x)), [0, 2, 3])),
    pixelwise: (x) => tf.div(x, tf.sqrt(tf.sum(tf.square(x), 1, true))),
    everything: (x) => tf.mul(tf.mean(x), tf.sum(tf.square(x), [1, 2])),
    last: (x) => tf.softmax(tf.transpose(x, [0, 2, 3, 1])),
    flat: (x) => tf.tanh(tf.reshape(x, [3, -1])),
    rows: (x) => tf.tanh(tf.reshape(tf.transpose(x, [0, 2, 3, 1]), [-1, 32])),
    images: (x) => tf.mul(tf.slice(x, [1, 0, 1, 0], [2, 32, 3, 7]), 2),
    split: (x) => tf.mul(...(tf.split(tf.tanh(x), 2, 1) as [tf.Tensor, tf.Tensor])),
    joined: (x) => tf.concat([tf.tanh(x), tf.square(x)], 1),
  };

  it.each(Object.keys(unary))('%s', async (name) => {
    const step = withGradients(({ x, w }) => unary[name](conv2d({ weight: w }, x)));
    const batch = { x: values(seeded(`image ${name}`), shape) };
    await expectPathsAgree(step, { state, batch }, all);
  });

  it('beside numbers of every broadcast shape', async () => {
    const cases = fc.record({
      others: fc.constantFrom<readonly number[]>(
        [],
        [1, 32, 1, 1],
        [32, 1, 1],
        [3, 32, 1, 1],
        [3, 1, 5, 7],
        [1, 1, 1, 7],
        [5, 7],
        [3, 32, 5, 7],
        [1, 1, 1, 1],
      ),
      op: fc.constantFrom('add' as const, 'sub' as const, 'mul' as const, 'div' as const),
      first: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ others, op, first }) => {
        const step = withGradients(({ x, w, other }) => {
          const y = tf.exp(conv2d({ weight: w }, x));
          return tf.tanh(first ? numberwise[op](y, other) : numberwise[op](other, y));
        });
        const batch = {
          x: values(seeded('beside'), shape, { low: -1, high: 1 }),
          other: values(seeded(`other ${others}`), others, { low: 0.5, high: 2 }),
        };
        await expectPathsAgree(step, { state, batch }, { what: `${op} ${others} ${first}` });
      }),
      { numRuns: 40, seed: 31 },
    );
  });

  it('of as many channels as pixels a row, beside one number a pixel of a row', async () => {
    const step = withGradients(({ x, w, other }) => tf.tanh(tf.mul(conv2d({ weight: w }, x), other)));
    const batch = {
      x: values(seeded('square'), [2, 32, 3, 32]),
      other: values(seeded('columns'), [32]),
    };
    await expectPathsAgree(step, { state, batch }, all);
  });

  it('a residual sum, and its ReLU where it is 0 too', async () => {
    const step = withGradients(({ x, y, w }) => {
      const [left, right] = [x, y].map((each) => conv2d({ weight: w }, each));
      const sum = relu(tf.add(left, right));
      return tf.add(tf.mul(sum, 2), relu(tf.sub(sum, left)));
    });
    const batch = { x: steps('x', shape), y: steps('y', shape) };
    await expectPathsAgree(step, { state, batch }, { ...all, tolerance: 1e-6 });
  });

  it('sums of a value with itself, and what cancels', async () => {
    const step = withGradients(({ x, w }) => {
      const y = conv2d({ weight: w }, x);
      const twice = tf.add(y, y);
      const gone = tf.sub(tf.add(twice, tf.tanh(y)), tf.mul(y, 2));
      return tf.add(gone, tf.sub(y, y));
    });
    // What remains of the difference is rounded as the larger values are that cancel.
    await expectPathsAgree(step, { state, batch: { x: values(seeded('cancel'), shape) } }, all);
  });

  it('the gradient of max pooling goes to the first of equal pixels', async () => {
    for (const [height, width] of [
      [6, 8],
      [7, 9],
      [1, 5],
      [12, 3],
    ]) {
      const step = withGradients(({ x, w }) => maxPool3x3Stride2(conv2d({ weight: w }, x)));
      const batch = { x: steps(`pool ${height}`, [2, 32, height, width]) };
      await expectPathsAgree(step, { state, batch }, { ...all, what: `${height}x${width}` });
    }
  });

  it('max pooling over other windows, strides and borders', async () => {
    const cases = fc
      .record({
        batch: fc.constantFrom(1, 3),
        channels: fc.constantFrom(16, 32, 24),
        size: fc.tuple(fc.integer({ min: 3, max: 9 }), fc.integer({ min: 3, max: 9 })),
        window: fc.constantFrom(1, 2, 3),
        stride: fc.constantFrom(1, 2, 3),
        padding: fc.constantFrom<'same' | 'valid' | number>('same', 'valid', 0, 1),
        ties: fc.boolean(),
      })
      .filter(({ window, padding }) => typeof padding !== 'number' || padding < window);
    await fc.assert(
      fc.asyncProperty(cases, async ({ batch, channels, size, window, stride, padding, ties }) => {
        const step = withGradients(({ x, w }) => {
          const image = tf.transpose(conv2d({ weight: w }, x), [0, 2, 3, 1]) as tf.Tensor4D;
          const rounding = typeof padding === 'number' ? 'floor' : undefined;
          const pooled = tf.maxPool(image, window, stride, padding, rounding);
          return tf.tanh(tf.transpose(pooled, [0, 3, 1, 2]));
        });
        const each = [batch, channels, ...size];
        const x = ties ? steps(`${each}`, each) : values(seeded(`pool ${each}`), each);
        const what = JSON.stringify({ each, window, stride, padding, ties });
        await expectPathsAgree(step, { state: { w: identity(channels) }, batch: { x } }, { what });
      }),
      { numRuns: 40, seed: 32 },
    );
  });

  it('average pooling, which is done outside of blocks', async () => {
    const step = withGradients(({ x, w }) => {
      const image = tf.transpose(tf.tanh(conv2d({ weight: w }, x)), [0, 2, 3, 1]) as tf.Tensor4D;
      const back = tf.transpose(tf.avgPool(image, 3, 2, 'same'), [0, 3, 1, 2]);
      return tf.tanh(conv2d({ weight: w }, back));
    });
    await expectPathsAgree(step, { state, batch: { x: values(seeded('average'), shape) } }, all);
  });

  it('images that go on as rows, through weights of rows and back', async () => {
    const step: Step = withGradients(({ x, w, head }) => {
      const pixels = tf.reshape(tf.transpose(tf.tanh(conv2d({ weight: w }, x)), [0, 2, 3, 1]), [48, 32]);
      const mapped = tf.softplus(tf.matMul(pixels, head));
      const image = tf.transpose(tf.reshape(mapped, [4, 3, 4, 32]), [0, 3, 1, 2]);
      return tf.tanh(conv2d({ weight: w }, image));
    });
    const random = seeded('pixels');
    const head = values(random, [32, 32], { gap: 0, low: -0.2, high: 0.2 });
    await expectPathsAgree(
      step,
      { state: { ...state, head }, batch: { x: values(random, [4, 32, 3, 4]) } },
      all,
    );
  });
});
