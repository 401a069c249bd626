import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { conv2d } from '../../../src/nn/conv2d.ts';
import { expectAsOnCpu, seeded, values } from '../against-cpu.ts';
import { block, expectPathsAgree, expectSame, resultsOn, withGradients } from './paths.ts';

type Pair = [number, number];
type Border = [Pair, Pair];

interface Case {
  readonly batch: number;
  readonly channels: readonly [inputs: number, outputs: number];
  readonly size: readonly [height: number, width: number];
  readonly kernel: readonly [height: number, width: number];
  readonly stride: number;
  readonly padding: number;
}

/** Weights that keep sums over a window near 1, so that no tanh behind it saturates. */
function given({ batch, channels: [inputs, outputs], size, kernel }: Omit<Case, 'stride' | 'padding'>) {
  const random = seeded(`blocked convolution ${[batch, inputs, outputs, ...size, ...kernel]}`);
  const bound = 1.5 / Math.sqrt(inputs * kernel[0] * kernel[1]);
  return {
    state: {
      weight: values(random, [outputs, inputs, ...kernel], { gap: 0, low: -bound, high: bound }),
    },
    batch: { x: values(random, [batch, inputs, ...size]) },
  };
}

/** The value of a convolution, and the gradients of its input and weights, behind a smooth function. */
async function expectConvolution(each: Case) {
  const { stride, padding } = each;
  const step = withGradients(({ x, weight }) => tf.tanh(conv2d({ weight }, x, { stride, padding })));
  await expectPathsAgree(step, given(each), { what: JSON.stringify(each) });
}

const channels = fc.constantFrom<Pair>(
  ...([
    [16, 16],
    [32, 16],
    [16, 48],
    [64, 32],
    [8, 8],
    [8, 24],
    [24, 24],
    [3, 16],
    [1, 32],
    [15, 16],
    [7, 8],
    [20, 16],
    [16, 20],
    [5, 6],
  ] as Pair[]),
);

const cases = fc
  .record({
    batch: fc.constantFrom(1, 2, 3, 8, 17, 32),
    channels,
    size: fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 })),
    kernel: fc.constantFrom(1, 2, 3, 5, 7).map((side): Pair => [side, side]),
    stride: fc.constantFrom(1, 2, 3),
    padding: fc.constantFrom(0, 1, 2, 3),
  })
  .filter(({ size, kernel, padding }) => size.every((side, i) => side + 2 * padding >= kernel[i]));

