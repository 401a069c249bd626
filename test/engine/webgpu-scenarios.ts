import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { Step } from '../../src/engine/capture.ts';
import { type CompiledStep, compile, type ResidentState } from '../../src/engine/compile.ts';
import type { Device } from '../../src/engine/device.ts';
import { float32, type HostTensor, scalar } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { mapTree, type Tree } from '../../src/engine/tree.ts';
import { initResNet, resnet } from '../../src/image/resnet.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { comparableRun, firstSteps } from '../objectives/tiny-training.ts';
import { seeded, values, whole } from './against-cpu.ts';
import { operatorProviders, type PlacedOperator } from './operator-providers.ts';

type Tensors = { readonly [key: string]: tf.Tensor };

/** Steps from a start, each from the state that the one before left. */
export interface Trajectory {
  readonly outputs: ReadonlyArray<Tree<HostTensor>>;
  readonly states: ReadonlyArray<Tree<HostTensor>>;
  /** Where the tensors of each state lie: `cpu` or `gpu-buffer`. */
  readonly locations: readonly string[];
}

/** The tensors of a resident state, which are private to the engine. */
function tensorsOf(state: ResidentState): ReadonlyMap<string, { readonly location?: string }> {
  return (state as unknown as { peek(): ReadonlyMap<string, { location?: string }> }).peek();
}

/** Tensors over memory of ours, which the CPU's state has, are where every array is. */
const locationOf = (state: ResidentState) =>
  [...new Set([...tensorsOf(state).values()].map(({ location = 'cpu' }) => location))].join(' and ');

async function follow(
  compiled: CompiledStep,
  start: Tree<HostTensor>,
  batches: ReadonlyArray<Tree<HostTensor>>,
): Promise<Trajectory> {
  const [outputs, states, locations]: [Array<Tree<HostTensor>>, Array<Tree<HostTensor>>, string[]] = [
    [],
    [],
    [],
  ];
  let state: Tree<HostTensor> | ResidentState = start;
  for (const batch of batches) {
    const result = await compiled.run(state, batch);
    state = result.state;
    outputs.push(result.outputs);
    states.push(await result.state.read());
    locations.push(locationOf(result.state));
  }
  await compiled.dispose();
  return { outputs, states, locations };
}

/** Gradient descent on a layer, beside parts of every type and of odd sizes, one of which the step hands on. */
async function smallSteps(device: Device): Promise<Trajectory> {
  const random = seeded('webgpu');
  const state = {
    weight: values(random, [5, 3]),
    frozen: values(random, [3]),
    swapped: { a: scalar(1), b: scalar(2) },
    count: { dtype: 'int32', shape: [3], data: Int32Array.of(-1, 0, 7) },
    mask: { dtype: 'bool', shape: [5], data: Uint8Array.of(1, 0, 0, 1, 1) },
    none: float32([], [0, 2]),
  } as const;
  const step: Step = ({ weight, frozen, swapped, count, mask, none }, { x, target }) => {
    const { a, b } = swapped as Tensors;
    const loss = (w: tf.Tensor) =>
      tf.losses.meanSquaredError(
        target as tf.Tensor,
        tf.tanh(tf.add(tf.matMul(x as tf.Tensor, w), frozen as tf.Tensor)),
      );
    const { value, grad } = tf.valueAndGrad(loss as never)(weight as tf.Tensor);
    const next = {
      weight: tf.sub(weight as tf.Tensor, tf.mul(grad, 0.1)),
      frozen,
      swapped: { a: b, b: tf.add(a, 0) },
      count: tf.add(count as tf.Tensor, tf.scalar(1, 'int32')),
      mask: tf.logicalNot(mask as tf.Tensor),
      none,
    };
    return [next, { loss: value }];
  };
  const batches = Array.from({ length: 10 }, () => ({
    x: values(random, [8, 5]),
    target: values(random, [8, 3]),
  }));
  return follow(await compile(step, { state, batch: batches[0], device }), state, batches);
}

/** What becomes of states: one read while the next step begins, one that its step does not outlive, one that is dropped. */
async function livesOfStates(device: Device) {
  const step: Step = ({ w }, { x }) => [{ w: tf.add(w as tf.Tensor, x as tf.Tensor) }, {}];
  const [state, batch] = [{ w: float32([1, 2], [2]) }, { x: scalar(1) }];
  const open = () => compile(step, { state, batch, device });
  const w = async (read: Promise<Tree<HostTensor>>) => [...((await read).w as HostTensor).data];

  const compiled = await open();
  const first = (await compiled.run(state, batch)).state;
  const [consumed] = tensorsOf(first).values();
  const reading = first.read();
  const second = (await compiled.run(first, batch)).state;
  const readWhileConsumed = await w(reading);

  await compiled.dispose();
  const readAfterDispose = await w(second.read());
  const other = await open();
  const third = (await other.run(second, batch)).state;
  const goneOn = await w(third.read());

  let dropped: ResidentState | undefined = (await other.run(third, batch)).state;
  const [lost] = tensorsOf(dropped).values();
  dropped = undefined;
  for (let i = 0; i < 20 && lost.location !== 'none'; i++) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await other.dispose();
  return {
    readWhileConsumed,
    readAfterDispose,
    goneOn,
    consumed: consumed.location,
    lost: lost.location,
  };
}

