import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLoader } from '../../src/datasets/loader.ts';
import type { Step } from '../../src/engine/capture.ts';
import { compile } from '../../src/engine/compile.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, mapTree, type Tree } from '../../src/engine/tree.ts';
import { initResNet, resnet } from '../../src/image/resnet.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { learningRatesAt } from '../../src/nn/parameter-groups.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { Simipu } from '../../src/objectives/simipu.ts';
import { parameterGroups } from '../../src/training/config.ts';
import { createDetector, detectionGroups } from '../../src/training/detection-config.ts';
import { detectionState } from '../../src/training/finetune.ts';
import { initialState } from '../../src/training/pretrain.ts';
import { trainStep } from '../../src/training/train-step.ts';
import { seeded, values } from '../engine/against-cpu.ts';
import { syntheticBatch, tinyRun } from '../objectives/tiny-simipu.ts';
import { tinyDetector, tinyScenes } from './tiny-detector.ts';

/** A step, and what it is run on. */
interface Given {
  readonly step: Step;
  readonly state: Tree<HostTensor>;
  readonly batch: Tree<HostTensor>;
}

const detectors = ['point3d', 'image3d', 'fusion', 'monorun'] as const;
const threadCounts = [1, 2, 3, 4, 8];
const runs = 20;

/** Point levels that are large enough for ONNX Runtime to share their operations out among threads. */
const levels = [
  { points: 256, radii: [1, 3], neighbors: [16, 32], widths: [[16], [16, 32]], out: 32 },
  { points: 128, radii: [3, 9], neighbors: [16, 16], widths: [[32], [32, 32]], out: 64 },
];

function simipu(batchSize: number): Given {
  const tiny = tinyRun();
  const config = {
    ...tiny,
    batchSize,
    simipu: {
      ...tiny.simipu,
      points: { ...tiny.simipu.points, count: 384 },
      imageEncoder: { ...tiny.simipu.imageEncoder, width: 16 },
      pointEncoder: { ...tiny.simipu.pointEncoder, levels },
      heads: { intraPoints: [64, 32], crossImage: [64, 32], crossPoints: [64, 32] },
    },
  };
  const groups = parameterGroups(config);
  const objective = new Simipu(config.simipu, batchSize);
  const data = syntheticBatch(objective, config.simipu);
  return {
    step: trainStep(objective, groups),
    state: initialState(config),
    batch: { data, learningRates: learningRatesAt(groups, config.schedule, 0) },
  };
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
  const points = [`${name}.points.count=512`, `${name}.pointEncoder.levels=${JSON.stringify(levels)}`];
  const picture = [`${name}.imageEncoder.width=16`, `${name}.channels=16`];
  const config = tinyDetector(name, [
    `batchSize=${batchSize}`,
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
        step: trainStep(made, groups, { clipNorm: 10 }),
        state: detectionState(config),
        batch: { data: made.collate(batch), learningRates: learningRatesAt(groups, config.schedule, 0.5) },
      };
    }
    throw new Error('no batch');
  } finally {
    await loader.close();
  }
}

/** One number of a fixed width for all that a run left: any other bit gives another one. */
function digest(tree: Tree<HostTensor>): string {
  const hash = createHash('sha256');
  for (const [path, { data }] of leavesOf(tree)) {
    hash.update(path).update(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex').slice(0, 16);
}

/** What twenty runs give on each number of threads, and how often. */
async function countBits({ step, state, batch }: Given): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const threads of threadCounts) {
    const compiled = await compile(step, { state, batch, threads });
    for (let run = 0; run < runs; run++) {
      const result = await compiled.run(state, batch);
      const key = digest({ outputs: result.outputs, state: await result.state.read() });
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    await compiled.dispose();
  }
  return counts;
}

let data: string;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'same-bits-'));
  await tinyScenes(data);
}, 120_000);
afterAll(() => rm(data, { recursive: true }));

const all = threadCounts.length * runs;
const title = `a training step gives the same bits ${all} times, on ${threadCounts.join(', ')} threads`;

describe.each([1, 7, 8])(`${title}, on a batch of %i`, (batchSize) => {
  const works: { readonly [name: string]: () => Given | Promise<Given> } = {
    simipu: () => simipu(batchSize),
    resnet18: () => resnet18(batchSize),
    ...Object.fromEntries(detectors.map((name) => [name, () => detector(name, batchSize, data)])),
  };

  it.each(Object.keys(works))('%s', { timeout: 240_000 }, async (name) => {
    const counts = await countBits(await works[name]());
    expect([...counts.values()]).toEqual([all]);
  });
});
