import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Step } from '../../../src/engine/capture.ts';
import { type CompileOptions, compile } from '../../../src/engine/compile.ts';
import { float32, type HostTensor, int32, scalar } from '../../../src/engine/host-tensor.ts';
import { NativeStep } from '../../../src/engine/native/native-step.ts';
import { Random } from '../../../src/engine/random.ts';
import { leavesOf, mapTree, type Tree } from '../../../src/engine/tree.ts';
import { initResNet, resnet } from '../../../src/image/resnet.ts';
import { branchAt } from '../../../src/nn/layer.ts';
import { valueAndGrad } from '../../../src/nn/value-and-grad.ts';
import { firstSteps as imageSteps, tinyImageRun, tinyView } from '../../objectives/tiny-image-run.ts';
import { comparableRun, firstSteps } from '../../objectives/tiny-training.ts';
import { seeded, values } from '../against-cpu.ts';

const onLinux = process.platform === 'linux';

interface Given {
  readonly step: Step;
  readonly state: Tree<HostTensor>;
  readonly batches: ReadonlyArray<Tree<HostTensor>>;
}

/** Gradient descent of a ResNet-18 whose channels fill blocks. */
function resnet18(): Given {
  const options = { depth: 18, stages: ['c5'], batchNorm: { eps: 1e-3, momentum: 0.1 }, width: 16 } as const;
  const { params, stats } = initResNet(Random.fromSeed('resnet'), options);
  const step: Step = (before, { image }) => {
    const { loss, aux, grads } = valueAndGrad(
      (current) => {
        const result = resnet(current, branchAt(before, 'stats'), image as tf.Tensor, {
          ...options,
          training: true,
        });
        return { loss: tf.mean(tf.square(result.features.c5!)) as tf.Scalar, aux: result.stats };
      },
      branchAt(before, 'params'),
    );
    const descend = (leaf: tf.Tensor, path: string) => tf.sub(leaf, tf.mul(grads.get(path)!, 0.1));
    return [{ params: mapTree(branchAt(before, 'params'), descend), stats: aux }, { loss }];
  };
  const batches = [0, 1, 2].map((i) => ({ image: values(seeded(`image ${i}`), [2, 3, 32, 64]) }));
  return { step, state: { params, stats }, batches };
}

function mocoV2(): Given {
  const view = { ...tinyView, width: 16, height: 16 };
  const run = tinyImageRun('moco-v2-cifar', { query: view, key: view, queue: 32 }, { batchSize: 8 });
  const pictures = [0, 8, 16].map((first) => Array.from({ length: 8 }, (_, i) => first + i));
  return imageSteps(run, { frames: 24, pictures });
}

/** The bytes of all leaves of a tree, by path. */
function bytesOf(tree: Tree<HostTensor>): Map<string, Buffer> {
  const bytes = ({ data }: HostTensor) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return new Map(leavesOf(tree).map(([path, leaf]) => [path, Buffer.from(bytes(leaf))]));
}

/** All that a step leaves in some runs: the outputs of each, and the state at the end. */
async function wayOf({ step, state, batches }: Given, options: Partial<CompileOptions>) {
  const compiled = await compile(step, { state, batch: batches[0], ...options });
  try {
    let now: Parameters<typeof compiled.run>[0] = state;
    const outputs = [];
    for (const batch of batches) {
      const result = await compiled.run(now, batch);
      now = result.state;
      outputs.push(bytesOf(result.outputs));
    }
    return { outputs, state: bytesOf(await (now as { read(): Promise<Tree<HostTensor>> }).read()) };
  } finally {
    await compiled.dispose();
  }
}

function otherLeaves(a: ReadonlyMap<string, Buffer>, b: ReadonlyMap<string, Buffer>): string[] {
  return [...a].flatMap(([path, bytes]) => (b.get(path)?.equals(bytes) ? [] : [path]));
}

