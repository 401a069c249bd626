import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { float32, type HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { gelu } from '../../src/nn/gelu.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import { weightDecayAt } from '../../src/nn/parameter-groups.ts';
import { multiplierAt } from '../../src/nn/schedules.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { movedCentre, risingTemperature, targetsOf } from '../../src/objectives/dino.ts';
import { entropyOf } from '../../src/objectives/parts/cross-entropy.ts';
import { risingMomentum } from '../../src/objectives/parts/momentum.ts';
import { swappedPrediction } from '../../src/objectives/parts/swapped-prediction.ts';
import { distance, valuesOf } from '../nn/tensors.ts';
import { dense, encoded, normed } from './plain-layers.ts';
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
type Host = Tree<HostTensor>;

const times = (rows: Rows, by: number) => rows.map((row) => row.map((value) => value * by));
const meanOf = (rows: Rows) =>
  rows[0].map((_, k) => rows.reduce((sum, row) => sum + row[k], 0) / rows.length);

function softmax(row: readonly number[]): number[] {
  const highest = Math.max(...row);
  const parts = row.map((value) => Math.exp(value - highest));
  const whole = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => part / whole);
}

const { a, b, queue } = golden;
const further = [
  [-5, -3, -1, 1],
  [4, 6, 8, -7],
  [-4, -2, 0, 2],
  [5, 7, -8, -6],
];
const students = [a, b].map((rows) => times(rows, 1 / 10));
const teachers = [b, a].map((rows) => times(rows, 1 / 7));
const centre1 = [-0.0107142857, -0.0035714286, 0.0232142857, 0.0071428571];
const still = [0, 0, 0, 0];

/** The loss as the program has it. */
function lossOf(crops: readonly Rows[], taught: readonly Rows[], centre: readonly number[]): number {
  const targets = targetsOf(rowsOf(taught.flat()), { centre: rowsOf([centre]), teacherTemperature: 0.04 });
  const split = tf.split(targets, taught.length);
  return valuesOf(
    swappedPrediction(
      crops.map((rows) => rowsOf(rows)),
      split,
      0.1,
    ),
  )[0];
}

/** The loss in loops and float64; `sameView` puts pairs of a crop with itself in. */
function restated(
  crops: readonly Rows[],
  taught: readonly Rows[],
  { centre = still as readonly number[], student = 0.1, teacher = 0.04, sameView = false } = {},
): number {
  const terms: number[] = [];
  taught.forEach((rows, i) => {
    crops.forEach((others, v) => {
      if (v === i && !sameView) return;
      const sums = rows.map((row, n) => {
        const p = softmax(row.map((value, k) => (value - centre[k]) / teacher));
        const q = softmax(others[n].map((value) => value / student));
        return -p.reduce((sum, value, k) => sum + value * Math.log(q[k]), 0);
      });
      terms.push(sums.reduce((sum, value) => sum + value, 0) / sums.length);
    });
  });
  return terms.reduce((sum, value) => sum + value, 0) / terms.length;
}

