import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { imageEncoderNet } from '../../src/encoders/encoders.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { l2Normalize } from '../../src/nn/l2-normalize.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { distillation } from '../../src/objectives/parts/cross-entropy.ts';
import { mocoLogits } from '../../src/objectives/parts/momentum-keys.ts';
import { adoptTeacher } from '../../src/training/adopt-teacher.ts';
import { pretrain } from '../../src/training/pretrain.ts';
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

interface Temperatures {
  readonly student: number;
  readonly teacher: number;
}

const lossFrom = (s: tf.Tensor, t: tf.Tensor, queue: tf.Tensor, { student, teacher }: Temperatures) =>
  distillation(
    mocoLogits(s, t, { queue, temperature: student }),
    mocoLogits(t, t, { queue, temperature: teacher }),
  );

const lossOf = (s: Rows, t: Rows, queue: Rows, temperatures: Temperatures) =>
  valuesOf(lossFrom(rowsOf(s.map(unit)), rowsOf(t.map(unit)), rowsOf(queue.map(unit)), temperatures))[0];

/** The loss in loops and float64, of rows of any length. */
function restated(s: Rows, t: Rows, queue: Rows, { student, teacher }: Temperatures): number {
  const [ss, ts, qs] = [s, t, queue].map((rows) => rows.map(unit));
  const softmax = (row: readonly number[]) => {
    const highest = Math.max(...row);
    const parts = row.map((value) => Math.exp(value - highest));
    const whole = parts.reduce((sum, part) => sum + part, 0);
    return parts.map((part) => part / whole);
  };
  const terms = ss.map((row, n) => {
    const similar = (from: readonly number[], by: number) =>
      [ts[n], ...qs].map((other) => dot(from, other) / by);
    const p = softmax(similar(ts[n], teacher));
    const q = softmax(similar(row, student));
    return -p.reduce((sum, value, k) => sum + value * Math.log(q[k]), 0);
  });
  return terms.reduce((sum, value) => sum + value, 0) / terms.length;
}

describe("SEED's loss", () => {
  const { a, b, queue } = golden;

  it("has the golden values, and is MoCo's where the teacher is sharp", () => {
    for (const [teacher, value] of [
      [1e-4, 4.735502427895],
      [0.01, 4.735502427895],
      [0.2, 4.664247927749],
    ]) {
      expect(lossOf(a, b, queue, { student: 0.2, teacher })).toBeCloseTo(value, 5);
      expect(restated(a, b, queue, { student: 0.2, teacher })).toBeCloseTo(value, 9);
    }
  });

  it('has the golden gradient at the student, and none at teacher and queue', () => {
    const { grads } = valueAndGrad(
      (tree) => {
        const { s, t, q } = tree as { readonly [name: string]: tf.Tensor };
        const rows = [s, t, q].map((each) => l2Normalize(each));
        // Keys of the student's side carry none either: what is learned is the student's rows alone.
        const loss = distillation(
          mocoLogits(rows[0], rowsOf(b.map(unit)), { queue: rowsOf(queue.map(unit)), temperature: 0.2 }),
          mocoLogits(rows[1], rows[1], { queue: rows[2], temperature: 0.01 }),
        );
        return { loss, aux: {} };
      },
      { s: rowsOf(a), t: rowsOf(b), q: rowsOf(queue) },
    );
    expect([...grads.keys()]).toEqual(['s']);
    const row = valuesOf(grads.get('s')!).slice(0, 4);
    [0.121994171, -0.071068445, -0.035401349, 0.097542187].forEach((value, i) => {
      expect(row[i]).toBeCloseTo(value, 6);
    });
  });

  it('is none of the usual mistakes', () => {
    const temperatures = { student: 0.2, teacher: 0.01 };
    const ours = lossOf(a, b, queue, temperatures);
    const early = restated(a, b, [...queue.slice(4), ...b], temperatures);
    const swapped = restated(b, a, queue, temperatures);
    const forgotten = restated(a, b, queue, { student: 1, teacher: 0.01 });
    for (const wrong of [early, swapped, forgotten]) expect(Math.abs(ours - wrong)).toBeGreaterThan(0.01);
  });

  it('is what loops make of random rows', () => {
    const [s, t, q] = ['s', 't', 'q'].map((seed) => randomRows(seed, 8, 6));
    expect(lossOf(s, t, q, { student: 0.3, teacher: 0.1 })).toBeCloseTo(
      restated(s, t, q, { student: 0.3, teacher: 0.1 }),
      5,
    );
  });
});

