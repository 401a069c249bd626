import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf, mapTree, type Tree } from '../../src/engine/tree.ts';
import { l2Normalize } from '../../src/nn/l2-normalize.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { equalAssignment } from '../../src/objectives/parts/equal-assignment.ts';
import { enqueued, isFull } from '../../src/objectives/parts/queue.ts';
import { swappedPrediction } from '../../src/objectives/parts/swapped-prediction.ts';
import { distance, valuesOf } from '../nn/tensors.ts';
import {
  goldenPrototypes,
  type Rows,
  restatedCodes,
  restatedLoss,
  scoresOf,
  softmax,
} from './assignment-in-loops.ts';
import { dense, encoded, normed } from './plain-layers.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import {
  connectedPaths,
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

type Host = Tree<HostTensor>;

const assignment = { epsilon: 0.05, iterations: 3 };
const prototypes = goldenPrototypes;

const assign = (scores: Rows, options = assignment) =>
  equalAssignment(rowsOf(scores), options).arraySync() as number[][];
const lossOf = (scores: readonly Rows[], codes: readonly Rows[], temperature: number) =>
  valuesOf(swappedPrediction(scores.map(rowsOf), codes.map(rowsOf), temperature))[0];

/** By how much the masses of prototypes miss R/K, at most, as a share of it. */
function massError(codes: Rows): number {
  const masses = codes[0].map((_, k) => codes.reduce((sum, row) => sum + row[k], 0));
  return Math.max(...masses.map((mass) => Math.abs((codes[0].length * mass) / codes.length - 1)));
}

describe('equal assignment', () => {
  const scores = scoresOf(golden.a, prototypes);

  it('has the golden codes', () => {
    const codes = [
      [0.06990243865, 0.08619303592, 0.08384396675, 0.006322201492, 2.55122e-8, 0.7537383317],
      [1.238389e-14, 0.4652071502, 1.132237e-13, 0.5123230881, 0.02246824594, 1.515768e-6],
      [0.361761802, 2.178557e-14, 0.2635148724, 1.911475e-15, 0.3747204341, 2.891551e-6],
      [0.02705792933, 0.09778015355, 0.2959227627, 0.06539600142, 4.595494e-9, 0.5138431484],
    ];
    for (const found of [assign(scores), restatedCodes(scores, assignment)])
      expect(distance(found.flat(), codes.flat())).toBeLessThan(5e-6);
    // Small ones too, as shares of themselves.
    expect(assign(scores)[2][3] / 1.911475e-15).toBeCloseTo(1, 4);
    expect(assign(scores, { epsilon: 0.03, iterations: 10 })[0][0]).toBeCloseTo(0.266283340327, 5);
  });

  it('gives every sample one, and prototypes about alike, the better the more rounds', () => {
    for (const row of assign(scores)) expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    const errors = [1, 3, 10, 100].map((iterations) =>
      massError(assign(scores, { epsilon: 0.05, iterations })),
    );
    [1.885, 0.901, 0.0111, 0].forEach((error, i) => {
      expect(errors[i]).toBeCloseTo(error, 3);
    });
  });

  it('does not see a constant added to all scores, sees one added to a prototype, and does not overflow', () => {
    const moved = scores.map((row) => row.map((score) => score + 100));
    expect(distance(assign(moved).flat(), assign(scores).flat())).toBeLessThan(1e-3);
    const onePrototype = scores.map((row) => row.map((score, k) => score + (k === 0 ? 0.5 : 0)));
    const early = { epsilon: 0.05, iterations: 1 };
    expect(distance(assign(onePrototype, early).flat(), assign(scores, early).flat())).toBeLessThan(1e-5);
    const sample = scores.map((row, i) => row.map((score) => score + (i === 0 ? 0.5 : 0)));
    expect(distance(assign(sample).flat(), assign(scores).flat())).toBeGreaterThan(0.01);
    const large = assign(scores.map((row) => row.map((score) => 1000 * score)));
    for (const value of large.flat()) expect(value).toBeGreaterThanOrEqual(0);
    const same = assign(scores.map((row) => row.map(() => 0.3)));
    expect(
      distance(
        same.flat(),
        same.flat().map(() => 1 / 6),
      ),
    ).toBeLessThan(1e-6);
  });

  it('carries no gradient', () => {
    const { grads } = valueAndGrad(
      ({ scores, weights }) => {
        const codes = equalAssignment(scores as tf.Tensor, assignment);
        return { loss: tf.sum(tf.mul(codes, weights as tf.Tensor)) as tf.Scalar, aux: {} };
      },
      { scores: rowsOf(scores), weights: tf.ones([4, 6]) },
    );
    expect([...grads.keys()]).toEqual(['weights']);
  });

  it('is what loops make of random scores, alone and beside others', () => {
    const [own, others] = ['own', 'others'].map((seed) =>
      scoresOf(randomRows(seed, 8, 5), randomRows('centres', 6, 5)),
    );
    const found = (count: number) =>
      equalAssignment(rowsOf(own), {
        ...assignment,
        beside: { scores: rowsOf(others), count: tf.scalar(count) },
      }).arraySync() as number[][];
    const [alone, together] = [
      restatedCodes(own, assignment),
      restatedCodes([...others, ...own], assignment).slice(8),
    ];
    expect(distance(assign(own).flat(), alone.flat())).toBeLessThan(1e-5);
    expect(distance(found(1).flat(), together.flat())).toBeLessThan(1e-5);
    expect(distance(found(0).flat(), alone.flat())).toBeLessThan(1e-5);
    expect(distance(alone.flat(), together.flat())).toBeGreaterThan(0.01);
  });
});