describe("DINO's loss", () => {
  it('has the golden values of two steps, the centre moving after the loss', () => {
    expect(lossOf(students, teachers, still)).toBeCloseTo(0.08699939838, 6);
    expect(restated(students, teachers)).toBeCloseTo(0.08699939838, 11);
    const mean = tf.mean(rowsOf(teachers.flat()), 0, true);
    const centre = valuesOf(movedCentre(tf.zeros([1, 4]), mean, 0.9));
    centre1.forEach((value, k) => {
      expect(centre[k]).toBeCloseTo(value, 8);
    });
    expect(lossOf(students, teachers, centre)).toBeCloseTo(0.085722242564, 6);
  });

  it('has the golden value of two full crops and two small ones', () => {
    const crops = [...students, ...[further, queue.slice(0, 4)].map((rows) => times(rows, 1 / 10))];
    expect(lossOf(crops, teachers, still)).toBeCloseTo(2.928292164435, 5);
    expect(restated(crops, teachers)).toBeCloseTo(2.928292164435, 10);
  });

  it('is none of the usual mistakes', () => {
    const ours = lossOf(students, teachers, still);
    const early = restated(students, teachers, { centre: centre1 });
    expect(early).toBeCloseTo(0.085722242564, 9);
    const same = restated(students, teachers, { sameView: true });
    expect(same).toBeCloseTo(3.02612668634, 10);
    for (const wrong of [early, same]) expect(Math.abs(ours - wrong)).toBeGreaterThan(1e-3);
    // A centre that takes 0.9 of the batch's mean and keeps 0.1.
    const swapped = meanOf(teachers.flat()).map((value) => 0.9 * value);
    expect(restated(students, teachers, { centre: swapped })).toBeCloseTo(0.087108119893, 9);
    expect(Math.abs(lossOf(students, teachers, centre1) - 0.087108119893)).toBeGreaterThan(1e-3);
  });

  it('has the golden gradient at the student, and none at teacher and centre', () => {
    const { grads } = valueAndGrad(
      (tree) => {
        const { s0, s1, t, c } = tree as { readonly [name: string]: tf.Tensor };
        const targets = tf.split(targetsOf(t, { centre: c, teacherTemperature: 0.04 }), 2);
        return { loss: swappedPrediction([s0, s1], targets, 0.1), aux: {} };
      },
      {
        s0: rowsOf(students[0]),
        s1: rowsOf(students[1]),
        t: rowsOf(teachers.flat()),
        c: rowsOf([still]),
      },
    );
    expect([...grads.keys()]).toEqual(['s0', 's1']);
    const row = valuesOf(grads.get('s0')!).slice(0, 4);
    [0.000146583, 0.002944195, 0.059107978, -0.062198756].forEach((value, k) => {
      expect(row[k]).toBeCloseTo(value, 6);
    });
  });

  it('is what loops make of random logits', () => {
    const crops = [0, 1, 2, 3, 4].map((crop) => randomRows(`crop ${crop}`, 6, 9));
    const taught = [0, 1].map((crop) => randomRows(`taught ${crop}`, 6, 9));
    const [centre] = randomRows('centre', 1, 9);
    expect(lossOf(crops, taught, centre)).toBeCloseTo(restated(crops, taught, { centre }), 3);
  });

  it('is ln K where the student says the same of all, and does not see what a teacher adds to all classes', () => {
    const same = students.map((rows) => rows.map((row) => row.map(() => 0.3)));
    expect(lossOf(same, teachers, still)).toBeCloseTo(Math.log(4), 5);
    const added = teachers.map((rows) => rows.map((row, i) => row.map((value) => value + i)));
    expect(lossOf(students, added, still)).toBeCloseTo(lossOf(students, teachers, still), 5);
  });

  it('tells how certain the teacher is', () => {
    const entropy = (rows: Rows) => valuesOf(entropyOf(rowsOf(rows)))[0];
    expect(entropy([[0.25, 0.25, 0.25, 0.25]])).toBeCloseTo(Math.log(4), 6);
    expect(entropy([[0, 1, 0, 0]])).toBeCloseTo(0, 6);
    expect(
      entropy([
        [0.5, 0.5, 0],
        [1, 0, 0],
      ]),
    ).toBeCloseTo(Math.log(2) / 2, 6);
  });
});

describe("DINO's schedules", () => {
  it('has a momentum that never is quite 1, over 50 steps', () => {
    const momenta = [0, 24, 25, 49].map((step) => risingMomentum(0.996, step / 50));
    [0.996, 0.9978744189609414, 0.998, 0.9999960534568565].forEach((value, i) => {
      expect(momenta[i]).toBeCloseTo(value, 14);
    });
  });

  it('has the learning rate of a warm-up and half a cosine at their ends', () => {
    const schedule = { kind: 'cosine', length: 40, end: 1e-6 / 5e-4, warmUp: { length: 10 } } as const;
    const rates = [0, 10, 49].map((step) => 5e-4 * multiplierAt(schedule, step));
    // Between the ends the authors count 9 steps of warm-up where this counts 10.
    [0, 5e-4, 1.769125233584573e-6].forEach((value, i) => {
      expect(rates[i]).toBeCloseTo(value, 14);
    });
  });

  it('has a weight decay from 0.04 to 0.4, and a temperature from 0.04 to 0.07', () => {
    const group = { weightDecay: 0.04, weightDecayEnd: 0.4 };
    const decays = [0, 0.25, 0.5, 1].map((share) => weightDecayAt(group, share));
    [0.04, 0.4 - 0.36 * ((1 + Math.SQRT1_2) / 2), 0.22, 0.4].forEach((value, i) => {
      expect(decays[i]).toBeCloseTo(value, 12);
    });
    expect(weightDecayAt({ weightDecay: 0.1 }, 0.7)).toBe(0.1);
    const warm = { begin: 0.04, end: 0.07, over: 0.3 };
    const degrees = [0, 0.15, 0.3, 0.9].map((progress) => risingTemperature(warm, progress));
    [0.04, 0.055, 0.07, 0.07].forEach((value, i) => {
      expect(degrees[i]).toBeCloseTo(value, 12);
    });
    expect(risingTemperature({ begin: 0.1, end: 0.04, over: 0 }, 0)).toBe(0.04);
  });
});

