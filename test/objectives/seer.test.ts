import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { l2Normalize } from '../../src/nn/l2-normalize.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { equalAssignment } from '../../src/objectives/parts/equal-assignment.ts';
import { swappedPrediction } from '../../src/objectives/parts/swapped-prediction.ts';
import { presetOf } from '../../src/training/presets.ts';
import { distance, valuesOf } from '../nn/tensors.ts';
import { goldenPrototypes, type Rows, restatedCodes, restatedLoss, scoresOf } from './assignment-in-loops.ts';
import { dense, encoded } from './plain-layers.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import {
  connectedPaths,
  firstSteps,
  golden,
  leafOf,
  rowsOf,
  runSteps,
  shapesOf,
  tinyImageRun,
  tinyView,
  unit,
} from './tiny-image-run.ts';

type Host = Tree<HostTensor>;

/** Made by the released assignment: `golden/make-seer.py`. */
const made: {
  readonly epsilon: number;
  readonly iterations: number;
  readonly temperature: number;
  readonly codes: Rows;
  readonly loss: number;
  readonly gradientOfA: Rows;
  readonly gradientOfPrototypes: Rows;
  readonly wrong: { readonly [mistake: string]: number };
  readonly random: { readonly scores: Rows; readonly codes: Rows };
} = JSON.parse(readFileSync(new URL('./golden/seer.json', import.meta.url), 'utf8'));

const { objectives, epochs, schedule } = presetOf('seer-cifar')!;
const { assignment } = objectives.seer as {
  readonly assignment: { readonly epsilon: number; readonly iterations: number };
};

const assign = (scores: Rows, options = assignment) =>
  equalAssignment(rowsOf(scores), options).arraySync() as number[][];

/** The loss of golden rows and prototypes, from the raw ones. */
function lossOf(tree: { readonly [name: string]: tf.Tensor }, options = assignment, swapped = true) {
  const centres = l2Normalize(tree.p);
  const scores = [tree.a, tree.b].map((rows) => tf.matMul(l2Normalize(rows), centres, false, true));
  const codes = scores.map((each) => equalAssignment(each, options));
  return swappedPrediction(swapped ? scores : [...scores].reverse(), codes, made.temperature);
}
const raw = () => ({ a: rowsOf(golden.a), b: rowsOf(golden.b), p: rowsOf(goldenPrototypes) });

describe("SEER's assignment", () => {
  it('is the released one', () => {
    expect(assignment).toEqual({ epsilon: made.epsilon, iterations: made.iterations });
    const scores = scoresOf(golden.a, goldenPrototypes);
    expect(assign(scores)[0][0]).toBeCloseTo(0.266283340327, 5);
    for (const [found, expected] of [
      [assign(scores), made.codes],
      [assign(made.random.scores), made.random.codes],
      [restatedCodes(made.random.scores, assignment), made.random.codes],
    ])
      expect(distance(found.flat(), expected.flat())).toBeLessThan(2e-5);
  });

  it('sees neither a constant added to all scores nor overflows at scores far from length one', () => {
    const { scores, codes } = made.random;
    const moved = assign(scores.map((row) => row.map((score) => score + 50)));
    expect(distance(moved.flat(), codes.flat())).toBeLessThan(1e-3);
    const far = assign(scores.map((row) => row.map((score) => 500 * score)));
    for (const row of far) expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4);
  });
});

describe("SEER's loss", () => {
  it('has the value and the gradients that follow from the released assignment', () => {
    const { loss, grads } = valueAndGrad(
      (tree) => ({ loss: lossOf(tree as { readonly [name: string]: tf.Tensor }), aux: {} }),
      raw(),
    );
    expect(valuesOf(loss)[0]).toBeCloseTo(made.loss, 4);
    expect(distance(valuesOf(grads.get('a')!), made.gradientOfA.flat())).toBeLessThan(1e-4);
    expect(distance(valuesOf(grads.get('p')!), made.gradientOfPrototypes.flat())).toBeLessThan(1e-4);
  });

  it('is none of the usual mistakes', () => {
    const value = (...how: [typeof assignment, boolean?]) => valuesOf(lossOf(raw(), ...how))[0];
    const three = value({ ...assignment, iterations: 3 });
    const softer = value({ ...assignment, epsilon: 0.05 });
    expect(three).toBeCloseTo(made.wrong['three rounds'], 4);
    expect(softer).toBeCloseTo(made.wrong['epsilon 0.05'], 4);
    for (const wrong of [three, softer, value(assignment, false)])
      expect(Math.abs(wrong - made.loss)).toBeGreaterThan(0.005);
  });
});

