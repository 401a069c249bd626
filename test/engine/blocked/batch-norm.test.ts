import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Step } from '../../../src/engine/capture.ts';
import { float32, type HostTensor, sizeOf } from '../../../src/engine/host-tensor.ts';
import { Random } from '../../../src/engine/random.ts';
import { batchNorm } from '../../../src/nn/batch-norm.ts';
import { conv2d } from '../../../src/nn/conv2d.ts';
import { seeded, values } from '../against-cpu.ts';
import { block, difference, expectPathsAgree, resultsOn, withGradients } from './paths.ts';

const channels = 16;
const options = { eps: 1e-5, momentum: 0.1 };

/** The identity as weights [C, C]: what passes them is in blocks of channels, and as it was. */
const identity = float32(
  Float32Array.from({ length: channels * channels }, (_, i) => (i % (channels + 1) === 0 ? 1 : 0)),
  [channels, channels],
);

const shapes = { images: [6, channels, 7, 5], rows: [208, channels] } as const;
type Kind = keyof typeof shapes;

const intoBlocks = (x: tf.Tensor, weight: tf.Tensor): tf.Tensor =>
  x.rank === 2 ? tf.matMul(x, weight) : conv2d({ weight: tf.reshape(weight, [channels, channels, 1, 1]) }, x);

function stateOf(): { readonly [name: string]: HostTensor } {
  const random = seeded('batch norm');
  const vector = (low: number, high: number) => values(random, [channels], { gap: 0, low, high });
  return {
    identity,
    weight: vector(0.5, 1.5),
    bias: vector(-0.5, 0.5),
    running_mean: vector(-1, 1),
    running_var: vector(0.5, 2),
  };
}

const step = (training: boolean) =>
  withGradients(({ x, identity, weight, bias, ...stats }) =>
    tf.tanh(batchNorm({ weight, bias }, stats, intoBlocks(x, identity), { ...options, training }).y),
  );

/** The normalised values and the next statistics. */
const forward: Step = ({ identity, weight, bias, ...stats }, { x }) => {
  const result = batchNorm({ weight, bias }, stats, intoBlocks(x as tf.Tensor, identity as tf.Tensor), {
    ...options,
    training: true,
  });
  return [{ identity, weight, bias, ...result.stats }, { y: result.y }];
};

/** Normal values of a standard deviation of 1 around a mean. */
function around(mean: number, shape: readonly number[], spread = 1): HostTensor {
  const random = Random.fromSeed(`around ${mean} ${spread}`);
  return float32(
    Float32Array.from({ length: sizeOf(shape) }, () => random.normal(mean, spread)),
    shape,
  );
}

/** The normalised values, worked out in double precision. */
function exactly(x: HostTensor, { weight, bias }: { readonly [name: string]: HostTensor }): HostTensor {
  const behind = sizeOf(x.shape.slice(2));
  const channelOf = (i: number) => Math.floor(i / behind) % channels;
  const count = x.data.length / channels;
  const [mean, variance] = [new Float64Array(channels), new Float64Array(channels)];
  x.data.forEach((value, i) => {
    mean[channelOf(i)] += value / count;
  });
  x.data.forEach((value, i) => {
    variance[channelOf(i)] += (value - mean[channelOf(i)]) ** 2 / count;
  });
  const data = Float32Array.from(x.data, (value, i) => {
    const c = channelOf(i);
    return ((value - mean[c]) / Math.sqrt(variance[c] + options.eps)) * weight.data[c] + bias.data[c];
  });
  return float32(data, x.shape);
}

describe.skipIf(block === undefined).each(Object.keys(shapes) as Kind[])(
  'batch norm of %s in blocks',
  (kind) => {
    const shape = shapes[kind];
    const state = stateOf();

    it.each([true, false])('gives values and gradients as without them (training: %s)', async (training) => {
      const batch = { x: around(0.5, shape, 2) };
      await expectPathsAgree(step(training), { state, batch }, { against: ['plain', 'eager'] });
    });

    it('moves the running statistics over several steps', async () => {
      const batch = { x: around(0.5, shape, 2) };
      await expectPathsAgree(forward, { state, batch, runs: 5 }, { against: ['plain', 'eager'] });
    });

    // The mean is rounded to some 1e-7 of itself, and x less the mean is off by that. The gradient of weights in front sums
    // x · dx: what rounding leaves of Σ dx, which should be 0, is multiplied with the mean once more.
    it.each([1, 10, 30, 100])('stands a mean of %i standard deviations', async (mean) => {
      const batch = { x: around(mean, shape) };
      const tolerance = 1e-6 * (10 + mean);
      const found = await resultsOn('blocked', forward, { state, batch });
      expect(difference(found.get('run 0: y')!, exactly(batch.x, state))).toBeLessThan(tolerance);
      await expectPathsAgree(
        step(true),
        { state, batch },
        {
          tolerance: tolerance + 1e-7 * mean ** 2,
          what: `mean ${mean}`,
        },
      );
    });

    it.each([0, 1, 3.7, 50, 1000])('gives numbers for channels that are %d everywhere', async (value) => {
      const behind = sizeOf(shape.slice(2));
      const isConstant = (i: number) => Math.floor(i / behind) % channels < 5;
      const data = around(0, shape).data.map((random, i) => (isConstant(i) ? value : random));
      const batch = { x: float32(data as Float32Array, shape) };
      const y = (await resultsOn('blocked', forward, { state, batch })).get('run 0: y')!;
      const [blocked, plain] = await Promise.all(
        (['blocked', 'plain'] as const).map((path) => resultsOn(path, step(true), { state, batch })),
      );
      for (const leaf of blocked.values()) expect(leaf.data.every(Number.isFinite)).toBe(true);
      const exact = exactly(batch.x, state);
      const dx = [blocked, plain].map((results) => results.get('run 0: gradient/x')!.data);
      const largest = (gradient: ArrayLike<number>, constant: boolean) =>
        Array.from(gradient).reduce(
          (most, each, i) => (isConstant(i) === constant ? Math.max(most, Math.abs(each)) : most),
          0,
        );
      // A sum of n equal numbers rounds the same way again and again, so that the mean is off by up to n · 2⁻²⁴ of it, and
      // what that leaves of x − mean is divided by √eps.
      const rounding = (shape[0] * sizeOf(shape.slice(2)) * 2 ** -24 * value) / Math.sqrt(options.eps) + 1e-5;
      const scale = [largest(dx[1], false), largest(dx[1], true)];
      y.data.forEach((each, i) => {
        if (Math.abs(each - exact.data[i]) > (isConstant(i) ? rounding : 1e-4))
          expect.fail(`value ${i} is ${each}, not ${exact.data[i]}`);
        if (Math.abs(dx[0][i] - dx[1][i]) > 1e-3 * scale[Number(isConstant(i))])
          expect.fail(`gradient ${i} is ${dx[0][i]}, not ${dx[1][i]}`);
      });
    });
  },
);
