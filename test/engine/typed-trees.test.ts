import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { Step } from '../../src/engine/capture.ts';
import { compile } from '../../src/engine/compile.ts';
import { exportOnnx } from '../../src/engine/export-onnx.ts';
import { float32, type HostTensor, scalar } from '../../src/engine/host-tensor.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';

const batch = { x: float32([1, 2], [2]), more: { y: scalar(3) } };
const start = { sum: scalar(0) };
const compiled = () =>
  compile(
    (state, { x, more }) => {
      expectTypeOf(x).toEqualTypeOf<tf.Tensor>();
      return [{ sum: tf.add(state.sum, tf.sum(x)) }, { twice: { y: tf.mul(more.y, 2) } }];
    },
    { state: start, batch },
  );

// What follows is mostly for `tsc --noEmit`, which the tests' types are checked by.
describe('a step whose trees have known keys', () => {
  it('gives tensors under the keys that it returns, without casts', async () => {
    const step = await compiled();
    const { state, outputs } = await step.run(start, batch);
    expectTypeOf(outputs.twice.y).toEqualTypeOf<HostTensor>();
    expect([...outputs.twice.y.data]).toEqual([6]);
    const host = await state.read();
    expectTypeOf(host).toEqualTypeOf<{ readonly sum: HostTensor }>();
    expect([...host.sum.data]).toEqual([3]);
    expect([...(await (await step.run(host, batch)).state.read()).sum.data]).toEqual([6]);
    await step.dispose();
  });

  it('is not given other keys, by its types and when it runs', async () => {
    const step = await compiled();
    // @ts-expect-error: more is missing.
    await expect(step.run(start, { x: batch.x })).rejects.toThrow('batch/more/y: expected float32 []');
    // @ts-expect-error: the state has another key.
    await expect(step.run({ total: scalar(0) }, batch)).rejects.toThrow('state/sum');
    const read = (outputs: Awaited<ReturnType<typeof step.run>>['outputs']) => {
      // @ts-expect-error: the step returns no such key.
      return outputs.thrice;
    };
    expect(read((await step.run(start, batch)).outputs)).toBeUndefined();
    await step.dispose();
  });

  it('may look into no other key', async () => {
    // @ts-expect-error: the batch has no z; its type is unknown, and so is what is made of it.
    const wrong = compile((state, { z }) => [state, { z: tf.neg(z) }], { state: start, batch });
    await expect(wrong).rejects.toThrow();
    const unknown = exportOnnx((params, { x }) => ({ y: tf.mul(x, params.w) }), {
      parameters: { w: scalar(2) },
      inputs: { x: { dtype: 'float32', shape: [2] } },
    });
    expect(unknown.length).toBeGreaterThan(0);
  });

  it('is a step of any keys where its type says so', async () => {
    const untyped: Step = (state, data) => [state, data];
    const step = await compile(untyped, { state: start, batch });
    const { state, outputs } = await step.run(start, batch);
    expectTypeOf(outputs).toEqualTypeOf<Tree<HostTensor>>();
    const again = await step.run(await state.read(), batch);
    expect(Object.keys(again.outputs)).toEqual(['more', 'x']);
    await step.dispose();
  });
});

describe('valueAndGrad', () => {
  it('takes the loss of any tensor of rank 0, and no other', () => {
    const params = { w: tf.tensor1d([1, -2]) };
    const { loss, aux } = valueAndGrad(
      ({ w }) => ({ loss: tf.sum(tf.square(w)), aux: { seen: tf.neg(w) } }),
      params,
    );
    expectTypeOf(aux.seen).toExtend<tf.Tensor>();
    expect([loss.dataSync()[0], ...aux.seen.dataSync()]).toEqual([5, -1, 2]);
    expect(() => valueAndGrad(({ w }) => ({ loss: tf.square(w), aux: {} }), params)).toThrow(
      'a loss is a scalar, not of shape [2]',
    );
  });
});
