import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Step } from '../../../src/engine/capture.ts';
import type { HostTensor } from '../../../src/engine/host-tensor.ts';
import { Random } from '../../../src/engine/random.ts';
import type { Tree } from '../../../src/engine/tree.ts';
import { initResNet, type ResNetOptions, resnet } from '../../../src/image/resnet.ts';
import { branchAt } from '../../../src/nn/layer.ts';
import { valueAndGrad } from '../../../src/nn/value-and-grad.ts';
import type { RunConfig } from '../../../src/training/config.ts';
import { tiny } from '../../objectives/tiny-simipu.ts';
import { firstSteps } from '../../objectives/tiny-training.ts';
import { seeded, values } from '../against-cpu.ts';
import { block, type Leaves, type Path, pattern, resultsOn } from './paths.ts';

type Tensors = Tree<tf.Tensor>;

const norm = { eps: 1e-3, momentum: 0.1 };

/** ‖found − expected‖ / ‖expected‖: single values may differ more, behind a ReLU that rounding turned on or off. */
function distance(found: HostTensor, expected: HostTensor): number {
  expect(found.shape).toEqual(expected.shape);
  let [apart, length] = [0, 0];
  expected.data.forEach((value, i) => {
    apart += (found.data[i] - value) ** 2;
    length += value ** 2;
  });
  return apart === 0 ? 0 : Math.sqrt(apart / length);
}

/** Holds results against expected ones, with a tolerance by their names. */
function expectNear(found: Leaves, expected: Leaves, toleranceOf: (name: string) => number): void {
  expect([...found.keys()]).toEqual([...expected.keys()]);
  const far = [...expected]
    .map(([name, leaf]) => ({ name, away: distance(found.get(name)!, leaf) }))
    .filter(({ name, away }) => !(away <= toleranceOf(name)));
  expect(far).toEqual([]);
}

/** The loss of a ResNet whose features are weighed, its features, next statistics, and gradients. */
function resNetStep(options: ResNetOptions): Step {
  return ({ params, stats }, { images }) => {
    const { loss, aux, grads } = valueAndGrad((current) => {
      const result = resnet(current, stats as Tensors, images as tf.Tensor, { ...options, training: true });
      const [features] = Object.values(result.features);
      const weighed = tf.mul(tf.tanh(features), pattern(features.shape));
      return { loss: tf.mean(weighed) as tf.Scalar, aux: { features, stats: result.stats } };
    }, params as Tensors);
    const gradient = Object.fromEntries(grads);
    return [
      { params, stats: branchAt(aux, 'stats') },
      { loss, features: aux.features, gradient },
    ];
  };
}

describe.skipIf(block === undefined)('residual networks in blocks of channels', () => {
  const last = ['c5'] as const;

  // At its start a ResNet-50 in training makes much of little: images that are 1e-7 of themselves off move its gradients by
  // up to a tenth in standard operations too, as ReLUs behind some fifty batch norms turn on and off.
  it.each<
    [ResNetOptions['depth'], number, ResNetOptions['stages'], readonly number[], Path, number, 'small'?]
  >([
    [18, 16, last, [4, 3, 64, 96], 'plain', 1e-3],
    [18, 64, last, [2, 3, 64, 64], 'plain', 1e-3],
    [50, 16, last, [4, 3, 96, 96], 'plain', 0.15],
    [50, 16, ['c3'], [2, 3, 48, 40], 'plain', 1e-3],
    [18, 16, ['c3'], [2, 3, 33, 40], 'eager', 1e-3],
    [50, 16, ['c2'], [2, 3, 24, 24], 'eager', 1e-3],
    [18, 16, last, [2, 3, 32, 32], 'plain', 1e-3, 'small'],
    [18, 6, ['c3'], [2, 3, 16, 16], 'eager', 1e-3, 'small'],
  ])('ResNet-%i of width %i to %s, images of %j: as %s, up to %d', async (depth, width, stages, ...rest) => {
    const [shape, path, tolerance, stem] = rest;
    const options: ResNetOptions = { depth, width, stages, batchNorm: norm, stem };
    const { params, stats } = initResNet(Random.fromSeed(depth), options);
    const given = { state: { params, stats }, batch: { images: values(seeded('images'), shape) } };
    const step = resNetStep(options);
    const [found, expected] = [await resultsOn('blocked', step, given), await resultsOn(path, step, given)];
    expectNear(found, expected, (name) => (name.includes('gradient') ? tolerance : tolerance / 10));
  });
});

/** A SimIPU run whose point encoder and heads have widths that fill blocks, its points' optimizer one that does not divide by its gradients. */
function blockedRun(width: number): RunConfig {
  const config = tiny({
    simipu: { heads: { intraPoints: [32, 16], crossImage: [32, 16], crossPoints: [32, 16] } },
    image: { width },
    canvas: { width: 64 },
    points: {
      levels: [
        { points: 32, radii: [1, 4], neighbors: [4, 6], widths: [[16], [16, 32]], out: 32 },
        { points: 16, radii: [4, 12], neighbors: [4, 4], widths: [[32], [48]], out: 32 },
      ],
    },
  });
  const { optimizers } = config;
  return { ...config, optimizers: { ...optimizers, points: { ...optimizers.heads, learningRate: 1e-2 } } };
}

describe.skipIf(block === undefined)('steps of SimIPU in blocks of channels', () => {
  /** The first steps of a run on one batch, on each of the ways. */
  async function trained(config: RunConfig, runs: number, ways: readonly Path[]): Promise<Leaves[]> {
    const { step, state, batches } = firstSteps(config, [0]);
    const results: Leaves[] = [];
    for (const way of ways) results.push(await resultsOn(way, step, { state, batch: batches[0], runs }));
    return results;
  }

  it.each<[string, RunConfig, ...Path[]]>([
    ['widths that fill blocks', blockedRun(16), 'plain'],
    ['images of few channels', blockedRun(4), 'plain', 'eager'],
  ])('%s: the losses and the next state, momentum included', async (_, config, ...against) => {
    const [found, ...others] = await trained(config, 1, ['blocked', ...against]);
    for (const expected of others)
      expectNear(found, expected, (name) => (name.includes('loss') ? 1e-4 : 2e-3));
  });

  it('stay together over three steps', async () => {
    const [found, expected] = await trained(blockedRun(16), 3, ['blocked', 'plain']);
    // A ReLU that rounding turns on or off moves a gradient by a hundredth here, in standard operations too.
    expectNear(found, expected, (name) => (name.includes('loss') ? 1e-3 : 0.1));
  });
});