describe("SwAV's loss", () => {
  const crops = [golden.a, golden.b].map((rows) => scoresOf(rows, prototypes));
  const codesOf = (options = assignment) => crops.map((scores) => assign(scores, options));

  it('has the golden value', () => {
    expect(lossOf(crops, codesOf(), 0.1)).toBeCloseTo(6.081714539385, 4);
    const exact = crops.map((scores) => restatedCodes(scores, assignment));
    expect(restatedLoss(crops, exact, 0.1)).toBeCloseTo(6.081714539385, 10);
  });

  it('is none of the usual mistakes', () => {
    const notSwapped = lossOf([...crops].reverse(), codesOf(), 0.1);
    expect(notSwapped).toBeCloseTo(1.298792610547, 4);
    // exp(scores/ε) over its sum, times the number of samples.
    const withoutRounds = crops.map((scores) => {
      const weights = softmax(scores.flat().map((score) => score / 0.05));
      return scores.map((row, n) => row.map((_, k) => 4 * weights[6 * n + k]));
    });
    expect(lossOf(crops, withoutRounds, 0.1)).toBeCloseTo(5.400496494582, 4);
    const rounds = (iterations: number) => lossOf(crops, codesOf({ epsilon: 0.05, iterations }), 0.1);
    expect(rounds(1)).toBeCloseTo(5.987944096032, 4);
    expect(rounds(10)).toBeCloseTo(5.771186711404, 4);
  });

  it('carries a gradient through predictions alone: (softmax - codes)/(τ·N), weighed', () => {
    const { grads } = valueAndGrad(
      (tree) => {
        const scores = [tree.a, tree.b] as tf.Tensor[];
        const codes = scores.map((each) => equalAssignment(each, assignment));
        return { loss: swappedPrediction(scores, codes, 0.1), aux: {} };
      },
      { a: rowsOf(crops[0]), b: rowsOf(crops[1]) },
    );
    // Crop a predicts the codes of b, in one of two terms.
    const codes = restatedCodes(crops[1], assignment);
    const expected = crops[0].map((row, n) =>
      softmax(row.map((score) => score / 0.1)).map((p, k) => (p - codes[n][k]) / (0.1 * 4 * 2)),
    );
    expect(distance(valuesOf(grads.get('a')!), expected.flat())).toBeLessThan(1e-5);
  });

  it('lets a gradient reach prototypes and embeddings by the scores, none by codes and queue', () => {
    const [a, b, c, q] = [golden.a, golden.b, prototypes, golden.queue].map((rows) => rowsOf(rows));
    const { grads } = valueAndGrad(
      (tree) => {
        const centres = l2Normalize(tree.c as tf.Tensor);
        const scoresOf = (rows: tf.Tensor) => tf.matMul(l2Normalize(rows), centres, false, true);
        const beside = { scores: scoresOf(tree.q as tf.Tensor), count: tf.scalar(1) };
        const codes = [equalAssignment(scoresOf(tree.b as tf.Tensor), { ...assignment, beside })];
        return {
          loss: swappedPrediction([tf.zeros([4, 6]), scoresOf(tree.a as tf.Tensor)], codes, 0.1),
          aux: {},
        };
      },
      { a, b, c, q },
    );
    expect([...grads.keys()]).toEqual(['a', 'c']);
  });

  it('is what loops make of random crops, with more crops than codes', () => {
    const centres = randomRows('centres', 7, 5);
    const scores = [0, 1, 2, 3].map((crop) => scoresOf(randomRows(`crop ${crop}`, 6, 5), centres));
    const codes = scores.slice(0, 2).map((each) => restatedCodes(each, assignment));
    expect(lossOf(scores, codes, 0.1)).toBeCloseTo(restatedLoss(scores, codes, 0.1), 4);
  });

  it('is ln K where all scores are the same, and at least that where all embeddings are', () => {
    const same = Array.from({ length: 4 }, () => prototypes.map(() => 0.3));
    expect(lossOf([same, same], [assign(same), assign(same)], 0.1)).toBeCloseTo(Math.log(6), 5);
    const collapsed = scoresOf(
      [1, 2, 3, 4].map((by) => [by, 2 * by, -by, 0]),
      prototypes,
    );
    expect(distance(assign(collapsed).flat(), new Array(24).fill(1 / 6))).toBeLessThan(1e-5);
    expect(lossOf([collapsed, collapsed], [assign(collapsed), assign(collapsed)], 0.1)).toBeGreaterThan(
      Math.log(6),
    );
  });
});

