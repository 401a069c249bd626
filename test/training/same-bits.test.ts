import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLoader } from '../../src/datasets/loader.ts';
import type { Step } from '../../src/engine/capture.ts';
import { Random } from '../../src/engine/random.ts';
import { mapTree } from '../../src/engine/tree.ts';
import { initResNet, resnet } from '../../src/image/resnet.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { ratesAt } from '../../src/nn/parameter-groups.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { createDetector, detectionGroups } from '../../src/training/detection/detection-config.ts';
import { detectionState } from '../../src/training/detection/finetune.ts';
import { initialState } from '../../src/training/pretrain.ts';
import { trainStep } from '../../src/training/train-step.ts';
import { smallScenes } from '../datasets/scenes/small-scenes.ts';
import { seeded, values } from '../engine/against-cpu.ts';
import { tiny } from '../objectives/tiny-simipu.ts';
import { firstSteps } from '../objectives/tiny-training.ts';
import { tinyDetector } from './detection/tiny-detector.ts';
import { type Given, otherBits, sameBits } from './other-bits.ts';

const detectors = ['point3d', 'image3d', 'fusion', 'monorun'] as const;

/** Point levels that are large enough for ONNX Runtime to share their operations out among threads. */
const levels = [
  { points: 128, radii: [1], neighbors: [16], widths: [[16, 32]], out: 32 },
  { points: 64, radii: [3, 9], neighbors: [16, 32], widths: [[32], [32, 32]], out: 64 },
];

const sgd = JSON.stringify({ kind: 'sgd', momentum: 0.9, learningRate: 0.01, weightDecay: 1e-4 });

function simipu(batchSize: number): Given {
  const config = {
    ...tiny({
      simipu: { heads: { intraPoints: [64, 32], crossImage: [64, 32], crossPoints: [64, 32] } },
      image: { width: 8 },
      points: { levels },
      input: { count: 256 },
    }),
    batchSize,
  };
  const { step, batches } = firstSteps(config, [0]);
  return { step, state: initialState(config, { frames: 0 }), batch: batches[0] };
}

/** Forward, backward and gradient descent of a ResNet-18. */
function resnet18(batchSize: number): Given {
  const options = { depth: 18, stages: ['c5'], batchNorm: { eps: 1e-3, momentum: 0.1 }, width: 16 } as const;
  const { params, stats } = initResNet(Random.fromSeed('resnet'), options);
  const step: Step = (before, { image }) => {
    const { loss, aux, grads } = valueAndGrad(
      (current) => {
        const given = branchAt(before, 'stats');
        const result = resnet(current, given, image as tf.Tensor, { ...options, training: true });
        return { loss: tf.mean(tf.square(result.features.c5!)) as tf.Scalar, aux: result.stats };
      },
      branchAt(before, 'params'),
    );
    const descend = (leaf: tf.Tensor, path: string) => tf.sub(leaf, tf.mul(grads.get(path)!, 0.1));
    return [{ params: mapTree(branchAt(before, 'params'), descend), stats: aux }, { loss }];
  };
  const batch = { image: values(seeded('image'), [batchSize, 3, 64, 96]) };
  return { step, state: { params, stats }, batch };
}

async function detector(name: (typeof detectors)[number], batchSize: number, data: string): Promise<Given> {
  const points = [`${name}.points.count=256`, `${name}.pointEncoder.levels=${JSON.stringify(levels)}`];
  const picture = [`${name}.imageEncoder.width=8`, `${name}.channels=8`];
  const config = tinyDetector(name, [
    `batchSize=${batchSize}`,
    // Fewer operations than AdamW has, all number by number.
    `optimizers.encoders=${sgd}`,
    `optimizers.heads=${sgd}`,
    ...(name === 'point3d' || name === 'fusion' ? points : []),
    ...(name === 'point3d' ? [] : picture),
  ]);
  const made = createDetector(config);
  const groups = detectionGroups(config);
  const source = made.source({ root: data, training: true });
  const loader = createLoader<unknown>({ length: 8, batchSize, seed: 1, source });
  try {
    for await (const { batch } of loader.from()) {
      return {
        step: trainStep(made, groups, { clip: { norm: 10, of: 'all' } }),
        state: detectionState(config),
        batch: {
          data: made.collate(batch),
          rates: { ...ratesAt(groups, config.schedule, { progress: 0.5, share: 0 }) },
        },
      };
    }
    throw new Error('no batch');
  } finally {
    await loader.close();
  }
}

let data: string;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'same-bits-'));
  await smallScenes(data);
}, 120_000);
afterAll(() => rm(data, { recursive: true }));

const threadCounts = [1, 2, 3, 4, 8];

describe.each([1, 7, 8])(`${sameBits(threadCounts)}, on a batch of %i`, (batchSize) => {
  const works: { readonly [name: string]: () => Given | Promise<Given> } = {
    simipu: () => simipu(batchSize),
    resnet18: () => resnet18(batchSize),
    ...Object.fromEntries(detectors.map((name) => [name, () => detector(name, batchSize, data)])),
  };

  it.each(Object.keys(works))('%s', { timeout: 240_000 }, async (name) => {
    expect(await otherBits(await works[name](), threadCounts)).toEqual([]);
  });
});

it(`${sameBits(threadCounts)}, on as many images as fill a block of channels: resnet18`, {
  timeout: 240_000,
}, async () => {
  expect(await otherBits(resnet18(16), threadCounts)).toEqual([]);
});
