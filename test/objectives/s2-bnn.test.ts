import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageEncoderNet, initEncoders } from '../../src/encoders/encoders.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { l2Normalize } from '../../src/nn/l2-normalize.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { calibration } from '../../src/objectives/s2-bnn.ts';
import { adoptTeacher } from '../../src/training/adopt-teacher.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { pretrain } from '../../src/training/pretrain.ts';
import { beginWith } from '../../src/training/pretrained.ts';
import { loadRun } from '../../src/training/run/model-state.ts';
import { distance, upload, uploadTree, valuesOf } from '../nn/tensors.ts';
import { dense, encoded } from './plain-layers.ts';
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
import { writeSyntheticKitti } from './tiny-simipu.ts';

type Host = Tree<HostTensor>;
type Rows = ReadonlyArray<readonly number[]>;

const lossOf = (s: Rows, t: Rows, temperature: number) =>
  valuesOf(calibration(l2Normalize(rowsOf(s)), l2Normalize(rowsOf(t)), temperature))[0];

function softmaxOf(row: readonly number[]): number[] {
  const highest = Math.max(...row);
  const parts = row.map((value) => Math.exp(value - highest));
  const whole = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => part / whole);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** -Σ softmax(t)·log softmax(s), the mean over rows as they are, in loops and float64. */
function crossEntropy(s: Rows, t: Rows): number {
  return mean(
    s.map((row, n) => {
      const [p, q] = [softmaxOf(t[n]), softmaxOf(row)];
      return -p.reduce((sum, value, c) => sum + value * Math.log(q[c]), 0);
    }),
  );
}

const by = (rows: Rows, temperature: number) => rows.map((row) => row.map((value) => value / temperature));
const units = (rows: Rows) => rows.map(unit);

/** The loss of rows of any length. */
const restated = (s: Rows, t: Rows, temperature: number) =>
  crossEntropy(by(units(s), temperature), by(units(t), temperature));

describe("S2-BNN's loss", () => {
  const { a, b } = golden;

  it('has the golden values', () => {
    expect(lossOf(a, b, 0.2)).toBeCloseTo(4.120760446453, 5);
    expect(restated(a, b, 0.2)).toBeCloseTo(4.120760446453, 9);
    expect(lossOf(b, b, 0.2)).toBeCloseTo(0.405912645829, 6);
    expect(restated(b, b, 0.2)).toBeCloseTo(0.405912645829, 9);
  });

  it('has the golden gradient at the student, and none at the teacher', () => {
    const { grads } = valueAndGrad(
      (tree) => {
        const [s, t] = ['s', 't'].map((name) => l2Normalize(tree[name] as tf.Tensor));
        return { loss: calibration(s, t, 0.2), aux: {} };
      },
      { s: rowsOf(a), t: rowsOf(b) } as Tree<tf.Tensor>,
    );
    expect([...grads.keys()]).toEqual(['s']);
    const row = valuesOf(grads.get('s')!).slice(0, 4);
    [0.045038213, 0.001301219, -0.175781525, 0.106603424].forEach((value, i) => {
      expect(row[i]).toBeCloseTo(value, 6);
    });
  });

  it('is none of the usual mistakes', () => {
    const ours = lossOf(a, b, 0.2);
    const [s, t] = [units(a), units(b)];
    const wrong = {
      'a divergence': ours - restated(b, b, 0.2),
      'rows as they are': crossEntropy(by(a, 0.2), by(b, 0.2)),
      'a teacher as it is': crossEntropy(by(s, 0.2), by(b, 0.2)),
      'a temperature of the student alone': crossEntropy(by(s, 0.2), t),
      'a temperature of the teacher alone': crossEntropy(s, by(t, 0.2)),
      'the other way round': restated(b, a, 0.2),
    };
    for (const [mistake, value] of Object.entries(wrong))
      expect(Math.abs(ours - value), mistake).toBeGreaterThan(0.01);
  });

  it("is no less than the teacher's entropy, and the same for rows of any length", () => {
    for (const seed of ['1', '2', '3']) {
      const [s, t] = [randomRows(`s${seed}`, 6, 5), randomRows(`t${seed}`, 6, 5)];
      const ours = lossOf(s, t, 0.3);
      expect(ours).toBeCloseTo(restated(s, t, 0.3), 5);
      expect(ours).toBeGreaterThan(restated(t, t, 0.3) + 1e-3);
      const longer = (rows: Rows) => rows.map((row, i) => row.map((value) => value * (1 + 3 * i)));
      expect(lossOf(longer(s), longer(t), 0.3)).toBeCloseTo(ours, 5);
    }
  });
});