describe.skipIf(block === undefined)('convolutions in blocks of channels', () => {
  it('give the values and gradients of standard operations', async () => {
    const stem: Case = {
      batch: 2,
      channels: [3, 16],
      size: [15, 18],
      kernel: [7, 7],
      stride: 2,
      padding: 3,
    };
    const shortcut: Case = {
      batch: 8,
      channels: [16, 32],
      size: [7, 9],
      kernel: [1, 1],
      stride: 2,
      padding: 0,
    };
    // Every fourth place is seen by no window: the sums over the batch meet a remainder.
    const sparse: Case = { ...shortcut, kernel: [2, 2], stride: 3 };
    await fc.assert(fc.asyncProperty(cases, expectConvolution), {
      numRuns: 90,
      seed: 11,
      examples: [[stem], [shortcut], [sparse]],
    });
  });

  it.each([
    [1, 1, 0],
    [3, 1, 1],
    [3, 2, 1],
    [2, 2, 0],
    [5, 3, 2],
    [7, 2, 3],
  ])('kernel %i, stride %i, padding %i: as tfjs itself', async (kernel, stride, padding) => {
    const { state, batch } = given({ batch: 2, channels: [16, 16], size: [7, 6], kernel: [kernel, kernel] });
    const conv = (x: tf.Tensor, weight: tf.Tensor) => tf.tanh(conv2d({ weight }, x, { stride, padding }));
    await expectAsOnCpu({ conv }, [batch.x, state.weight]);
  });

  it('pad unevenly, and have windows that are no squares', async () => {
    const borders = fc.constantFrom<Border>(
      [
        [0, 1],
        [0, 1],
      ],
      [
        [0, 1],
        [0, 0],
      ],
      [
        [2, 0],
        [0, 3],
      ],
      [
        [1, 1],
        [1, 2],
      ],
    );
    const cases = fc.record({
      batch: fc.constantFrom(2, 16),
      channels: fc.constantFrom<Pair>([16, 16], [3, 16], [32, 16]),
      size: fc.constantFrom<Pair>([7, 9], [6, 4], [1, 8]),
      kernel: fc.constantFrom<Pair>([1, 1], [3, 2], [1, 3]),
      strides: fc.constantFrom<Pair>([1, 1], [2, 2], [1, 2], [3, 1]),
      border: borders,
    });
    const runnable = cases.filter(({ size, kernel, border }) =>
      size.every((side, i) => side + border[i][0] + border[i][1] >= kernel[i]),
    );
    await fc.assert(
      fc.asyncProperty(runnable, async ({ strides, border, ...shapes }) => {
        const padding: [Pair, Pair, Pair, Pair] = [[0, 0], [0, 0], ...border];
        const step = withGradients(({ x, weight }) => {
          const filter = tf.transpose(weight, [2, 3, 1, 0]) as tf.Tensor4D;
          return tf.tanh(tf.conv2d(x as tf.Tensor4D, filter, strides, padding, 'NCHW'));
        });
        await expectPathsAgree(step, given(shapes), { what: JSON.stringify({ ...shapes, strides, border }) });
      }),
      { numRuns: 40, seed: 12 },
    );
  });

  // In one convolution of images in blocks, and where results are few in groups of images that the threads share.
  it.each<[batch: number, channels: Pair]>([
    [16, [32, 80]],
    [48, [16, 16]],
    [64, [16, 16]],
    [128, [3, 32]],
  ])(
    '%i images with channels %j: gradients of weights, with the same bits at every number of threads',
    async (images, channels) => {
      const each = given({ batch: images, channels, size: [6, 5], kernel: [3, 3] });
      const step = withGradients(({ x, weight }) => tf.tanh(conv2d({ weight }, x, { padding: 1 })));
      const found = await expectPathsAgree(step, each, { against: ['plain', 'eager'] });
      for (const threads of [1, 2, 3, 4, 8]) {
        expectSame(await resultsOn('blocked', step, { ...each, threads }), found, 0, `${threads} threads`);
      }
    },
  );

  it('dilated ones, whose gradients tfjs does not have, give the same values', async () => {
    const { state, batch } = given({ batch: 2, channels: [16, 32], size: [9, 8], kernel: [3, 3] });
    await expectPathsAgree(
      (weights, { x }) => {
        const filter = tf.transpose(weights.weight as tf.Tensor, [2, 3, 1, 0]) as tf.Tensor4D;
        return [weights, { y: tf.conv2d(x as tf.Tensor4D, filter, 1, 'same', 'NCHW', 2) }];
      },
      { state, batch },
      { against: ['plain', 'eager'] },
    );
  });

  it('follow each other, one after the other on activations in blocks', async () => {
    const random = seeded('chain');
    const weight = (outputs: number, inputs: number, kernel: number) => {
      const bound = 1.5 / Math.sqrt(inputs * kernel * kernel);
      return values(random, [outputs, inputs, kernel, kernel], { gap: 0, low: -bound, high: bound });
    };
    const state = {
      stem: weight(16, 3, 7),
      first: weight(32, 16, 3),
      odd: weight(20, 32, 1),
      back: weight(16, 20, 3),
      last: weight(48, 16, 2),
    };
    const step = withGradients(({ x, stem, first, odd, back, last }) => {
      const down = tf.softplus(conv2d({ weight: stem }, x, { stride: 2, padding: 3 }));
      const wide = tf.tanh(conv2d({ weight: first }, down, { stride: 2, padding: 1 }));
      const narrow = tf.tanh(conv2d({ weight: odd }, wide));
      const again = tf.softplus(conv2d({ weight: back }, narrow, { padding: 1 }));
      return conv2d({ weight: last }, tf.sub(again, tf.mean(again)), { padding: 1 });
    });
    const batch = { x: values(random, [3, 3, 21, 18]) };
    await expectPathsAgree(step, { state, batch }, { against: ['plain', 'eager'] });
  });
});