describe('SEED', () => {
  const teacher = { depth: 18, width: 2, stem: 'small', batchNorm: { eps: 0.1, momentum: 0.1 } } as const;
  const options = { view: tinyView, teacher, hidden: 5, queue: 8, teacherTemperature: 0.1 };
  const run = tinyImageRun('seed-cifar', options);
  const pictures = [
    [0, 1, 2, 3],
    [4, 5, 1, 2],
    [3, 0, 5, 4],
  ];
  const first = firstSteps(run, { frames: 6, pictures });
  const eager = runSteps(first);
  const memoryOf = (state: Host) => branchAt(branchAt(state, 'memory'), 'seed');

  it("has a student's head as wide as the teacher, and the teacher in its memory", () => {
    expect(shapesOf(branchAt(branchAt(first.state, 'params'), 'seed'))).toEqual({
      'head/0/bias': [5],
      'head/0/weight': [32, 5],
      'head/2/bias': [16],
      'head/2/weight': [5, 16],
    });
    expect(leafOf(memoryOf(first.state), 'queue').shape).toEqual([8, 16]);
    expect(leafOf(memoryOf(first.state), 'teacher/params/imageEncoder/conv1/weight').shape).toEqual([
      2, 3, 3, 3,
    ]);
    expect(first.pretraining.parts[0].objective.chance).toEqual({ distillation: Math.log(9) });
  });

  it('lets a gradient reach the student alone', () => {
    expect(connectedPaths(first)).toEqual(
      leavesOf({ params: branchAt(first.state, 'params') }).map(([path]) => path),
    );
  });

  it("compares with the teacher's rows by its running statistics; the queue takes them after the loss", async () => {
    const { outputs, states } = await eager;
    for (const [step, batch] of first.batches.entries()) {
      const [params, stats] = ['params', 'stats'].map((branch) => branchAt(states[step], branch));
      const picture = leafOf(batch, 'data/seed/picture');
      const head = branchAt(branchAt(params, 'seed'), 'head');
      const rows = tf.relu(dense(head, '0', encoded(run, params, stats, picture)));
      const s = dense(head, '2', rows).arraySync() as number[][];
      const frozen = branchAt(memoryOf(states[step]), 'teacher');
      const own = (part: string) => uploadTree(branchAt(branchAt(frozen, part), 'imageEncoder'));
      const t = imageEncoderNet(teacher)
        .apply(own('params'), own('stats'), upload(picture), { training: false })
        .y.arraySync() as number[][];
      const { data } = leafOf(memoryOf(states[step]), 'queue');
      const queue = Array.from({ length: 8 }, (_, i) => [...data.slice(16 * i, 16 * i + 16)]);
      const temperatures = { student: 0.2, teacher: 0.1 };
      const loss = leafOf(outputs[step], 'loss/distillation').data[0];
      expect(loss, `step ${step}`).toBeCloseTo(restated(s, t, queue, temperatures), 4);
      const next = [...queue.slice(4), ...t.map(unit)];
      expect(Math.abs(loss - restated(s, t, next, temperatures))).toBeGreaterThan(1e-4);
      expect(distance(leafOf(memoryOf(states[step + 1]), 'queue').data, next.flat())).toBeLessThan(1e-5);
    }
    // The teacher stays as it is, bit for bit.
    expect(branchAt(memoryOf(states[3]), 'teacher')).toEqual(branchAt(memoryOf(states[0]), 'teacher'));
  });

  it('refuses a queue that is no multiple of the batch', () => {
    expect(() =>
      firstSteps(tinyImageRun('seed-cifar', { ...options, queue: 10 }), { frames: 6, pictures: [] }),
    ).toThrow('configuration: objectives.seed.queue: expected a multiple of the batch, 4, found 10');
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('has the encoder of another run as its teacher, and goes on without that run, bit for bit', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'teacher-'));
    const data = { root: join(folder, 'kitti') };
    await writeSyntheticKitti(data.root, 6);
    const quiet = { write: () => {} };
    const before = tinyImageRun('simclr-cifar', { view: tinyView }, { steps: 1 });
    const image = { ...before.encoders.image!, width: 3 };
    const out = join(folder, 'before');
    await pretrain({ config: { ...before, encoders: { image } }, data, out, stream: quiet });
    await expect(pretrain({ config: run, data, out: join(folder, 'none'), stream: quiet })).rejects.toThrow(
      'options: expected --teacher, the run whose image encoder seed learns from, found none',
    );
    await expect(adoptTeacher(before, out)).rejects.toThrow(
      'expected a system that learns from a teacher: seed',
    );
    const adopted = await adoptTeacher(run, out);
    expect(adopted.config.objectives.seed).toMatchObject({ teacher: { depth: 18, width: 3 }, hidden: 5 });
    const { state } = await loadRun(out);
    await rm(out, { recursive: true });
    const last = await expectSameAfterResuming(adopted.config, { ...adopted, root: data.root, steps: 4 });
    for (const part of ['params', 'stats']) {
      const there = branchAt(branchAt(state, part), 'imageEncoder');
      const here = branchAt(branchAt(branchAt(memoryOf(last), 'teacher'), part), 'imageEncoder');
      expect(new Map(leavesOf(here))).toEqual(new Map(leavesOf(there)));
    }
    const told = join(folder, 'told');
    await pretrain({ ...adopted, config: { ...adopted.config, steps: 1 }, data, out: told, stream: quiet });
    expect(JSON.parse(await readFile(join(told, 'teacher.json'), 'utf8'))).toEqual({ run: out, step: 1 });
    await rm(folder, { recursive: true });
  });
});
