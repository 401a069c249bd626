import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Step } from '../../src/engine/capture.ts';
import { compile } from '../../src/engine/compile.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { float32 } from '../../src/engine/host-tensor.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { expectClose, seeded, values } from './against-cpu.ts';

type Tensors = { readonly [key: string]: tf.Tensor };

/** The leaf of a tree at a path of one key. */
const leaf = (tree: Tree<HostTensor>, key: string) => tree[key] as HostTensor;

const numbers = (tree: Tree<HostTensor>, key: string) => [...leaf(tree, key).data];

describe('a training step', () => {
  const random = seeded('training');
  const state = {
    layer: { weight: values(random, [5, 4]), bias: values(random, [4]) },
    moment: { weight: float32(new Float32Array(20), [5, 4]), bias: float32(new Float32Array(4), [4]) },
  };
  const train: Step = ({ layer, moment }, { x, target }) => {
    const { weight, bias } = layer as Tensors;
    const before = moment as Tensors;
    const loss = (w: tf.Tensor, b: tf.Tensor) =>
      tf.losses.meanSquaredError(target as tf.Tensor, tf.tanh(tf.add(tf.matMul(x as tf.Tensor, w), b)));
    const { value, grads } = tf.valueAndGrads(loss as never)([weight, bias]);
    const after = {
      weight: tf.add(tf.mul(before.weight, 0.9), grads[0]),
      bias: tf.add(tf.mul(before.bias, 0.9), grads[1]),
    };
    const updated = {
      weight: tf.sub(weight, tf.mul(after.weight, 0.1)),
      bias: tf.sub(bias, tf.mul(after.bias, 0.1)),
    };
    return [{ layer: updated, moment: after }, { loss: value }];
  };

  it('goes the same way on tfjs and compiled', async () => {
    const given = { x: values(random, [8, 5]), target: values(random, [8, 4], { low: -1, high: 1 }) };
    const losses: Array<Array<number>> = [];
    const ends: Array<Tree<HostTensor>> = [];
    for (const device of ['cpu', 'eager'] as const) {
      const compiled = await compile(train, { state, batch: given, device });
      let result = await compiled.run(state, given);
      const curve = [numbers(result.outputs, 'loss')[0]];
      for (let i = 0; i < 30; i++) {
        result = await compiled.run(result.state, given);
        curve.push(numbers(result.outputs, 'loss')[0]);
      }
      losses.push(curve);
      ends.push((await result.state.read()).layer as Tree<HostTensor>);
      await compiled.dispose();
    }
    losses[0].forEach((loss, i) => {
      expect(loss).toBeCloseTo(losses[1][i], 5);
    });
    expect(losses[0][30]).toBeLessThan(0.75 * losses[0][0]);
    for (const key of ['weight', 'bias']) expectClose(leaf(ends[0], key), leaf(ends[1], key), 1e-4, key);
  });

  it('leaves no tensor behind in tfjs', async () => {
    const given = { x: values(random, [8, 5]), target: values(random, [8, 4]) };
    const compiled = await compile(train, { state, batch: given, device: 'eager' });
    let result = await compiled.run(state, given);
    const { numTensors } = tf.memory();
    for (let i = 0; i < 5; i++) {
      result = await compiled.run(result.state, given);
      await result.state.read();
      expect(tf.memory().numTensors).toBe(numTensors);
    }
    const host = await result.state.read();
    const fails: Step = ({ layer }) => {
      tf.square((layer as Tensors).weight);
      throw new Error('half way');
    };
    const failing = await compile(fails, { state, batch: given, device: 'eager' });
    await expect(failing.run(host, given)).rejects.toThrow('half way');
    const captured = await compile(train, { state, batch: given });
    await captured.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  it('does not grow in memory', async () => {
    const size = 128 * 1024;
    const given = { x: float32(new Float32Array(size), [size]) };
    const compiled = await compile(
      (state, batch) => {
        const w = state.w as tf.Tensor;
        return [{ w: tf.add(tf.mul(w, 0.5), batch.x as tf.Tensor) }, { y: tf.neg(w) }];
      },
      {
        state: { w: given.x },
        batch: given,
      },
    );
    let { state } = await compiled.run({ w: given.x }, given);
    for (let i = 0; i < 100; i++) ({ state } = await compiled.run(state, given));
    const before = process.memoryUsage().rss;
    // Were each step's 1 MiB kept, 300 MiB would be added.
    for (let i = 0; i < 300; i++) ({ state } = await compiled.run(state, given));
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
  });
});
