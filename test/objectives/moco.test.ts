import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { imageEncoderNet } from '../../src/encoders/encoders.ts';
import { linearNet, running } from '../../src/encoders/net.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { l2Normalize } from '../../src/nn/l2-normalize.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { firstCrossEntropy } from '../../src/objectives/parts/cross-entropy.ts';
import { mocoLogits } from '../../src/objectives/parts/momentum-keys.ts';
import { upload, uploadTree, valuesOf } from '../nn/tensors.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import {
  connectedPaths,
  dot,
  firstSteps,
  golden,
  leafOf,
  randomRows,
  rowsOf,
  runSteps,
  shapesOf,
  tinyImageRun,
  tinyView,
  unit,
} from './tiny-image-run.ts';

type Rows = ReadonlyArray<readonly number[]>;

/** The loss of rows that are normalised first, as the golden values have it. */
function lossOf(q: Rows, k: Rows, queue: Rows, temperature: number): number {
  const [query, key, remembered] = [q, k, queue].map((rows) => l2Normalize(rowsOf(rows)));
  return valuesOf(firstCrossEntropy(mocoLogits(query, key, { queue: remembered, temperature })))[0];
}

/** The paper's algorithm in loops and float64, on rows as they are. */
function restated(q: Rows, k: Rows, queue: Rows, temperature: number): number {
  const losses = q.map((row, i) => {
    const logits = [k[i], ...queue].map((other) => dot(row, other) / temperature);
    const highest = Math.max(...logits);
    return highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0)) - logits[0];
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

const units = (rows: Rows) => rows.map(unit);

describe("MoCo's loss", () => {
  const { a, b, queue } = golden;

  it('has the golden values', () => {
    expect(lossOf(a, b, queue, 0.07)).toBeCloseTo(11.542293311382, 5);
    expect(lossOf(a, b, queue, 0.2)).toBeCloseTo(4.735502427895, 6);
  });

  it('has the golden gradient', () => {
    const [k, remembered] = [b, queue].map((rows) => l2Normalize(rowsOf(rows)));
    const { grads } = valueAndGrad(
      ({ q }) => {
        const logits = mocoLogits(l2Normalize(q as tf.Tensor), k, { queue: remembered, temperature: 0.2 });
        return { loss: firstCrossEntropy(logits), aux: {} };
      },
      { q: rowsOf(a) },
    );
    const found = valuesOf(grads.get('q')!);
    [0.121994171, -0.071068445, -0.035401349, 0.097542187].forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 6);
    });
  });

  it('is none of the usual mistakes', () => {
    const [q, k, remembered] = [a, b, queue].map(units);
    const ours = lossOf(a, b, queue, 0.2);
    expect(restated(q, k, remembered, 0.2)).toBeCloseTo(4.735502427895, 10);
    const enqueuedFirst = restated(q, k, [...remembered.slice(4), ...k], 0.2);
    expect(enqueuedFirst).toBeCloseTo(4.912845668356, 10);
    const rawQueue = restated(q, k, queue, 0.2);
    expect(rawQueue).toBeCloseTo(12.486708892141, 10);
    const withoutTemperature = restated(q, k, remembered, 1);
    expect(withoutTemperature).toBeCloseTo(2.490237447821, 10);
    for (const wrong of [enqueuedFirst, rawQueue, withoutTemperature])
      expect(Math.abs(ours - wrong)).toBeGreaterThan(0.1);
  });

  it('is what loops make of random rows', () => {
    for (const [seed, count, size, temperature] of [
      ['x', 3, 6, 0.07],
      ['y', 8, 24, 0.2],
    ] as const) {
      const [q, k, remembered] = [count, count, size].map((rows, i) => randomRows(`${seed}${i}`, rows, 5));
      const expected = restated(units(q), units(k), units(remembered), temperature);
      expect(lossOf(q, k, remembered, temperature)).toBeCloseTo(expected, 4);
    }
  });

  it('is ln(K + 1) where all rows are the same, does not see lengths, and is not the same the other way round', () => {
    const same = (count: number) => Array.from({ length: count }, (_, i) => [i + 1, 2 * i + 2, -i - 1]);
    expect(lossOf(same(3), same(3), same(7), 0.07)).toBeCloseTo(Math.log(8), 5);
    const value = lossOf(a, b, queue, 0.2);
    const longer = (rows: Rows) => rows.map((row, i) => row.map((x) => x * (i + 2)));
    expect(lossOf(longer(a), longer(b), longer(queue), 0.2)).toBeCloseTo(value, 5);
    expect(Math.abs(lossOf(b, a, queue, 0.2) - value)).toBeGreaterThan(0.05);
  });
});

