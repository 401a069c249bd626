import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { capture, type Step } from '../../../src/engine/capture.ts';
import { compile, type ResidentState, type StepResult } from '../../../src/engine/compile.ts';
import { exportOnnx } from '../../../src/engine/export-onnx.ts';
import { float32, type HostTensor, scalar } from '../../../src/engine/host-tensor.ts';
import { lower } from '../../../src/engine/lower.ts';
import { Random } from '../../../src/engine/random.ts';
import { leavesOf, type Tree } from '../../../src/engine/tree.ts';
import { exponentialMovingAverage } from '../../../src/nn/ema.ts';
import { branchAt } from '../../../src/nn/layer.ts';
import type { OptimizerOptions } from '../../../src/nn/optimizers.ts';
import { loadCheckpoint, saveCheckpoint } from '../../../src/training/run/checkpoint.ts';
import { seeded, values } from '../against-cpu.ts';
import { block, expectPathsAgree, expectSame, type Leaves, paths } from './paths.ts';
import {
  initSmallNetwork,
  shaken,
  smallBatch,
  smallNetwork,
  smallStep,
  weightPaths,
} from './small-network.ts';

type Tensors = Tree<tf.Tensor>;

const optimizers: ReadonlyArray<readonly [name: string, options: OptimizerOptions, weightDecay: number]> = [
  ['SGD', { kind: 'sgd', momentum: 0 }, 0],
  ['SGD with momentum', { kind: 'sgd', momentum: 0.9 }, 0.1],
  ['SGD after Nesterov', { kind: 'sgd', momentum: 0.9, nesterov: true }, 0.1],
  // With the usual eps of 1e-8 its first steps are ±1, whatever the gradient: rounding alone would decide on a sign.
  ['AdamW', { kind: 'adamw', eps: 1e-3 }, 0.1],
  ['LARS', { kind: 'lars', momentum: 0.9, trustCoefficient: 0.02 }, 0.1],
];

const moments = { sgd: ['momentum'], adamw: ['mean', 'variance'], lars: ['momentum'] };

const leaves = (tree: Tree<HostTensor>): Leaves => new Map(leavesOf(tree));

/** Paths of a step's state that stay in blocks of 16. */
const storedBy = (step: Step, state: Tree<HostTensor>, batch: Tree<HostTensor>) =>
  [...lower(capture(step, state, batch), { block: 16 }).stored.keys()].sort();

describe('weights and moments stay in blocks between two steps', () => {
  it.each(optimizers)('of %s', (_, options, weightDecay) => {
    const stored = storedBy(smallStep(options, weightDecay), initSmallNetwork(options), smallBatch);
    const expected = [
      ...weightPaths.map((path) => `params/${path}`),
      ...moments[options.kind].flatMap((moment) => weightPaths.map((path) => `optimizer/${moment}/${path}`)),
    ];
    expect(stored).toEqual(expected.sort());
  });

  it('but not what a step also wants in another order', () => {
    const state = { a: values(seeded('a'), [16, 16]), b: values(seeded('b'), [16, 16]) };
    const step: Step = ({ a, b }, { x }) => {
      const [left, right] = [a as tf.Tensor, b as tf.Tensor];
      const y = tf.matMul(tf.matMul(x as tf.Tensor, left), right);
      return [{ a: left, b: tf.sub(right, tf.mul(right, 0.1)) }, { y: tf.add(tf.softmax(left), tf.mean(y)) }];
    };
    expect(storedBy(step, state, { x: values(seeded('x'), [32, 16]) })).toEqual(['b']);
  });
});