const teacher = { depth: 18, width: 2, stem: 'small', batchNorm: { eps: 0.1, momentum: 0.1 } } as const;
const options = { view: tinyView, teacher, hidden: 5, temperature: 0.1 };

/** A run of a phase with a ReActNet of width 2. */
function tinyPhase(
  weights: 'real' | 'binary',
  changes: { readonly [option: string]: unknown } = {},
): RunConfig {
  const preset = weights === 'real' ? 's2-bnn-cifar' : 's2-bnn-cifar-binary';
  const run = tinyImageRun(preset, { ...options, ...changes });
  const image = { ...run.encoders.image!, width: 2 };
  expect(image).toMatchObject({ kind: 'reactnet', weights });
  return { ...run, encoders: { image } };
}

const pictures = [
  [0, 1, 2, 3],
  [4, 5, 1, 2],
  [3, 0, 5, 4],
];
const memoryOf = (state: Host) => branchAt(branchAt(state, 'memory'), 's2-bnn');

/** The rows of student and teacher in a step, as they are before they are brought to length one. */
function rowsIn(
  run: RunConfig,
  state: Host,
  batch: Host,
): { readonly s: number[][]; readonly t: number[][] } {
  const [params, stats] = ['params', 'stats'].map((branch) => branchAt(state, branch));
  const picture = leafOf(batch, 'data/s2-bnn/picture');
  const head = branchAt(branchAt(params, 's2-bnn'), 'head');
  const inner = tf.relu(dense(head, '0', encoded(run, params, stats, picture)));
  const frozen = branchAt(memoryOf(state), 'teacher');
  const own = (part: string) => uploadTree(branchAt(branchAt(frozen, part), 'imageEncoder'));
  const { y } = imageEncoderNet(teacher).apply(own('params'), own('stats'), upload(picture), {
    training: false,
  });
  return { s: dense(head, '2', inner).arraySync() as number[][], t: y.arraySync() as number[][] };
}

describe.each(['real', 'binary'] as const)('S2-BNN with %s weights', (weights) => {
  const run = tinyPhase(weights);
  const first = firstSteps(run, { frames: 6, pictures });
  const eager = runSteps(first);

  it("has a student's head as wide as the teacher, and the teacher alone in its memory", () => {
    expect(shapesOf(branchAt(branchAt(first.state, 'params'), 's2-bnn'))).toEqual({
      'head/0/bias': [5],
      'head/0/weight': [64, 5],
      'head/2/bias': [16],
      'head/2/weight': [5, 16],
    });
    expect(Object.keys(memoryOf(first.state))).toEqual(['teacher']);
    expect(first.pretraining.chance(6)).toEqual({ total: null, terms: {} });
  });

  it('lets a gradient reach all of the student, and nothing else', () => {
    expect(connectedPaths(first)).toEqual(
      leavesOf({ params: branchAt(first.state, 'params') }).map(([path]) => path),
    );
  });

  it("compares with the teacher's rows by its running statistics, and says how far it is above their entropy", async () => {
    const { outputs, states } = await eager;
    for (const [step, batch] of first.batches.entries()) {
      const { s, t } = rowsIn(run, states[step], batch);
      const loss = leafOf(outputs[step], 'loss/distillation').data[0];
      expect(loss, `step ${step}`).toBeCloseTo(restated(s, t, 0.1), 4);
      const excess = leafOf(outputs[step], 'metric/excess').data[0];
      expect(excess).toBeCloseTo(restated(s, t, 0.1) - restated(t, t, 0.1), 4);
      expect(excess).toBeGreaterThan(1e-3);
    }
    expect(memoryOf(states[3])).toEqual(memoryOf(states[0]));
  });

  it('moves every tensor of the student somewhere in three steps', async () => {
    const { states } = await eager;
    const after = new Map(leavesOf(branchAt(states[3], 'params')));
    for (const [path, { data }] of leavesOf(branchAt(states[0], 'params')))
      expect(distance(after.get(path)!.data, data), path).toBeGreaterThan(0);
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });
});