describe.skipIf(!onLinux)("ONNX Runtime's C interface (on Linux)", () => {
  const works: { readonly [name: string]: () => Given } = {
    'SimIPU with AdamW and sums of rows': () => firstSteps(comparableRun(), [0, 1, 2]),
    'a ResNet-18 in blocks': resnet18,
    'MoCo v2 with its queue and slow encoder': mocoV2,
  };

  it.each(Object.keys(works))('gives the bits of the binding over three steps: %s', async (name) => {
    const given = works[name]();
    for (const how of [{ threads: 1 }, { threads: 2 }, { blocked: false }]) {
      const [native, binding] = [
        await wayOf(given, { ...how, runner: 'native' }),
        await wayOf(given, { ...how, runner: 'binding' }),
      ];
      expect(native.state.size).toBe(binding.state.size);
      expect(otherLeaves(native.state, binding.state)).toEqual([]);
      native.outputs.forEach((output, i) => {
        expect(otherLeaves(output, binding.outputs[i])).toEqual([]);
      });
    }
  });

  const sums: Step = ({ sum, label }, { x, at }) => [
    { sum: tf.add(sum as tf.Tensor, tf.gather(x as tf.Tensor, at as tf.Tensor1D)), label },
    { twice: tf.mul(x as tf.Tensor, 2) },
  ];
  const state = { sum: float32([0, 0], [2]), label: int32([7], [1]) };
  const batch = (at: number[]) => ({ x: float32([1, 2, 3], [3]), at: int32(at, [2]) });

  it('is what the CPU runs by by default', async () => {
    expect(await compile(sums, { state, batch: batch([0, 1]) })).toBeInstanceOf(NativeStep);
  });

  it('leaves the state as it was where a run fails, and goes on from there', async () => {
    const step = await compile(sums, { state, batch: batch([0, 1]), runner: 'native' });
    const { state: one } = await step.run(state, batch([0, 2]));
    await expect(step.run(one, batch([0, 9]))).rejects.toThrow(/indices element out of data bounds/);
    expect([...(((await one.read()) as typeof state).sum.data as Float32Array)]).toEqual([1, 3]);
    const { state: two } = await step.run(one, batch([1, 1]));
    const read = (await two.read()) as typeof state;
    expect([...read.sum.data]).toEqual([3, 5]);
    expect([...read.label.data]).toEqual([7]);
    await expect(one.read()).rejects.toThrow(/consumed by a later step/);
    await step.dispose();
    await expect(step.run(state, batch([0, 1]))).rejects.toThrow(/disposed of/);
  });

  it('refuses a state of the other runner, and says what to do', async () => {
    const [native, binding] = await Promise.all(
      (['native', 'binding'] as const).map((runner) =>
        compile(sums, { state, batch: batch([0, 1]), runner }),
      ),
    );
    const left = [await native.run(state, batch([0, 1])), await binding.run(state, batch([0, 1]))];
    const said =
      "expected a state in host memory or of this step's runner on device 'cpu', found one of another runner ('native' or 'binding'): read() it first";
    await expect(binding.run(left[0].state, batch([0, 1]))).rejects.toThrow(said);
    await expect(native.run(left[1].state, batch([0, 1]))).rejects.toThrow(said);
    // They are as they were, and read they are taken.
    const { state: next } = await binding.run((await left[0].state.read()) as typeof state, batch([0, 1]));
    expect([...((await next.read()) as typeof state).sum.data]).toEqual([2, 4]);
    for (const step of [native, binding]) await step.dispose();
  });

  it('leaves the main thread free while a step runs', async () => {
    const side = 700;
    const square = { x: float32(new Float32Array(side * side).fill(1e-3), [side, side]) };
    const products: Step = (_, { x }) => {
      let y = x as tf.Tensor;
      for (let i = 0; i < 12; i++) y = tf.matMul(y, x as tf.Tensor);
      return [{}, { sum: tf.sum(y) }];
    };
    const step = await compile(products, { state: {}, batch: square, runner: 'native' });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const began = performance.now();
    await step.run({}, square);
    const ms = performance.now() - began;
    clearInterval(timer);
    // Who disposes of a step that runs waits for it.
    const running = step.run({}, square);
    await new Promise((resolve) => setTimeout(resolve, 2));
    await step.dispose();
    expect(((await running).outputs.sum as HostTensor).data[0]).toBeGreaterThan(0);
    expect(ms).toBeGreaterThan(5);
    expect(ticks).toBeGreaterThan(1);
  });

  it('does not grow over two thousand steps', async () => {
    const count = 100_000;
    const grown: Step = ({ sum, n }, { x }) => [
      { sum: tf.add(sum as tf.Tensor, x as tf.Tensor), n: tf.add(n as tf.Tensor, 1) },
      { n },
    ];
    const start = { sum: float32(new Float32Array(count), [count]), n: scalar(0) };
    const one = { x: float32(new Float32Array(count).fill(1), [count]) };
    const step = await compile(grown, { state: start, batch: one, runner: 'native' });
    let { state: now } = await step.run(start, one);
    const resident = [];
    for (let i = 1; i < 2000; i++) {
      ({ state: now } = await step.run(now, one));
      if (i === 200 || i === 1999) resident.push(process.memoryUsage().rss);
    }
    const read = (await now.read()) as typeof start;
    expect([read.n.data[0], read.sum.data[count - 1]]).toEqual([2000, 2000]);
    await step.dispose();
    // Each step writes 400 kB: kept, they would be 720 MB.
    expect(resident[1] - resident[0]).toBeLessThan(40e6);
  });
});
