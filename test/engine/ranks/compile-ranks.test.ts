import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { compile } from '../../../src/engine/compile.ts';
import { float32, type HostTensor, int32 } from '../../../src/engine/host-tensor.ts';
import { Random } from '../../../src/engine/random.ts';
import {
  allReduceMean,
  gatherRows,
  ownRows,
  rankNumber,
  ranks,
} from '../../../src/engine/ranks/collectives.ts';
import { compileRanks, type RanksOptions } from '../../../src/engine/ranks/compile-ranks.ts';
import { inMemoryRanks } from '../../../src/engine/ranks/in-memory.ts';
import type { StepEvent } from '../../../src/engine/ranks/stages.ts';
import { leavesOf, mapTree, type Tree } from '../../../src/engine/tree.ts';
import { withGradient } from '../../../src/nn/custom-gradient.ts';
import { valueAndGrad } from '../../../src/nn/value-and-grad.ts';

const random = Random.fromSeed('ranks');
const normal = (shape: readonly number[]) =>
  float32(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
    shape,
  );

/** How rows are centred and gathered, and gradients brought together. */
interface Together {
  readonly centre: (rows: tf.Tensor) => tf.Tensor;
  readonly gather: (rows: tf.Tensor) => tf.Tensor;
  readonly gradient: (own: tf.Tensor) => tf.Tensor;
}

const right: Together = {
  // Over all rows, as a batch norm would.
  centre: (rows) => tf.sub(rows, allReduceMean(tf.mean(rows, 0, true))),
  gather: (rows) => gatherRows(rows),
  gradient: (own) => allReduceMean(own, { late: true }),
};

/** Rows of one net that all compare with all, so that each row's gradient comes from every rank's loss. */
function contrast(
  state: Tree<tf.Tensor>,
  batch: Tree<tf.Tensor>,
  { centre, gather, gradient }: Together = right,
): [Tree<tf.Tensor>, Tree<tf.Tensor>] {
  const x = batch.x as tf.Tensor;
  const { loss, grads } = valueAndGrad(
    ({ w, v }: { w: tf.Tensor; v: tf.Tensor }) => {
      const z = tf.tanh(tf.matMul(x, w));
      const rows = tf.matMul(centre(z), v);
      const all = gather(rows);
      const logits = tf.matMul(rows, all, false, true);
      const squares = tf.mean(tf.square(tf.sub(tf.logSumExp(logits, 1), tf.sum(tf.mul(rows, rows), 1))));
      return { loss: squares as tf.Scalar, aux: {} };
    },
    state as { w: tf.Tensor; v: tf.Tensor },
  );
  const next = mapTree(state, (leaf, path) => tf.sub(leaf, tf.mul(gradient(grads.get(path)!), 0.1)));
  return [next, { loss: allReduceMean(loss, { late: true }) }];
}

const state = { w: normal([5, 4]), v: normal([4, 3]) };
const x = normal([8, 5]);
const rowsOf = (tensor: HostTensor, from: number, to: number): HostTensor => {
  const width = tensor.data.length / tensor.shape[0];
  return float32(tensor.data.slice(from * width, to * width) as Float32Array, [
    to - from,
    ...tensor.shape.slice(1),
  ]);
};
const shares = (count: number) =>
  Array.from({ length: count }, (_, r) => ({ x: rowsOf(x, (r * 8) / count, ((r + 1) * 8) / count) }));

/** The loss and the state after two steps of the whole batch in one piece. */
async function whole(together = right) {
  const step = await compile((before, batch) => contrast(before, batch, together), {
    state,
    batch: { x },
  });
  const first = await step.run(state, { x });
  const second = await step.run(first.state, { x });
  const result = {
    losses: [first, second].map(({ outputs }) => (outputs.loss as HostTensor).data[0]),
    state: await second.state.read(),
  };
  await step.dispose();
  return result;
}

async function twoSteps(
  count: number,
  options: Partial<RanksOptions>,
  batches = shares(count),
  together = right,
) {
  const step = await compileRanks(
    (before, batch) => contrast(before as Tree<tf.Tensor>, batch as Tree<tf.Tensor>, together),
    { state, batch: batches[0], ...options },
  );
  const first = await step.run(state, batches);
  const second = await step.run(first.state, batches);
  const result = {
    losses: [first, second].map(({ outputs }) => (outputs.loss as HostTensor).data[0]),
    state: await second.state.read(),
  };
  await step.dispose();
  return result;
}

/** The largest difference of two trees, relative to the largest value of each leaf. */
function difference(a: Tree<HostTensor>, b: Tree<HostTensor>): number {
  const other = new Map(leavesOf(b));
  return Math.max(
    ...leavesOf(a).map(([path, { data }]) => {
      const largest = Math.max(...Array.from(data, Math.abs));
      return (
        Math.max(...Array.from(data, (value, i) => Math.abs(value - other.get(path)!.data[i]))) / largest
      );
    }),
  );
}