describe('S2-BNN with contrast', () => {
  const contrast = { weight: 0.5, queue: 8, temperature: 0.2, momentum: 0.9 };
  const first = firstSteps(tinyPhase('real', { contrast }), { frames: 6, pictures });
  const eager = runSteps(first);

  it("adds MoCo's loss of the same rows with its weight, and remembers keys", async () => {
    const { outputs, states } = await eager;
    expect(first.pretraining.chance(6)).toEqual({ total: null, terms: { contrast: Math.log(9) } });
    for (const [step, batch] of first.batches.entries()) {
      const state = states[step];
      const { s, t } = rowsIn(tinyPhase('real'), state, batch);
      const [told, contrasted, total] = ['distillation', 'contrast', 'total'].map(
        (term) => leafOf(outputs[step], `loss/${term}`).data[0],
      );
      expect(told).toBeCloseTo(restated(s, t, 0.1), 4);
      expect(total).toBeCloseTo(told + 0.5 * contrasted, 4);
      const keys = [...leafOf(memoryOf(states[step + 1]), 'queue').data];
      const rows = Array.from({ length: 8 }, (_, i) => keys.slice(16 * i, 16 * i + 16));
      const { data } = leafOf(memoryOf(state), 'queue');
      const queue = Array.from({ length: 8 }, (_, i) => [...data.slice(16 * i, 16 * i + 16)]);
      expect(distance(rows.slice(0, 4).flat(), queue.slice(4).flat())).toBe(0);
      // What the queue took is what the queries were told from the rest by.
      const right = mean(
        units(s).map((q, n) => {
          const logits = [rows[4 + n], ...queue].map((other) => dot(q, other) / 0.2);
          return -Math.log(softmaxOf(logits)[0]);
        }),
      );
      expect(contrasted).toBeCloseTo(right, 4);
    }
  });

  it('has a key encoder that follows the student by its momentum before it is used', async () => {
    const { states } = await eager;
    const path = 'blocks/12/pointwise/act/slope';
    const own = leafOf(branchAt(states[1], 'params'), `imageEncoder/${path}`).data;
    const [before, after] = [1, 2].map(
      (step) => leafOf(memoryOf(states[step]), `key/params/imageEncoder/${path}`).data,
    );
    const expected = Array.from(before, (value, i) => 0.9 * value + 0.1 * own[i]);
    expect(distance(after, expected)).toBeLessThan(1e-6);
    expect(distance(after, before)).toBeGreaterThan(0);
  });

  it('refuses a queue that is no multiple of the batch', () => {
    const odd = tinyPhase('real', { contrast: { ...contrast, queue: 10 } });
    expect(() => firstSteps(odd, { frames: 6, pictures: [] })).toThrow(
      'configuration: objectives.s2-bnn.contrast.queue: expected a multiple of the batch, 4, found 10',
    );
  });
});

describe('S2-BNN in two phases', () => {
  let folder: string;
  let data: { readonly root: string };
  const stream = { write: () => {} };
  let adopted: Awaited<ReturnType<typeof adoptTeacher>>;
  const bits = (tree: Host) => new Map(leavesOf(tree).map(([path, { data: own }]) => [path, [...own]]));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'two-phases-'));
    data = { root: join(folder, 'kitti') };
    await writeSyntheticKitti(data.root, 6);
    const before = tinyImageRun('simclr-cifar', { view: tinyView }, { steps: 1 });
    const out = join(folder, 'teacher');
    await pretrain({ config: before, data, out, stream });
    adopted = await adoptTeacher(tinyPhase('real'), out);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each(['real', 'binary'] as const)(
    'goes on with %s weights after a stop, bit for bit',
    async (weights) => {
      const { config } = await adoptTeacher(tinyPhase(weights), join(folder, 'teacher'));
      await expectSameAfterResuming(config, { root: data.root, teacher: adopted.teacher, steps: 4 });
    },
  );

  it('begins the second with all of the encoder of the first, and says what it took', async () => {
    const out = join(folder, 'first');
    await pretrain({ ...adopted, config: { ...adopted.config, steps: 2 }, data, out, stream });
    const { state } = await loadRun(out);
    const { config } = await adoptTeacher(tinyPhase('binary'), join(folder, 'teacher'));
    const drawn = initEncoders(Random.fromSeed(config.seed).fork('initialize'), config.encoders);
    const begun = await beginWith(drawn, { run: out }, config.encoders.image);
    for (const part of ['params', 'stats'] as const)
      expect(bits(branchAt(begun.model[part], 'imageEncoder'))).toEqual(
        bits(branchAt(branchAt(state, part), 'imageEncoder')),
      );
    const lines = [
      `begins with ${out}, step 2:`,
      '  imageEncoder: 185 parameters and 54 running statistics loaded',
      "  s2-bnn: 4 parameters left behind (the run's own, the model has its own heads)",
    ].join('\n');
    expect(begun.description).toBe(lines);
    const said: string[] = [];
    await pretrain({
      config: { ...config, steps: 1 },
      data,
      out: join(folder, 'second'),
      teacher: adopted.teacher,
      from: { run: out },
      stream: { write: (text: string) => said.push(text) },
    });
    expect(said.join('')).toContain(lines);
    expect(said.join('')).toContain('chance-level loss: not known beforehand');
  });
});