describe('DINO', () => {
  const CLIP = 0.1;
  const options = {
    first: tinyView,
    second: { ...tinyView, solarise: { probability: 0.5 } },
    small: { width: 8, height: 8, copies: 2, crop: { area: [0.05, 0.3] } },
    head: { hidden: 7, bottleneck: 5, batchNorm: true },
    outputs: 6,
    teacherTemperature: { begin: 0.1, end: 0.2, over: 0.5 },
    momentum: 0.75,
    frozenUntil: 0.3,
  };
  const sgd = { kind: 'sgd', momentum: 0.9, learningRate: 0.05, weightDecay: 5e-4 } as const;
  const run = tinyImageRun('dino-cifar', options, {
    optimizers: { image: { ...sgd, weightDecayEnd: 0.1 }, heads: sgd },
    clip: { norm: CLIP, of: 'each' },
  });
  const pictures = [
    [0, 1, 2, 3],
    [4, 5, 1, 2],
    [3, 0, 5, 4],
  ];
  const first = firstSteps(run, { frames: 6, pictures });
  const eager = runSteps(first);
  const eps = run.encoders.image!.batchNorm.eps;
  const at = (state: Host, path: string) => leafOf(state, path).data;
  const teacher = (state: Host) => branchAt(branchAt(branchAt(state, 'memory'), 'dino'), 'teacher');

  it('has a head of three layers, and a last layer without a bias; the teacher begins as the student', () => {
    const params = branchAt(first.state, 'params');
    expect(shapesOf(branchAt(params, 'dino'))).toEqual({
      'head/0/bias': [7],
      'head/0/weight': [32, 7],
      'head/1/bias': [7],
      'head/1/weight': [7],
      'head/3/bias': [7],
      'head/3/weight': [7, 7],
      'head/4/bias': [7],
      'head/4/weight': [7],
      'head/6/bias': [5],
      'head/6/weight': [7, 5],
      'last/weight': [6, 5],
    });
    const own = { imageEncoder: branchAt(params, 'imageEncoder'), ...branchAt(params, 'dino') };
    const slow = new Map(leavesOf<HostTensor>(branchAt(teacher(first.state), 'params')));
    expect(slow.size).toBe(leavesOf(own).length);
    for (const [path, { data }] of leavesOf<HostTensor>(own)) expect(slow.get(path)!.data).toEqual(data);
    expect(first.pretraining.parts[0].objective.chance).toEqual({ distillation: Math.log(6) });
    const weights = at(first.state, 'params/dino/head/0/weight');
    expect(Math.sqrt(dot([...weights], [...weights]) / weights.length)).toBeCloseTo(0.02, 2);
  });

  it('lets a gradient reach the student, and nothing of teacher and centre', () => {
    expect(connectedPaths(first)).toEqual(
      leavesOf({ params: branchAt(first.state, 'params') }).map(([path]) => path),
    );
  });

  /** Pictures of several views one after the other. */
  function joined(batch: Host, views: readonly string[]): HostTensor {
    const all = views.map((view) => leafOf(batch, `data/dino/${view}`));
    const [, ...size] = all[0].shape;
    const data = Float32Array.from(all.flatMap(({ data: values }) => [...values]));
    return float32(data, [all.reduce((sum, { shape }) => sum + shape[0], 0), ...size]);
  }

  /** Logits of every crop of a network: the last layer's rows have length one. */
  function logitsOf(params: Host, stats: Host, own: Host, pictures: readonly HostTensor[]): number[][] {
    const features = pictures.map((crop) => encoded(run, params, stats, crop));
    const head = branchAt(own, 'head');
    let x: tf.Tensor = tf.concat(features, 0);
    for (const [linear, norm] of [
      ['0', '1'],
      ['3', '4'],
    ])
      x = gelu(normed(head, norm, dense(head, linear, x), eps));
    const rows = (dense(head, '6', x).arraySync() as number[][]).map(unit);
    const { data } = leafOf(own, 'last/weight');
    const last = Array.from({ length: 6 }, (_, k) => unit([...data.slice(5 * k, 5 * k + 5)]));
    return rows.map((row) => last.map((direction) => dot(row, direction)));
  }

  const inFours = (rows: number[][]) =>
    Array.from({ length: rows.length / 4 }, (_, v) => rows.slice(4 * v, 4 * v + 4));

  it('compares crops of the student with full crops of the teacher; the centre moves after the loss', async () => {
    const { outputs, states } = await eager;
    let centre: readonly number[] = new Array(6).fill(0);
    for (const [step, batch] of first.batches.entries()) {
      const [params, stats] = ['params', 'stats'].map((branch) => branchAt(states[step], branch));
      const full = joined(batch, ['first', 'second']);
      const own = branchAt(params, 'dino');
      const crops = inFours(logitsOf(params, stats, own, [full, joined(batch, ['small'])]));
      const [slow, slowStats] = ['params', 'stats'].map((branch) => branchAt(teacher(states[step]), branch));
      const taught = inFours(logitsOf(slow, slowStats, slow, [full]));
      const now = { teacher: [0.1, 0.1 + 0.1 * (2 / 3), 0.2][step], centre };
      const loss = at(outputs[step], 'loss/distillation')[0];
      expect(loss, `step ${step}`).toBeCloseTo(restated(crops, taught, now), 4);
      const mean = meanOf(taught.flat());
      const next = centre.map((value, k) => 0.9 * value + 0.1 * mean[k]);
      expect(Math.abs(loss - restated(crops, taught, { ...now, centre: next }))).toBeGreaterThan(1e-4);
      centre = next;
      expect(distance(at(states[step + 1], 'memory/dino/centre'), centre)).toBeLessThan(1e-5);
    }
  });

  it('moves the teacher after the optimizer, towards the new parameters', async () => {
    const { states } = await eager;
    for (const step of [1, 2, 3]) {
      const rest = (0.25 * (Math.cos((Math.PI * (step - 1)) / 3) + 1)) / 2;
      for (const name of ['imageEncoder/conv1/weight', 'head/3/weight', 'last/weight']) {
        const own = name.startsWith('imageEncoder') ? `params/${name}` : `params/dino/${name}`;
        const path = `memory/dino/teacher/params/${name}`;
        const towards = Array.from(
          at(states[step - 1], path),
          (value, i) => value + rest * (at(states[step], own)[i] - value),
        );
        expect(distance(at(states[step], path), towards)).toBeLessThan(1e-6);
      }
    }
  });

  it('holds the last layer fast for the first share of the run', async () => {
    const { states } = await eager;
    const last = states.map((state) => at(state, 'params/dino/last/weight'));
    expect(last[1]).toEqual(last[0]); // progress 0; 1/3 is past 0.3
    expect(last[2]).not.toEqual(last[1]);
    const head = 'params/dino/head/3/weight';
    expect(at(states[1], head)).not.toEqual(at(states[0], head));
  });

  it('has a weight decay and a clip that the step obeys', async () => {
    const decays = first.batches.map((batch) => at(batch, 'rates/weightDecays/image')[0]);
    [0, 1 / 3, 2 / 3].forEach((share, i) => {
      expect(decays[i]).toBeCloseTo(weightDecayAt({ weightDecay: 5e-4, weightDecayEnd: 0.1 }, share), 6);
    });
    const { states } = await eager;
    // The velocity of the first step is the gradient, clipped, and the decay.
    const name = 'imageEncoder/conv1/weight';
    const [velocity, weight] = [
      at(states[1], `optimizer/image/momentum/${name}`),
      at(states[0], `params/${name}`),
    ];
    const gradient = Array.from(velocity, (value, i) => value - 5e-4 * weight[i]);
    const free = firstSteps({ ...run, clip: undefined }, { frames: 6, pictures: pictures.slice(0, 1) });
    const { states: unclipped } = await runSteps(free);
    const raw = Array.from(
      at(unclipped[1], `optimizer/image/momentum/${name}`),
      (value, i) => value - 5e-4 * weight[i],
    );
    expect(Math.hypot(...raw)).toBeGreaterThan(2 * CLIP);
    const scale = CLIP / Math.hypot(...raw);
    expect(
      distance(
        gradient,
        raw.map((value) => scale * value),
      ),
    ).toBeLessThan(1e-5);
  });

  it('gives inputs that follow the run', () => {
    const { inputs } = first.pretraining;
    const given = (progress: number) =>
      branchAt(inputs!({ step: 0, epoch: 0, progress, random: Random.fromSeed(1) }), 'dino');
    expect(leafAt(given(0), 'momentum').data[0]).toBeCloseTo(0.75, 6);
    expect(leafAt(given(1), 'momentum').data[0]).toBe(1);
    expect(leafAt(given(0.25), 'temperature').data[0]).toBeCloseTo(0.15, 6);
  });

  it('goes without small crops, batch norms and a frozen last layer', () => {
    const plain = firstSteps(
      tinyImageRun('dino-cifar', {
        ...options,
        small: undefined,
        head: { ...options.head, batchNorm: false },
        frozenUntil: 0,
      }),
      { frames: 6, pictures: [] },
    );
    expect(Object.keys(plain.pretraining.views)).toEqual(['dino/first', 'dino/second']);
    expect(plain.groups.map(({ name }) => name)).toEqual(['image', 'heads']);
    expect(Object.keys(shapesOf(branchAt(branchAt(plain.state, 'params'), 'dino')))).toEqual([
      'head/0/bias',
      'head/0/weight',
      'head/2/bias',
      'head/2/weight',
      'head/4/bias',
      'head/4/weight',
      'last/weight',
    ]);
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run);
  });
});