describe.skipIf(block === undefined)('a state in blocks', () => {
  it.each(optimizers)('goes the way of standard operations, with %s', async (_, options, weightDecay) => {
    const state = shaken(initSmallNetwork(options));
    await expectPathsAgree(
      smallStep(options, weightDecay),
      { state, batch: smallBatch, runs: 5 },
      { tolerance: 2e-4 },
    );
  });

  it('is in public order where it is read, saved and exported', async () => {
    const options: OptimizerOptions = { kind: 'adamw' };
    const state = shaken(initSmallNetwork(options));
    const folder = await mkdtemp(join(tmpdir(), 'pointpair-blocked-'));
    // At a rate of 0 parameters stay as they are.
    const still = { ...smallBatch, learningRate: scalar(0) };
    const compiled = await compile(smallStep(options, 0.1), { state, batch: still });
    const { state: resident } = await compiled.run((await compiled.run(state, still)).state, still);
    const read = await resident.read();
    expectSame(leaves(branchAt(read, 'params')), leaves(branchAt(state, 'params')), 0);
    const meta = {
      step: 2,
      fingerprint: '',
      loader: null,
      random: Random.fromSeed(0).state,
      metrics: {},
      time: '',
    };
    const saved = await loadCheckpoint(await saveCheckpoint(folder, 2, { state: read, meta }));
    expectSame(leaves(saved.state), leaves(read), 0);
    expectSame(leaves(branchAt(saved.state, 'params')), leaves(branchAt(state, 'params')), 0);
    const exported = (parameters: Tree<HostTensor>) =>
      exportOnnx(
        (params, { images }) => ({
          rows: smallNetwork(params, branchAt(params, 'stats'), images as tf.Tensor).rows,
        }),
        { parameters, inputs: { images: smallBatch.images } },
      );
    const bytes = [read, state].map((each) =>
      exported({ ...branchAt(each, 'params'), stats: branchAt(state, 'stats') }),
    );
    expect(Buffer.compare(bytes[0], bytes[1])).toBe(0);
    expect(Buffer.from(bytes[0]).includes('nchwc')).toBe(false);
    await compiled.dispose();
    await rm(folder, { recursive: true });
  });

  it('is handed from step to step, whatever their layouts', async () => {
    const options: OptimizerOptions = { kind: 'sgd', momentum: 0.9 };
    const state = shaken(initSmallNetwork(options));
    const training = smallStep(options, 0.1);
    /** Takes the head's weights and the convolution's in their public order, and changes the state. */
    const other: Step = (current, batch) => {
      const { params } = current as { params: Tensors };
      const at = (key: string) => branchAt(params, key).weight as tf.Tensor;
      const halved = {
        ...branchAt(params, 'conv'),
        weight: tf.div(tf.add(at('conv'), tf.mean(at('conv'), 0)), 2),
      };
      const { images } = batch as { images: tf.Tensor };
      const { rows } = smallNetwork(
        { ...params, conv: halved },
        branchAt(current, 'stats') as Tensors,
        images,
      );
      return [
        { ...current, params: { ...params, conv: halved } },
        { rows, head: tf.softmax(at('head')) },
      ];
    };
    expect(storedBy(training, state, smallBatch)).not.toEqual(storedBy(other, state, smallBatch));
    const given = { state, batch: smallBatch };
    const steps = await Promise.all([
      compile(training, given),
      compile(other, given),
      compile(training, { ...given, blocked: false }),
    ]);
    const reference = await Promise.all([
      compile(training, { ...given, ...paths.plain }),
      compile(other, { ...given, ...paths.plain }),
    ]);
    const order = [0, 1, 0, 2, 1, 2, 0, 0];
    let [mixed, plain]: Array<Tree<HostTensor> | ResidentState> = [state, state];
    for (const which of order) {
      const before = mixed;
      const [found, expected]: StepResult[] = [
        await steps[which].run(mixed, smallBatch),
        await reference[which % 2].run(plain, smallBatch),
      ];
      expectSame(leaves(found.outputs), leaves(expected.outputs), 2e-4, `step ${which}: `);
      [mixed, plain] = [found.state, expected.state];
      expectSame(
        leaves(await found.state.read()),
        leaves(await expected.state.read()),
        2e-4,
        `after ${which}: `,
      );
      if (before === state) continue;
      await expect(steps[which].run(before, smallBatch)).rejects.toThrow('consumed by a later step');
    }
    for (const step of [...steps, ...reference]) await step.dispose();
  });

  it('stays whole where a step of another layout leaves it unchanged', async () => {
    const state = { w: values(seeded('w'), [32, 32]) };
    const batch = { x: values(seeded('x'), [32, 32]) };
    const train = await compile(
      ({ w }, { x }) => [
        { w: tf.mul(w as tf.Tensor, 0.5) },
        { y: tf.matMul(x as tf.Tensor, w as tf.Tensor) },
      ],
      { state, batch },
    );
    const look = await compile((given) => [given, { w: tf.softmax(given.w as tf.Tensor) }], { state, batch });
    const { state: resident } = await train.run(state, batch);
    const halved = state.w.data.map((value) => value / 2) as Float32Array;
    await look.run(resident, batch);
    expect((await resident.read()).w).toEqual(float32(halved, [32, 32]));
    await train.run(resident, batch);
    await expect(resident.read()).rejects.toThrow('consumed');
    await train.dispose();
    await look.dispose();
  });
});

