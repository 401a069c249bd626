import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Step } from '../../src/engine/capture.ts';
import { captureBackendName } from '../../src/engine/capture-backend.ts';
import { compile } from '../../src/engine/compile.ts';
import { Graph, reachable } from '../../src/engine/graph.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { float32 } from '../../src/engine/host-tensor.ts';
import { lowerings } from '../../src/engine/kernels/register.ts';
import { unmapped } from '../../src/engine/kernels/unmapped.ts';

const x = float32([1, 2, 3, 4], [4]);

/** What compiling a function of `x` says; 'compiled' where it succeeds. */
async function outcome(body: (x: tf.Tensor) => unknown): Promise<string> {
  const step: Step = (_, batch) => [{}, { y: body(batch.x as tf.Tensor) as tf.Tensor }];
  return compile(step, { state: {}, batch: { x } }).then(
    () => 'compiled',
    (error: Error) => `${error.name}: ${error.message}`,
  );
}

async function computed(body: (x: tf.Tensor) => tf.Tensor): Promise<number[]> {
  const compiled = await compile((_, batch) => [{}, { y: body(batch.x as tf.Tensor) }], {
    state: {},
    batch: { x },
  });
  const { outputs } = await compiled.run({}, { x });
  return [...(outputs.y as HostTensor).data];
}

describe('capturing', () => {
  it('maps every kernel of tfjs, or says why not', () => {
    const kernels = tf.getKernelsForBackend('cpu').map(({ kernelName }) => kernelName);
    expect([...Object.keys(lowerings), ...Object.keys(unmapped)].sort()).toEqual(kernels.sort());
  });

  it('names a kernel that is not mapped', async () => {
    expect(await outcome((t) => tf.spectral.rfft(t))).toMatch(
      /^UnmappedKernelError: the tfjs kernel 'Complex' cannot be captured: ONNX Runtime has no complex numbers; run the step with device 'eager'/,
    );
    const flipped = (t: tf.Tensor) => tf.image.flipLeftRight(tf.reshape(t, [1, 2, 2, 1]) as tf.Tensor4D);
    expect(await outcome(flipped)).toContain("UnmappedKernelError: the tfjs kernel 'FlipLeftRight'");
  });

  it('names what is read while there are no values', async () => {
    const message = (source: string, shape: string) =>
      `TracedReadError: a step that is being compiled reads ${source}, shape [${shape}]`;
    expect(await outcome((t) => tf.square(t).dataSync())).toContain(message("the output of 'Mul'", '4'));
    expect(await outcome((t) => t.arraySync())).toContain(message("the input 'batch/x'", '4'));
    expect(await outcome((t) => tf.sum(t).print())).toContain(message("the output of 'ReduceSum'", ''));
    // What is asked for by a promise shows as well, though nothing waits for the promise.
    expect(
      await outcome((t) => {
        void tf.exp(t).array();
        return t;
      }),
    ).toContain(message("the output of 'Exp'", '4'));
  });

  it('reads what is known', async () => {
    expect(await computed((t) => tf.mul(t, tf.tensor([3]).dataSync()[0]))).toEqual([3, 6, 9, 12]);
  });

  it('refuses steps that return something else', async () => {
    const compiled = (step: unknown) => compile(step as Step, { state: {}, batch: { x } });
    await expect(compiled(async () => [{}, {}])).rejects.toThrow(
      'a step returns [state, outputs], not a promise',
    );
    await expect(compiled(() => ({}))).rejects.toThrow('a step returns [state, outputs], not object');
    await expect(compiled(() => [{}, { loss: 3 }])).rejects.toThrow(
      'returned number as outputs/loss, where a tensor belongs',
    );
    await expect(compiled(() => [{}, {}])).rejects.toThrow('neither changes its state nor gives any output');
    const disposed = (_: unknown, batch: { x: tf.Tensor }) => {
      batch.x.dispose();
      return [{}, { y: batch.x }];
    };
    await expect(compiled(disposed)).rejects.toThrow('outputs/y that it had disposed of');
  });

  it('refuses types that a graph does not know', async () => {
    expect(await outcome(() => tf.tensor(['a', 'b']))).toContain('uses a tensor of type string');
  });

  it('takes tensors from outside by value, and leaves them usable', async () => {
    await tf.setBackend('cpu');
    const outside = tf.tensor([1, 10, 100, 1000]);
    const variable = tf.variable(tf.tensor([1, 1, 1, 2]));
    const compiled = await compile(
      (_, batch) => [{}, { y: tf.add(tf.mul(batch.x as tf.Tensor, outside), variable), outside }],
      {
        state: {},
        batch: { x },
      },
    );
    variable.assign(tf.zeros([4]));
    const { outputs } = await compiled.run({}, { x });
    expect([...(outputs.y as HostTensor).data]).toEqual([2, 21, 301, 4002]);
    expect([...(outputs.outside as HostTensor).data]).toEqual([1, 10, 100, 1000]);
    expect([...outside.dataSync()]).toEqual([1, 10, 100, 1000]);
    expect([...tf.add(outside, 1).dataSync()]).toEqual([2, 11, 101, 1001]);
    expect(await computed((t) => tf.sub(outside, t))).toEqual([0, 8, 97, 996]);
    tf.dispose([outside, variable]);
  });

  it('leaves the tfjs backend that was active in place, also after an error', async () => {
    await tf.setBackend('cpu');
    expect(await outcome((t) => tf.neg(t))).toBe('compiled');
    expect(tf.getBackend()).toBe('cpu');
    expect(await outcome((t) => tf.neg(t).dataSync())).not.toBe('compiled');
    expect(tf.getBackend()).toBe('cpu');
    expect([...tf.square(tf.tensor([3])).dataSync()]).toEqual([9]);
    const nested = outcome((t) => {
      void compile(() => [{}, {}], { state: {}, batch: {} }).catch(() => {});
      return tf.neg(t);
    });
    expect(await nested).toBe('compiled');
    expect(tf.getBackend()).not.toBe(captureBackendName);
  });

  it('keeps equal bits apart from equal numbers: 0 and -0', async () => {
    expect(await computed((t) => tf.concat([tf.div(1, tf.tensor([0, -0])), tf.slice(t, 0, 1)]))).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      1,
    ]);
    expect(await computed(() => tf.concat([tf.div(1, tf.tensor([0])), tf.div(1, tf.tensor([-0]))]))).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ]);
  });

  it('orders graphs that are deeper than the call stack', () => {
    const graph = new Graph();
    let value = graph.input('x', 'float32', [1]);
    for (let i = 0; i < 50_000; i++) value = graph.node('Neg', [value], { type: 'float32', shape: [1] });
    const { nodes } = reachable([value]);
    expect(nodes.length).toBe(50_000);
    expect(nodes.every((node, i) => i === 0 || node.inputs[0] === nodes[i - 1].outputs[0])).toBe(true);
  });
});
