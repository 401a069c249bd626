import * as tf from '@tensorflow/tfjs-core';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { compile } from '../../../src/engine/compile.ts';
import { exportOnnx } from '../../../src/engine/export-onnx.ts';
import { exportStep } from '../../../src/engine/export-step.ts';
import { float32, type HostTensor, int32, scalar } from '../../../src/engine/host-tensor.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import { leavesOf, type Tree } from '../../../src/engine/tree.ts';
import { openStep } from '../../../src/engine/web/open-step.ts';
import { expectClose } from '../against-cpu.ts';
import { line, network } from './trained-steps.ts';

const counting = exportStep(
  ({ sum, kept }, { x }) => [
    { sum: tf.add(sum, tf.sum(x)), kept, last: x },
    { even: tf.equal(tf.mod(x, 2), 0) },
  ],
  {
    state: { sum: scalar(0), kept: int32([5], [1]), last: scalar(0) },
    batch: { x: scalar(0), unused: scalar(0) },
  },
);
const start = { sum: scalar(1), kept: int32([5], [1]), last: scalar(0) };

describe('an exported step', () => {
  it.each([
    ['a line', line],
    ['a network', network],
  ] as const)('trains %s as tfjs does', async (_, { step, state, batch }) => {
    const kinds = { state: state as Tree<HostTensor>, batch: batch as Tree<HostTensor> };
    const free = step as Parameters<typeof compile>[0];
    const eager = await compile(free, { ...kinds, device: 'eager' });
    const opened = await openStep(ort, exportStep(free, kinds), { intraOpNumThreads: 1 });
    let reference = await eager.run(kinds.state, kinds.batch);
    let found = await opened.run(kinds.state, kinds.batch);
    for (let i = 0; i < 5; i++) {
      const expected = new Map(leavesOf(reference.outputs));
      expect(leavesOf(found.outputs).map(([path]) => path)).toEqual([...expected.keys()]);
      for (const [path, leaf] of leavesOf(found.outputs))
        expectClose(leaf, expected.get(path)!, 1e-4, `${path} of run ${i}`);
      reference = await eager.run(reference.state, kinds.batch);
      found = await opened.run(found.state, kinds.batch);
    }
    const expected = leavesOf(await reference.state.read()).map(([path]) => path);
    expect(leavesOf(await found.state.read()).map(([path]) => path)).toEqual(expected);
    await opened.dispose();
  });

  it('hands on what it does not change, needs nothing that it does not use, and keeps types', async () => {
    const step = await openStep(ort, counting, { intraOpNumThreads: 1 });
    const first = await step.run(start, { x: scalar(4) });
    const host = await first.state.read();
    expect(leavesOf(host).map(([path, { dtype, data }]) => [path, dtype, ...data])).toEqual([
      ['kept', 'int32', 5],
      ['last', 'float32', 4],
      ['sum', 'float32', 5],
    ]);
    expect(first.outputs.even).toMatchObject({ dtype: 'bool', shape: [] });
    const second = await step.run(first.state, { x: scalar(3), unused: scalar(7) });
    expect([...(second.outputs.even as HostTensor).data]).toEqual([0]);
    // A state in host memory can be used again; what was read of it stays as it was.
    const again = await step.run(host, { x: scalar(1) });
    expect([...((await again.state.read()).sum as HostTensor).data]).toEqual([6]);
    expect([...(host.sum as HostTensor).data]).toEqual([5]);
    await step.dispose();
    expect([...((await second.state.read()).sum as HostTensor).data]).toEqual([8]);
  });

  it('says what is wrong with what it is given', async () => {
    const step = await openStep(ort, counting, { intraOpNumThreads: 1 });
    await expect(step.run(start, {})).rejects.toThrow(
      'compiled step: batch/x: expected float32 [], found nothing',
    );
    await expect(step.run({ sum: scalar(0) }, { x: scalar(1) })).rejects.toThrow(
      'state/kept: expected int32 [1]',
    );
    await expect(step.run(start, { x: float32([1], [1]) })).rejects.toThrow(InputError);
    const { state } = await step.run(start, { x: scalar(1) });
    const run = step.run(state, { x: scalar(1) });
    await expect(step.run(start, { x: scalar(1) })).rejects.toThrow('await the run before');
    await run;
    await expect(step.run(state, { x: scalar(1) })).rejects.toThrow('consumed by a later run');
    await expect(state.read()).rejects.toThrow('consumed by a later run');
    await step.dispose();
  });

  it('is told from another model', async () => {
    const encoder = exportOnnx((_, { image }) => ({ features: tf.neg(image) }), {
      parameters: {},
      inputs: { image: scalar(0) },
    });
    await expect(openStep(ort, encoder)).rejects.toThrow(
      'exported step: expected inputs state/… and batch/…, outputs next/… and outputs/…, as exportStep writes them, found image, features',
    );
    expect(() => exportStep(() => [{}, {}], { state: {}, batch: {} })).toThrow(
      'neither a next state nor any output',
    );
  });
});
