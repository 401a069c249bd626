import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { capture, type Step } from '../../../src/engine/capture.ts';
import { compile } from '../../../src/engine/compile.ts';
import { runtime } from '../../../src/engine/device.ts';
import { exportOnnx } from '../../../src/engine/export-onnx.ts';
import { reachable } from '../../../src/engine/graph.ts';
import { float32, type HostTensor, int32, sizeOf } from '../../../src/engine/host-tensor.ts';
import { lower } from '../../../src/engine/lower.ts';
import { expectClose, seeded, values } from '../against-cpu.ts';
import { block } from '../blocked/paths.ts';

const threadCounts = [1, 2, 3, 4, 8];

/** Small whole numbers, of which any sum is exact in whatever order. */
function wholeNumbers(label: string, shape: readonly number[]): HostTensor {
  const random = seeded(label);
  return float32(
    Float32Array.from({ length: sizeOf(shape) }, () => random.integer(9) - 4),
    shape,
  );
}

/** Sums of rows in one loop. */
function sumsOf({ data, shape }: HostTensor, numbers: ArrayLike<number>, sums: number): Float32Array {
  const channels = shape[1];
  const found = new Float32Array(sums * channels);
  for (let row = 0; row < shape[0]; row++) {
    for (let c = 0; c < channels; c++) found[numbers[row] * channels + c] += data[row * channels + c];
  }
  return found;
}

const [rows, channels, sums] = [131_072, 32, 4096];
const updates = wholeNumbers('updates', [rows, channels]);
const random = seeded('rows');
/** Neighbours that go to the same sum, few sums that get most, and all in turns: what threads meet at. */
const numbersOf: { readonly [name: string]: Int32Array } = {
  'in turns': Int32Array.from({ length: rows }, (_, row) => row % sums),
  'side by side': Int32Array.from({ length: rows }, (_, row) => Math.floor((row * sums) / rows)),
  'most to few': Int32Array.from({ length: rows }, () => Math.floor(sums * random.uniform() ** 6)),
  'all to one': new Int32Array(rows).fill(17),
};

/** Where the row numbers come from: a tensor of the batch, an operation on one, or the state. */
const sources: { readonly [name: string]: (state: tf.Tensor, batch: tf.Tensor) => tf.Tensor } = {
  'given with the batch': (_, batch) => batch,
  'computed from the batch': (_, batch) =>
    tf.sub(tf.add(batch, tf.scalar(3, 'int32')), tf.scalar(3, 'int32')),
  'kept in the state': (state) => state,
};