describe.skipIf(block === undefined)('weights that change their place in the state', () => {
  const random = seeded('places');
  const weight = (outputs: number) => values(random, [outputs, 16, 3, 3], { low: -0.1, high: 0.1 });
  const batch = { x: values(random, [2, 16, 6, 5]) };
  const filterOf = (weights: tf.Tensor) => tf.transpose(weights, [2, 3, 1, 0]) as tf.Tensor4D;
  const conv = (x: tf.Tensor, weights: tf.Tensor) =>
    tf.tanh(tf.conv2d(x as tf.Tensor4D, filterOf(weights), 1, 'same', 'NCHW'));
  const all = { against: ['plain', 'eager'] } as const;

  it('are swapped', async () => {
    const step: Step = ({ a, b }, { x }) => [
      { a: b, b: a },
      { y: conv(conv(x as tf.Tensor, a as tf.Tensor), b as tf.Tensor) },
    ];
    await expectPathsAgree(step, { state: { a: weight(16), b: weight(16) }, batch, runs: 3 }, all);
  });

  it('are copied, to a place that is used and to one that is not', async () => {
    const step: Step = ({ a }, { x }) => [
      { a: tf.mul(a as tf.Tensor, 0.9), used: a, unused: a },
      { y: conv(x as tf.Tensor, a as tf.Tensor) },
    ];
    const state = { a: weight(32), used: weight(32), unused: weight(32) };
    const both: Step = (given, given2) => {
      const [next, outputs] = step(given, given2);
      return [next, { ...outputs, z: conv(given2.x as tf.Tensor, given.used as tf.Tensor) }];
    };
    await expectPathsAgree(both, { state, batch, runs: 3 }, all);
  });

  it('are added up to another weight, which a convolution takes', async () => {
    const step: Step = ({ a, b }, { x }) => {
      const [left, right] = [a as tf.Tensor, b as tf.Tensor];
      const y = conv(conv(x as tf.Tensor, left), tf.add(left, right));
      return [{ a: tf.add(left, tf.mul(y.shape[0], right)), b: tf.tanh(right) }, { y }];
    };
    const state = { a: weight(16), b: weight(16) };
    expect(storedBy(step, state, batch)).toEqual(['a', 'b']);
    await expectPathsAgree(step, { state, batch, runs: 3 }, all);
  });

  it('are followed by a moving average, whose network runs too', async () => {
    const step: Step = ({ online, momentum }, { x }) => {
      const run = (tree: Tensors) =>
        conv(conv(x as tf.Tensor, tree.first as tf.Tensor), tree.last as tf.Tensor);
      const target = run(momentum as Tensors);
      const loss = (first: tf.Tensor, last: tf.Tensor) =>
        tf.mean(tf.squaredDifference(run({ first, last }), target)) as tf.Scalar;
      const { first, last } = online as { first: tf.Tensor; last: tf.Tensor };
      const { value, grads } = tf.valueAndGrads(loss as never)([first, last]);
      const moved = { first: tf.sub(first, tf.mul(grads[0], 5)), last: tf.sub(last, tf.mul(grads[1], 5)) };
      return [
        { online: moved, momentum: exponentialMovingAverage(momentum as Tensors, moved, 0.9) },
        { value },
      ];
    };
    const weights = () => ({ first: weight(16), last: weight(16) });
    const state = { online: weights(), momentum: weights() };
    expect(storedBy(step, state, batch)).toHaveLength(4);
    await expectPathsAgree(step, { state, batch, runs: 4 }, all);
  });

  it('are replaced by rows, such as the keys of a queue', async () => {
    const state = { queue: values(random, [32, 32]), w: values(random, [32, 32], { low: -0.2, high: 0.2 }) };
    const step: Step = ({ queue, w }, { rows }) => {
      const keys = tf.tanh(tf.matMul(rows as tf.Tensor, w as tf.Tensor));
      return [
        { queue: keys, w: tf.mul(w as tf.Tensor, 0.9) },
        { logits: tf.matMul(keys, queue as tf.Tensor, false, true) },
      ];
    };
    const rows = { rows: values(random, [32, 32]) };
    expect(storedBy(step, state, rows)).toEqual(['queue', 'w']);
    await expectPathsAgree(step, { state, batch: rows, runs: 3 }, all);
  });
});