describe('MoCo', () => {
  const momentum = 0.75;
  const run = tinyImageRun('moco-v1-cifar', {
    query: tinyView,
    key: tinyView,
    dimensions: 6,
    queue: 8,
    temperature: 0.2,
    momentum,
  });
  const pictures = [
    [0, 1, 2, 3],
    [4, 5, 1, 2],
    [3, 0, 5, 4],
  ];
  const first = firstSteps(run, { frames: 6, pictures });
  const eager = runSteps(first);
  const at = (state: Tree<HostTensor>, path: string) => leafOf(state, path).data;

  it('begins with a key encoder that is the query encoder', () => {
    const params = new Map(leavesOf(branchAt(first.state, 'params')));
    for (const [path, { data }] of leavesOf(
      branchAt(branchAt(branchAt(first.state, 'memory'), 'moco'), 'key'),
    )) {
      const own = path.replace('params/head', 'params/moco/head').replace(/^params\//, '');
      if (path.startsWith('params/')) expect(data, path).toEqual(params.get(own)!.data);
    }
    expect(first.pretraining.chance(6).total).toBeCloseTo(Math.log(9), 12);
  });

  it('moves the key encoder towards the query encoder before the step, never by a gradient', async () => {
    const { states } = await eager;
    for (const name of ['imageEncoder/conv1/weight', 'head/weight']) {
      const query = name.startsWith('head') ? `params/moco/${name}` : `params/${name}`;
      for (const step of [1, 2, 3]) {
        const [before, current, found] = [
          at(states[step - 1], `memory/moco/key/params/${name}`),
          at(states[step - 1], query),
          at(states[step], `memory/moco/key/params/${name}`),
        ];
        found.forEach((value: number, i: number) => {
          expect(value).toBeCloseTo(momentum * before[i] + (1 - momentum) * current[i], 6);
        });
        expect(at(states[step], query)).not.toEqual(current);
      }
      expect(at(states[1], `memory/moco/key/params/${name}`)).not.toEqual(at(states[1], query));
    }
    // The queue is a leaf of the memory, of which no gradient is ever taken; keys are made in the loss.
    const connected = connectedPaths(first).filter((path) => path !== 'memory/moco/queue');
    const branches = new Set(connected.map((path) => path.split('/').slice(0, 2).join('/')));
    expect(branches).toEqual(new Set(['params/imageEncoder', 'params/moco']));
  });

  it('compares queries with keys of the moved encoder and with the queue as it was, and enqueues the keys afterwards', async () => {
    const { outputs, states } = await eager;
    const encoder = imageEncoderNet(run.encoders.image!);
    const head = linearNet({ inputs: 32, outputs: 6 });
    for (const step of [1, 2, 3]) {
      const [before, after] = [states[step - 1], states[step]];
      const rowsOfBranch = (params: Tree<HostTensor>, stats: Tree<HostTensor>, view: string): number[][] => {
        const net = running({ params: uploadTree(params), stats: uploadTree(stats) }, { training: true });
        const pixels = upload(leafOf(first.batches[step - 1], `data/moco/${view}`));
        const rows = l2Normalize(net.of('head', head, net.of('imageEncoder', encoder, pixels)));
        return rows.arraySync() as number[][];
      };
      const { params, stats } = before as { readonly [branch: string]: Tree<HostTensor> };
      const q = rowsOfBranch({ ...params, ...branchAt(params, 'moco') }, stats, 'query');
      // As the key encoder stands after the step, which is after it moved.
      const slow = branchAt(branchAt(branchAt(after, 'memory'), 'moco'), 'key');
      const k = rowsOfBranch(branchAt(slow, 'params'), branchAt(slow, 'stats'), 'key');
      const queue = (state: Tree<HostTensor>) => {
        const { data } = leafOf(state, 'memory/moco/queue');
        return Array.from({ length: 8 }, (_, i) => [...data.slice(6 * i, 6 * i + 6)]);
      };
      expect(queue(after).slice(0, 4)).toEqual(queue(before).slice(4));
      queue(after)
        .slice(4)
        .forEach((row, i) => {
          row.forEach((value, d) => {
            expect(value).toBeCloseTo(k[i][d], 5);
          });
        });
      const loss = leafOf(outputs[step - 1], 'loss/contrast').data[0];
      expect(loss).toBeCloseTo(restated(q, k, queue(before), 0.2), 4);
      // Had the keys been enqueued before, or had they come from the query encoder, it would be another.
      expect(Math.abs(loss - restated(q, k, queue(after), 0.2))).toBeGreaterThan(0.01);
    }
  });

  it('has statistics of the key encoder of its own, of the batches that it sees', async () => {
    const { states } = await eager;
    const name = 'imageEncoder/bn1/running_mean';
    const [begun, query, key] = [
      at(states[0], `stats/${name}`),
      at(states[1], `stats/${name}`),
      at(states[1], `memory/moco/key/stats/${name}`),
    ];
    expect(query).not.toEqual(begun);
    expect(key).not.toEqual(begun);
    // Parameters are the same in the first step: another view makes the difference.
    expect(key).not.toEqual(query);
  });

  it('has a linear head in v1, and linear, ReLU, linear without a batch norm in v2', () => {
    const shapes = (preset: string) => {
      const config = tinyImageRun(preset, { query: tinyView, key: tinyView, dimensions: 6, queue: 8 });
      return shapesOf(
        branchAt(branchAt(firstSteps(config, { frames: 6, pictures }).state, 'params'), 'moco'),
      );
    };
    expect(shapes('moco-v1-cifar')).toEqual({ 'head/bias': [6], 'head/weight': [32, 6] });
    expect(shapes('moco-v2-cifar')).toEqual({
      'head/0/bias': [32],
      'head/0/weight': [32, 32],
      'head/2/bias': [6],
      'head/2/weight': [32, 6],
    });
  });

  it('refuses a queue that is no multiple of the batch, and several copies of a view', () => {
    const changed = (options: object) =>
      tinyImageRun('moco-v1-cifar', { query: tinyView, key: tinyView, ...options });
    expect(() => firstSteps(changed({ queue: 10 }), { frames: 6, pictures })).toThrow(
      'configuration: objectives.moco.queue: expected a multiple of the batch, 4, found 10',
    );
    expect(() => changed({ query: { ...tinyView, copies: 2 } })).toThrow('copies');
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run);
  });
});