describe('sums of rows by number', () => {
  const identity = tf.tidy(() => Float32Array.from(tf.eye(channels).dataSync()));

  it.each(Object.keys(sources))('lose nothing at any number of threads: numbers %s', async (source) => {
    const step: Step = (state, batch) => {
      const numbers = sources[source](state.numbers as tf.Tensor, batch.numbers as tf.Tensor) as tf.Tensor1D;
      // What passed a product with weights lies in blocks of channels.
      const rowsInBlocks = tf.matMul(batch.updates as tf.Tensor2D, state.identity as tf.Tensor2D);
      const sum = (x: tf.Tensor) => tf.unsortedSegmentSum(x, numbers, sums);
      return [state, { plain: sum(batch.updates as tf.Tensor), blocked: sum(rowsInBlocks) }];
    };
    const given = (numbers: Int32Array) => ({
      state: {
        numbers: int32(source === 'kept in the state' ? numbers : new Int32Array(rows), [rows]),
        identity: float32(identity, [channels, channels]),
      },
      batch: { numbers: int32(numbers, [rows]), updates },
    });
    for (const threads of threadCounts) {
      const compiled = await compile(step, { ...given(new Int32Array(rows)), threads });
      for (const [name, numbers] of Object.entries(numbersOf)) {
        const { state, batch } = given(numbers);
        const expected = sumsOf(updates, numbers, sums);
        const { outputs } = await compiled.run(state, batch);
        for (const [way, found] of Object.entries(outputs)) {
          const wrong = expected.filter((value, i) => (found as HostTensor).data[i] !== value).length;
          expect(wrong, `${way}, ${name}, ${threads} threads: wrong sums`).toBe(0);
        }
      }
      await compiled.dispose();
    }
  });

  it('are captured without an operation that adds up by number, where the numbers come with the batch', () => {
    const step: Step = (state, { x, i }) => [
      state,
      { sum: tf.unsortedSegmentSum(x as tf.Tensor, i as tf.Tensor1D, 5) },
    ];
    const captured = capture(
      step,
      {},
      { x: values(seeded('x'), [20, 16]), i: int32(new Int32Array(20), [20]) },
    );
    for (const blocks of [undefined, block]) {
      const { outputs } = lower(captured, { block: blocks });
      const operations = reachable([...outputs.values()]).nodes.map(({ op }) => op);
      expect(operations).toContain('Gather');
      expect(operations.filter((op) => op.startsWith('Scatter'))).toEqual([]);
    }
  });

  it('take rows of any shape, and whole numbers', async () => {
    const step: Step = (state, batch) => {
      const { x, w, i, ij } = batch as { readonly [name: string]: tf.Tensor };
      const numbers = i as tf.Tensor1D;
      const results = {
        deep: tf.unsortedSegmentSum(x, numbers, 4),
        flat: tf.unsortedSegmentSum(tf.reshape(tf.slice(x, 0, [7, 1, 1]), [7]), numbers, 4),
        whole: tf.unsortedSegmentSum(w, numbers, 3),
        none: tf.unsortedSegmentSum(tf.slice(x, 0, [0, 2, 3]), tf.slice(numbers, 0, [0]), 4),
        places: tf.scatterND(ij, w, [2, 3, 4]),
      };
      // tfjs's own sums of whole numbers come out as float32.
      return [state, { ...results, whole: tf.cast(results.whole, 'float32') }];
    };
    const batch = {
      x: wholeNumbers('x', [7, 2, 3]),
      w: int32(
        [
          1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
          28,
        ],
        [7, 4],
      ),
      // 3 and 4 name no sum of three or of four, as -1 does of none.
      i: int32([2, 0, 2, 3, -1, 4, 2], [7]),
      ij: int32([0, 1, 1, 2, 0, 1, 0, 0, 1, 2, 1, 2, 1, 2], [7, 2]),
    };
    const results = [];
    for (const device of ['cpu', 'eager'] as const) {
      const compiled = await compile(step, { state: {}, batch, device });
      results.push((await compiled.run({}, batch)).outputs);
      await compiled.dispose();
    }
    const [found, expected] = results as Array<{ readonly [name: string]: HostTensor }>;
    for (const name of Object.keys(expected)) expectClose(found[name], expected[name], 0, name);
    expect([...found.whole.data]).toEqual([5, 6, 7, 8, 0, 0, 0, 0, 35, 38, 41, 44]);
    expect(found.none.shape).toEqual([4, 2, 3]);
  });

  it('refuse a place beyond an axis, and stay usable', async () => {
    const step: Step = (state, { at }) => [
      state,
      { sum: tf.scatterND(at as tf.Tensor, tf.ones([2]), [3, 4]) },
    ];
    const good = { at: int32([2, 3, 0, 1], [2, 2]) };
    const compiled = await compile(step, { state: {}, batch: good });
    for (const places of [
      [0, 4, 0, 0],
      [3, 0, 0, 0],
      [0, 0, 0, -1],
    ]) {
      await expect(compiled.run({}, { at: int32(places, [2, 2]) })).rejects.toThrow(
        'compiled step: sums of rows by number: expected numbers from 0 to 11, found one outside of that',
      );
    }
    const { outputs } = await compiled.run({}, good);
    expect([...(outputs.sum as HostTensor).data]).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    await compiled.dispose();
  });

  it('lose nothing in an exported model, on four threads', async () => {
    const bytes = exportOnnx(
      (_, { x, i }) => ({ sum: tf.unsortedSegmentSum(x as tf.Tensor, i as tf.Tensor1D, sums) }),
      { parameters: {}, inputs: { x: updates, i: int32(numbersOf['in turns'], [rows]) } },
    );
    const { InferenceSession, Tensor } = runtime();
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 4 });
    const numbers = numbersOf['in turns'];
    const { sum } = await session.run({
      x: new Tensor('float32', updates.data as Float32Array, [rows, channels]),
      i: new Tensor('int32', numbers, [rows]),
    });
    expect(sum.data).toEqual(sumsOf(updates, numbers, sums));
    await session.release();
  });

  it('round alike at every number of threads', async () => {
    const step: Step = (state, { x, i }) => [
      state,
      { sum: tf.unsortedSegmentSum(x as tf.Tensor, i as tf.Tensor1D, sums) },
    ];
    const batch = {
      x: values(seeded('real rows'), [rows, channels], { gap: 0 }),
      i: int32(numbersOf['most to few'], [rows]),
    };
    let first: HostTensor | undefined;
    for (const threads of threadCounts) {
      const compiled = await compile(step, { state: {}, batch, threads });
      for (let run = 0; run < 5; run++) {
        const { sum } = (await compiled.run({}, batch)).outputs as { readonly sum: HostTensor };
        first ??= sum;
        expect(
          Buffer.from(sum.data.buffer).equals(Buffer.from(first.data.buffer)),
          `${threads} threads`,
        ).toBe(true);
      }
      await compiled.dispose();
    }
  });
});