describe('SEER', () => {
  const options = {
    crops: { ...tinyView, copies: 2 },
    smallCrops: { width: 8, height: 8, copies: 2, crop: { area: [0.05, 0.3] } },
    hidden: 7,
    dimensions: 5,
    prototypes: 6,
    temperature: 0.1,
    frozenUntil: 0.5,
  };
  const run = tinyImageRun('seer-cifar', options);
  const first = firstSteps(run, {
    frames: 6,
    pictures: [
      [0, 1, 2, 3],
      [4, 5, 1, 2],
    ],
  });
  const eager = runSteps(first);
  const PROTOTYPES = 'params/seer/prototypes/weight';
  const rowsAt = (state: Host, path: string) => {
    const { data, shape } = leafOf(state, path);
    const [count, width] = shape;
    return Array.from({ length: count }, (_, i) => [...data.slice(width * i, width * (i + 1))]);
  };

  /** The loss of a step in loops, from features of the encoder alone. */
  function restatedStep(state: Host, batch: Host): number {
    const [params, stats] = ['params', 'stats'].map((branch) => branchAt(state, branch));
    const projector = branchAt(branchAt(params, 'seer'), 'projector');
    const features = ['crops', 'smallCrops'].map((view) =>
      encoded(run, params, stats, leafOf(batch, `data/seer/${view}`)),
    );
    const inside = tf.relu(dense(projector, '0', tf.concat(features, 0)));
    const rows = dense(projector, '4', tf.relu(dense(projector, '2', inside))).arraySync() as number[][];
    const scores = [0, 4, 8, 12].map((begin) =>
      scoresOf(rows.slice(begin, begin + 4), rowsAt(state, PROTOTYPES)),
    );
    const codes = scores.slice(0, 2).map((each) => restatedCodes(each, assignment));
    return restatedLoss(scores, codes, 0.1);
  }

  it('has a projector of three layers without batch norm, a row for every prototype, and no memory', () => {
    const own = (part: string) => shapesOf(branchAt(branchAt(first.state, part), 'seer'));
    expect(own('params')).toEqual({
      'projector/0/bias': [7],
      'projector/0/weight': [8, 7],
      'projector/2/bias': [7],
      'projector/2/weight': [7, 7],
      'projector/4/bias': [5],
      'projector/4/weight': [7, 5],
      'prototypes/weight': [6, 5],
    });
    expect(Object.keys(branchAt(first.state, 'stats'))).toEqual(['imageEncoder']);
    expect(first.state.memory).toBeUndefined();
    expect(first.pretraining.parts[0].objective.chance).toEqual({ assignment: Math.log(6) });
  });

  it('lets a gradient reach encoder, projector and prototypes', () => {
    expect(connectedPaths(first)).toEqual(
      leavesOf({ params: branchAt(first.state, 'params') }).map(([path]) => path),
    );
  });

  it('is the swapped prediction of all crops, whose codes are those of the first two', async () => {
    const { outputs, states } = await eager;
    for (const [step, batch] of first.batches.entries()) {
      const loss = leafOf(outputs[step], 'loss/assignment').data[0];
      expect(loss, `step ${step}`).toBeCloseTo(restatedStep(states[step], batch), 3);
    }
  });

  it('holds prototypes of length one fast for half of the run', async () => {
    const { states } = await eager;
    const away = (step: number) =>
      distance(
        rowsAt(states[step], PROTOTYPES).flat(),
        rowsAt(states[0], PROTOTYPES).flatMap((row) => unit(row)),
      );
    expect(away(1)).toBeLessThan(1e-6);
    expect(away(2)).toBeGreaterThan(1e-4);
  });

  it('is a run of steps without epochs', () => {
    expect(epochs).toBeNull();
    expect(schedule.per).toBe('run');
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    // Stopped while the prototypes are still frozen.
    await expectSameAfterResuming(run, { steps: 5, stopAfter: 2 });
  });
});