describe("SwAV's queue", () => {
  it('is full when its oldest place is taken', () => {
    let queue: tf.Tensor = tf.zeros([6, 2]);
    const full = [valuesOf(isFull(queue))[0]];
    for (let step = 0; step < 4; step++) {
      queue = enqueued(queue, rowsOf([unit([step, 1]), unit([1, step])]));
      full.push(valuesOf(isFull(queue))[0]);
    }
    expect(full).toEqual([0, 0, 0, 1, 1]);
  });
});

describe('SwAV', () => {
  const options = {
    crops: { ...tinyView, copies: 2 },
    smallCrops: { width: 8, height: 8, copies: 2, crop: { area: [0.05, 0.3] } },
    hidden: 7,
    dimensions: 5,
    prototypes: 6,
    temperature: 0.1,
    queue: { size: 8, from: 0.25 },
    frozenUntil: 0.5,
  };
  const run = tinyImageRun('swav-cifar', options);
  const pictures = [
    [0, 1, 2, 3],
    [4, 5, 1, 2],
    [3, 0, 5, 4],
    [2, 4, 1, 0],
    [5, 3, 0, 2],
    [1, 4, 3, 5],
  ];
  const first = firstSteps(run, { frames: 6, pictures });
  const eager = runSteps(first);
  const eps = run.encoders.image!.batchNorm.eps;
  const rowsAt = (state: Host, path: string) => {
    const { data, shape } = leafOf(state, path);
    const [count, width] = shape;
    return Array.from({ length: count }, (_, i) => [...data.slice(width * i, width * (i + 1))]);
  };
  const PROTOTYPES = 'params/swav/prototypes/weight';

  /** The embeddings of every crop of a step, of length one. */
  function embeddingsOf(state: Host, batch: Host): number[][][] {
    const [params, stats] = ['params', 'stats'].map((branch) => branchAt(state, branch));
    const projector = branchAt(branchAt(params, 'swav'), 'projector');
    const features = ['crops', 'smallCrops'].map((view) =>
      encoded(run, params, stats, leafOf(batch, `data/swav/${view}`)),
    );
    const inside = normed(projector, '1', dense(projector, '0', tf.concat(features, 0)), eps);
    const rows = dense(projector, '3', tf.relu(inside)).arraySync() as number[][];
    return [0, 4, 8, 12].map((begin) => rows.slice(begin, begin + 4).map(unit));
  }

  it('has a projector of linear, batch norm, ReLU, linear, and a row for every prototype', () => {
    expect(shapesOf(branchAt(branchAt(first.state, 'params'), 'swav'))).toEqual({
      'projector/0/bias': [7],
      'projector/0/weight': [32, 7],
      'projector/1/bias': [7],
      'projector/1/weight': [7],
      'projector/3/bias': [5],
      'projector/3/weight': [7, 5],
      'prototypes/weight': [6, 5],
    });
    expect(shapesOf(branchAt(first.state, 'memory'))).toEqual({
      'swav/queue/0': [8, 5],
      'swav/queue/1': [8, 5],
    });
    expect(first.pretraining.parts[0].objective.chance).toEqual({ assignment: Math.log(6) });
  });

  it('lets a gradient reach encoder, projector and prototypes, and nothing of the queue', () => {
    expect(connectedPaths(first)).toEqual(
      leavesOf({ params: branchAt(first.state, 'params') }).map(([path]) => path),
    );
  });

  it('is the swapped prediction of all crops; the queue is gathered from a quarter of the run on, and used once full', async () => {
    const { outputs, states } = await eager;
    const queues: number[][][] = [
      Array.from({ length: 8 }, () => new Array(5).fill(0)),
      Array.from({ length: 8 }, () => new Array(5).fill(0)),
    ];
    for (const [step, batch] of first.batches.entries()) {
      const crops = embeddingsOf(states[step], batch);
      const centres = rowsAt(states[step], PROTOTYPES);
      const scores = crops.map((rows) => scoresOf(rows, centres));
      const codes = (used: boolean) =>
        scores
          .slice(0, 2)
          .map((own, i) =>
            restatedCodes([...(used ? scoresOf(queues[i], centres) : []), ...own], assignment).slice(-4),
          );
      // Two batches fill it: those of the steps 2 and 3, as 2 of 6 is the first share from 0.25 on.
      const loss = leafOf(outputs[step], 'loss/assignment').data[0];
      expect(loss, `step ${step}`).toBeCloseTo(restatedLoss(scores, codes(step >= 4), 0.1), 3);
      if (step >= 4) expect(Math.abs(loss - restatedLoss(scores, codes(false), 0.1))).toBeGreaterThan(0.01);
      for (const i of [0, 1]) {
        if (step >= 2) queues[i] = [...queues[i].slice(4), ...crops[i]];
        const found = rowsAt(states[step + 1], `memory/swav/queue/${i}`);
        expect(distance(found.flat(), queues[i].flat()), `step ${step}`).toBeLessThan(1e-4);
      }
    }
  });

  it('begins each step with prototypes of length one, whatever they are', async () => {
    const { outputs, states } = await eager;
    const longer = mapTree(first.state, (leaf, path) =>
      path === PROTOTYPES ? { ...leaf, data: leaf.data.map((value) => 8 * value) } : leaf,
    );
    const again = await runSteps({ ...first, state: longer, batches: first.batches.slice(0, 1) });
    expect(leafOf(again.outputs[0], 'loss/total').data[0]).toBe(leafOf(outputs[0], 'loss/total').data[0]);
    expect(rowsAt(again.states[1], PROTOTYPES)).toEqual(rowsAt(states[1], PROTOTYPES));
  });

  it('holds prototypes fast for half of the run, all else being trained', async () => {
    const { states } = await eager;
    const start = rowsAt(first.state, PROTOTYPES).flatMap(unit);
    const away = states.map((state) => distance(rowsAt(state, PROTOTYPES).flat(), start));
    for (const step of [1, 2, 3]) expect(away[step]).toBeLessThan(1e-6);
    for (const step of [4, 5, 6]) expect(away[step]).toBeGreaterThan(1e-4);
    const weight = 'params/swav/projector/3/weight';
    expect(leafOf(states[1], weight).data).not.toEqual(leafOf(states[0], weight).data);
    const velocity = 'optimizer/swav-prototypes/momentum/swav/prototypes/weight';
    expect(Math.max(...leafOf(states[3], velocity).data.map(Math.abs))).toBe(0);
  });

  it('has no memory without a queue, and refuses a queue that is no multiple of the batch and a single crop', () => {
    const changed = (changes: object) => tinyImageRun('swav-cifar', { ...options, ...changes });
    const plain = firstSteps(changed({ queue: undefined, smallCrops: undefined, frozenUntil: 0 }), {
      frames: 6,
      pictures: [],
    });
    expect(plain.state.memory).toBeUndefined();
    expect(plain.groups.map(({ name }) => name)).toEqual(['image', 'heads']);
    expect(() => firstSteps(changed({ queue: { size: 10, from: 0 } }), { frames: 6, pictures: [] })).toThrow(
      'configuration: objectives.swav.queue.size: expected a multiple of the batch, 4, found 10',
    );
    expect(() => changed({ crops: { ...tinyView, copies: 1 } })).toThrow('copies');
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    // Stopped while the queue is half full and the prototypes are still frozen.
    await expectSameAfterResuming(run, { steps: 7, stopAfter: 3 });
  });
});