describe('a step over ranks', () => {
  it.each([2, 4])('computes in %d pieces what it computes of the whole batch', async (pieces) => {
    const [one, several] = [await whole(), await twoSteps(pieces, { pieces })];
    several.losses.forEach((loss, i) => {
      expect(Math.abs(loss / one.losses[i] - 1)).toBeLessThan(1e-6);
    });
    expect(difference(several.state, one.state)).toBeLessThan(1e-6);
  });

  it('keeps nothing but what was sent where it waits seldom, and computes the same', async () => {
    const together = { ...right, centre: (rows: tf.Tensor) => rows };
    const one = await whole(together);
    for (const pieces of [2, 4]) {
      const events: StepEvent[] = [];
      const trace = (event: StepEvent) => events.push(event);
      const several = await twoSteps(pieces, { pieces, trace }, shares(pieces), together);
      expect(difference(several.state, one.state)).toBeLessThan(1e-6);
      // Two steps: rows, gradients of rows, and all else; then what the pieces have in common.
      expect(events.filter(({ kind }) => kind === 'segment')).toHaveLength(2 * (3 * pieces + 1));
    }
  });

  it('computes the same in processes, and in processes of several pieces', async () => {
    const one = await whole();
    for (const pieces of [1, 2]) {
      const batches = shares(2 * pieces);
      const results = await Promise.all(
        inMemoryRanks(2).map((communicator) =>
          twoSteps(
            2,
            { communicator, pieces },
            batches.slice(communicator.rank * pieces, (communicator.rank + 1) * pieces),
          ),
        ),
      );
      expect(difference(results[0].state, one.state)).toBeLessThan(1e-6);
      expect(difference(results[0].state, results[1].state)).toBe(0);
    }
  });

  it.each<[string, Partial<Together>]>([
    ['gradients that are added up', { gradient: (own) => tf.mul(allReduceMean(own), ranks()) }],
    ['gradients of one rank', { gradient: (own) => tf.gather(gatherRows(tf.expandDims(own)), 0) }],
    [
      "gathered rows that learn from their own rank's loss alone",
      {
        gather: (rows) =>
          withGradient(
            [rows],
            () => ({ value: gatherRows(rows), saved: [] }),
            (dy) => [ownRows(dy)],
          ),
      },
    ],
    [
      'gathered rows that learn from the mean of the losses',
      {
        gather: (rows) =>
          withGradient(
            [rows],
            () => ({ value: gatherRows(rows), saved: [] }),
            (dy) => [ownRows(allReduceMean(dy))],
          ),
      },
    ],
  ])('would not with %s', async (_, wrong) => {
    const other = await twoSteps(2, { pieces: 2 }, shares(2), { ...right, ...wrong });
    expect(difference(other.state, (await whole()).state)).toBeGreaterThan(1e-3);
  });

  it('is the step itself, bit for bit, on one rank', async () => {
    const [one, same] = [await whole(), await twoSteps(1, {}, [{ x }])];
    expect(same.losses).toEqual(one.losses);
    expect(difference(same.state, one.state)).toBe(0);
  });

  it('knows the rank, and gathers whole numbers', async () => {
    const step = await compileRanks(
      (_, { i }: Tree<tf.Tensor>) => [
        {},
        {
          all: gatherRows(tf.add(i as tf.Tensor, tf.mul(rankNumber(), 100))),
          ranks: tf.scalar(ranks(), 'int32'),
        },
      ],
      { state: {}, batch: { i: int32([0, 0], [2]) }, pieces: 3 },
    );
    const { outputs } = await step.run(
      {},
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ].map((i) => ({ i: int32(i, [2]) })),
    );
    expect([...outputs.all.data]).toEqual([1, 2, 103, 104, 205, 206]);
    expect([...outputs.ranks.data]).toEqual([3]);
    await step.dispose();
  });

  it('goes on while what only the end needs is under way', async () => {
    /** What is summed takes this long to come back. */
    const awayMs = 60;
    const events = await Promise.all(
      inMemoryRanks(2).map(async (ranks) => {
        const trace: StepEvent[] = [];
        const allReduce = async (values: Float32Array) => {
          await new Promise((resolve) => setTimeout(resolve, awayMs));
          await ranks.allReduce(values);
        };
        const communicator = { ...ranks, allReduce };
        const step = await compileRanks(
          (_, { x }) => {
            // The first is waited for; the second is computed meanwhile, and leaves behind it.
            const first = allReduceMean(tf.mean(x));
            const second = allReduceMean(tf.mean(tf.exp(x)), { late: true });
            const third = allReduceMean(tf.mean(tf.mul(x, first)), { late: true });
            return [{}, { first, second, third }];
          },
          { state: {}, batch: { x }, communicator, trace: (event) => trace.push(event) },
        );
        await step.run({}, [{ x }]);
        await step.dispose();
        return trace;
      }),
    );
    for (const trace of events) {
      const find = (kind: string, place: number) =>
        trace.find((event) => event.kind === kind && event.place === place)!;
      const away = find('collective', 0);
      const meanwhile = find('segment', 1);
      expect(meanwhile.begin).toBeGreaterThanOrEqual(away.begin);
      expect(meanwhile.end).toBeLessThan(away.end);
      // What needs the first sum has to wait for it.
      expect(find('segment', 2).begin).toBeGreaterThanOrEqual(away.end);
    }
  });

  it('refuses what would differ between ranks', async () => {
    const opened = compileRanks((_, { x }: Tree<tf.Tensor>) => [{}, { mean: tf.mean(x as tf.Tensor) }], {
      state: {},
      batch: { x },
      pieces: 2,
    });
    await expect(opened).rejects.toThrow(/outputs\/mean.*same on all ranks/);
  });

  it('leaves a state as it was where a run fails, and refuses one that was consumed', async () => {
    const batches = shares(2);
    const failing = { rank: 0, size: 1 };
    let fails = false;
    const [communicator] = inMemoryRanks(1);
    const step = await compileRanks(contrast, {
      state,
      batch: batches[0],
      pieces: 2,
      trace: () => {
        if (fails) throw new Error('as a model that fails');
      },
      communicator: { ...communicator, ...failing },
    });
    const first = await step.run(state, batches);
    const before = await first.state.read();
    fails = true;
    await expect(step.run(first.state, batches)).rejects.toThrow('as a model that fails');
    expect(difference(await first.state.read(), before)).toBe(0);
    fails = false;
    await step.run(first.state, batches);
    await expect(step.run(first.state, batches)).rejects.toThrow(/consumed/);
    await step.dispose();
  });
});
