import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Step } from '../../src/engine/capture.ts';
import { compile } from '../../src/engine/compile.ts';
import type { CompiledStep } from '../../src/engine/compiled-step.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { float32, int32, scalar } from '../../src/engine/host-tensor.ts';
import { InputError } from '../../src/engine/input-error.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { seeded, values } from './against-cpu.ts';

type Tensors = { readonly [key: string]: tf.Tensor };

const step = (body: (state: Tensors, batch: Tensors) => [Tree<tf.Tensor>, Tree<tf.Tensor>]) => body as Step;

/** The leaf of a tree at a path of one key. */
const leaf = (tree: Tree<HostTensor>, key: string) => tree[key] as HostTensor;

const numbers = (tree: Tree<HostTensor>, key: string) => [...leaf(tree, key).data];

const counting = step(({ sum, label }, { x }) => [
  { sum: tf.add(sum, tf.sum(x)), label },
  { twice: tf.mul(x, 2) },
]);
const start = { sum: scalar(0), label: int32([7, 8], [2]) };
const batch = { x: float32([1, 2, 3], [3]) };

describe.each(['cpu', 'eager'] as const)('a compiled step on %s', (device) => {
  const counter = (): Promise<CompiledStep> => compile(counting, { state: start, batch, device });

  it('keeps its state over many steps, and leaves a state in host memory as it was', async () => {
    const compiled = await counter();
    let { state, outputs } = await compiled.run(start, batch);
    for (let i = 1; i < 50; i++) ({ state, outputs } = await compiled.run(state, batch));
    const read = await state.read();
    expect(numbers(read, 'sum')).toEqual([300]);
    expect(leaf(read, 'label')).toEqual(start.label);
    expect(leaf(outputs, 'twice')).toEqual(float32([2, 4, 6], [3]));
    expect([...start.sum.data]).toEqual([0]);
    expect(numbers(await (await compiled.run(start, batch)).state.read(), 'sum')).toEqual([6]);
  });

  it('is not moved by what the caller writes into arrays afterwards', async () => {
    const compiled = await counter();
    const mine = { sum: scalar(0), label: int32([7, 8], [2]) };
    const x = float32([1, 2, 3], [3]);
    const { state, outputs } = await compiled.run(mine, { x });
    mine.label.data.fill(0);
    x.data.fill(0);
    const read = await state.read();
    leaf(read, 'sum').data.fill(0);
    const again = await state.read();
    expect([numbers(again, 'sum'), numbers(again, 'label'), numbers(outputs, 'twice')]).toEqual([
      [6],
      [7, 8],
      [2, 4, 6],
    ]);
  });

  it('consumes a resident state', async () => {
    const compiled = await counter();
    const { state } = await compiled.run(start, batch);
    await compiled.run(state, batch);
    const message = `this state was consumed by a later step on device '${device}'`;
    await expect(state.read()).rejects.toThrow(message);
    await expect(compiled.run(state, batch)).rejects.toThrow(message);
  });

  it('says which tensor is not as it was compiled for, and keeps the state then', async () => {
    const compiled = await counter();
    const { state } = await compiled.run(start, batch);
    const faults: Array<[Tree<HostTensor>, Tree<HostTensor>, string]> = [
      [start, { x: float32([1, 2], [2]) }, 'batch/x: expected float32 [3] as when it was compiled'],
      [start, { x: int32([1, 2, 3], [3]) }, 'found int32 [3]'],
      [start, {}, 'batch/x: expected float32 [3], found nothing'],
      [
        start,
        { ...batch, y: scalar(1) },
        'batch/y: expected nothing, as when it was compiled, found float32 []',
      ],
      [{ sum: scalar(0) }, batch, 'state/label: expected int32 [2], found nothing'],
      [{ ...start, sum: float32([0], [1]) }, batch, 'state/sum: expected float32 [] as when it was compiled'],
      [{ ...start, sum: { deep: scalar(0) } }, batch, 'state/sum: expected float32 [], found nothing'],
      [
        start,
        { x: { ...batch.x, data: new Float32Array(2) } },
        'batch/x: expected 3 values for shape [3], found 2',
      ],
      [
        start,
        { x: 3 as unknown as HostTensor },
        'batch/x: expected a tensor { dtype, shape, data }, found number',
      ],
    ];
    for (const [given, fed, message] of faults) {
      await expect(compiled.run(given, fed)).rejects.toThrow(InputError);
      await expect(compiled.run(given, fed)).rejects.toThrow(message);
      await expect(compiled.run(state, { ...fed, x: scalar(1) })).rejects.toThrow(InputError);
    }
    expect(numbers(await state.read(), 'sum')).toEqual([6]);
  });

  it('holds the states of other steps against its own as well', async () => {
    const other = await compile(
      step(() => [{ sum: tf.zeros([2]), label: tf.zeros([2], 'int32') }, {}]),
      { state: {}, batch: {}, device },
    );
    const { state } = await other.run({}, {});
    const compiled = await counter();
    await expect(compiled.run(state, batch)).rejects.toThrow(
      'state/sum: expected float32 [] as when it was compiled',
    );
    expect(numbers(await state.read(), 'sum')).toEqual([0, 0]);
  });

  it('refuses a state that lies on another device', async () => {
    const other = device === 'cpu' ? 'eager' : 'cpu';
    const { state } = await (await compile(counting, { state: start, batch, device: other })).run(
      start,
      batch,
    );
    const compiled = await counter();
    await expect(compiled.run(state, batch)).rejects.toThrow(
      `found one on device '${other}': read() it first`,
    );
  });

  it('shares a state with other steps: one that trains, one that looks', async () => {
    const train = await compile(
      step(({ w }, { x }) => [{ w: tf.add(w, x) }, {}]),
      {
        state: { w: scalar(0) },
        batch: { x: scalar(0) },
        device,
      },
    );
    const look = await compile(
      step(({ w }) => [{}, { squared: tf.square(w) }]),
      { state: { w: scalar(0) }, batch: {}, device },
    );
    const show = await compile(
      step(({ w }) => [{ w }, { shown: tf.neg(w) }]),
      { state: { w: scalar(0) }, batch: {}, device },
    );
    let { state } = await train.run({ w: scalar(2) }, { x: scalar(1) });
    ({ state } = await train.run(state, { x: scalar(4) }));
    const shown = await show.run(state, {});
    expect(numbers(shown.outputs, 'shown')).toEqual([-7]);
    const { outputs } = await look.run(await shown.state.read(), {});
    expect(numbers(outputs, 'squared')).toEqual([49]);
    expect(numbers(await (await train.run(shown.state, { x: scalar(1) })).state.read(), 'w')).toEqual([8]);
  });

  it('swaps two parts of its state', async () => {
    const compiled = await compile(
      step(({ a, b }) => [{ a: b, b: a }, {}]),
      {
        state: { a: scalar(0), b: scalar(0) },
        batch: {},
        device,
      },
    );
    let { state } = await compiled.run({ a: scalar(1), b: scalar(2) }, {});
    for (const [a, b] of [
      [2, 1],
      [1, 2],
      [2, 1],
    ]) {
      const read = await state.read();
      expect([...numbers(read, 'a'), ...numbers(read, 'b')]).toEqual([a, b]);
      ({ state } = await compiled.run(state, {}));
    }
  });

  it('gives out inputs, constants, and one value under two names', async () => {
    const compiled = await compile(
      step(({ w }, { x }) => {
        const y = tf.mul(x, w);
        return [
          { w, copy: w, y },
          {
            x,
            w,
            y,
            again: y,
            flat: tf.reshape(y, [2, 1]),
            three: tf.fill([2], 3),
            many: tf.ones([100]),
            one: tf.scalar(1),
          },
        ];
      }),
      { state: { w: scalar(5) }, batch: { x: float32([1, 2], [2]) }, device },
    );
    const { state, outputs } = await compiled.run({ w: scalar(5) }, { x: float32([1, 2], [2]) });
    const y = float32([5, 10], [2]);
    expect(await state.read()).toEqual({ w: scalar(5), copy: scalar(5), y });
    expect(outputs).toEqual({
      x: float32([1, 2], [2]),
      w: scalar(5),
      y,
      again: y,
      flat: float32([5, 10], [2, 1]),
      three: float32([3, 3], [2]),
      many: float32(new Float32Array(100).fill(1), [100]),
      one: scalar(1),
    });
  });

  it('takes trees, whole numbers, truth and nothing', async () => {
    const state = {
      inner: { count: int32([1, -2], [2]) },
      mask: { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) },
    } as const;
    const given = { none: float32([], [0, 3]), rows: float32([1, 2, 3], [1, 3]) };
    const compiled = await compile(
      (before, { none, rows }) => {
        const { count } = before.inner as Tensors;
        const mask = before.mask as tf.Tensor;
        return [
          { inner: { count: tf.add(count, tf.scalar(1, 'int32')) }, mask: tf.logicalNot(mask) },
          {
            chosen: tf.where(mask, count, tf.zerosLike(count)),
            joined: tf.concat([none as tf.Tensor, rows as tf.Tensor], 0),
            none: none as tf.Tensor,
          },
        ];
      },
      { state, batch: given, device },
    );
    const result = await compiled.run(state, given);
    expect(await result.state.read()).toEqual({
      inner: { count: int32([2, -1], [2]) },
      mask: { dtype: 'bool', shape: [2], data: Uint8Array.of(0, 1) },
    });
    expect(result.outputs).toEqual({ chosen: int32([1, 0], [2]), joined: given.rows, none: given.none });
  });

  it('starts from nothing', async () => {
    const compiled = await compile(
      step(() => [{ w: tf.ones([2]) }, {}]),
      { state: {}, batch: {}, device },
    );
    expect(await (await compiled.run({}, {})).state.read()).toEqual({ w: float32([1, 1], [2]) });
  });

  it('keeps its state when it fails', async () => {
    const compiled = await compile(
      step(({ w }, { i }) => [{ w: tf.gather(w, i) }, {}]),
      {
        state: { w: float32([1, 2], [2]) },
        batch: { i: int32([0, 1], [2]) },
        device,
      },
    );
    const { state } = await compiled.run({ w: float32([1, 2], [2]) }, { i: int32([1, 0], [2]) });
    await expect(compiled.run(state, { i: int32([0, 9], [2]) })).rejects.toThrow();
    expect(numbers(await state.read(), 'w')).toEqual([2, 1]);
  });

  it('gives the same bits for the same batch', async () => {
    const random = seeded('bits');
    const given = { x: values(random, [64, 48]), w: values(random, [48, 32]) };
    const body = step((_, { x, w }) => {
      const loss = (v: tf.Tensor) => tf.mean(tf.square(tf.tanh(tf.matMul(x, v))));
      const { value, grad } = tf.valueAndGrad(loss)(w);
      return [{}, { value, grad }];
    });
    const compiled = await compile(body, { state: {}, batch: given, device });
    const first = (await compiled.run({}, given)).outputs;
    for (let i = 0; i < 3; i++) expect((await compiled.run({}, given)).outputs).toEqual(first);
    const anew = await compile(body, { state: {}, batch: given, device });
    expect((await anew.run({}, given)).outputs).toEqual(first);
  });
});

describe('a compiled step', () => {
  it('is not run a second time while it runs', async () => {
    const compiled = await compile(counting, { state: start, batch });
    const first = compiled.run(start, batch);
    await expect(compiled.run(start, batch)).rejects.toThrow('while it runs: await the run before');
    expect(numbers(await (await first).state.read(), 'sum')).toEqual([6]);
  });
});