/** What two operations, each in a way that is computed and in one that is refused, come to: numbers, or the error. */
async function edges(device: Device) {
  const x = values(seeded('edges'), [5, 6]);
  const [image, filter] = [values(seeded('image'), [1, 7, 9, 3]), values(seeded('filter'), [3, 3, 3, 2])];
  const gradient = (stride: number) => {
    const weights = () => tf.tensor4d(filter.data as Float32Array, [3, 3, 3, 2]);
    return tf.grad((given) => tf.square(tf.depthwiseConv2d(given as tf.Tensor4D, weights(), stride, 'same')));
  };
  const cases: { readonly [name: string]: readonly [given: HostTensor, f: (given: tf.Tensor) => tf.Tensor] } =
    {
      'backwards from the last': [x, (given) => tf.stridedSlice(given, [4, 5], [-6, 0], [-2, -1])],
      'backwards from within': [x, (given) => tf.stridedSlice(given, [3, 0], [0, 6], [-1, 1])],
      'groups in steps of one': [image, gradient(1)],
      'groups in steps of two': [image, gradient(2)],
    };
  const results: Record<string, HostTensor | string> = {};
  for (const [name, [given, f]] of Object.entries(cases)) {
    const step: Step = (_, batch) => [{}, { y: f(batch.given as tf.Tensor) }];
    try {
      const compiled = await compile(step, { state: {}, batch: { given }, device });
      results[name] = (await compiled.run({}, { given })).outputs.y as HostTensor;
      await compiled.dispose();
    } catch (error) {
      results[name] = (error as Error).message;
    }
  }
  return results;
}

/** Whole training steps of SimIPU, and where their operators ran. */
async function simipuSteps(device: Device, folder: string) {
  const { step, state, batches } = firstSteps(comparableRun(), [0, 1]);
  const profileTo = join(folder, `simipu-${device}`);
  const compiled = await compile(step, { state, batch: batches[0], device, profileTo });
  return {
    start: state,
    ...(await follow(compiled, state, batches)),
    operators: await operatorProviders(profileTo),
  };
}

/** Where the operators of a training step of a narrow ResNet run: forward, backward, and gradient descent. */
async function resnetOperators(device: Device, folder: string, depth: 18 | 50): Promise<PlacedOperator[]> {
  const options = { depth, stages: ['c5'], batchNorm: { eps: 1e-5, momentum: 0.1 }, width: 4 } as const;
  const { params, stats } = initResNet(Random.fromSeed('resnet'), options);
  const state = { params, stats };
  const batch = { image: values(seeded('image'), [1, 3, 64, 64]) };
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
  const profileTo = join(folder, `resnet-${depth}`);
  const compiled = await compile(step, { state, batch, device, profileTo });
  await compiled.run(state, batch);
  await compiled.dispose();
  return operatorProviders(profileTo);
}

/** Sums of rows by number, three times over: by tables that come with the batch, and by numbers that are in the state. */
async function sumsOfRows(device: Device, folder: string) {
  const random = seeded('sums of rows');
  const [rows, sums] = [2048, 16];
  const x = values(random, [rows, 8], { gap: 0 });
  const numbers = whole(random, [rows], sums);
  const step: Step = (state, batch) => {
    const sum = (by: Tree<tf.Tensor>) =>
      tf.unsortedSegmentSum(batch.x as tf.Tensor, by.numbers as tf.Tensor1D, sums);
    return [state, { byTables: sum(batch), byState: sum(state) }];
  };
  const given = { state: { numbers }, batch: { x, numbers } };
  const profileTo = join(folder, `sums-${device}`);
  const compiled = await compile(step, { ...given, device, profileTo });
  const results = [];
  for (let run = 0; run < 3; run++) {
    const { byTables, byState } = (await compiled.run(given.state, given.batch)).outputs;
    results.push({ byTables: byTables as HostTensor, byState: byState as HostTensor });
  }
  await compiled.dispose();
  return { results, operators: await operatorProviders(profileTo) };
}

/** What runs in this process on the CPU and in another one on WebGPU. */
export const scenarios = {
  smallSteps,
  livesOfStates,
  edges,
  sumsOfRows,
  simipuSteps,
  resnet18: (device: Device, folder: string) => resnetOperators(device, folder, 18),
  resnet50: (device: Device, folder: string) => resnetOperators(device, folder, 50),
};
