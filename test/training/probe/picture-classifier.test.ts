import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { float32 } from '../../../src/engine/host-tensor.ts';
import { leavesOf } from '../../../src/engine/tree.ts';
import { branchAt } from '../../../src/nn/layer.ts';
import { valueAndGrad } from '../../../src/nn/value-and-grad.ts';
import { applySettings } from '../../../src/training/config.ts';
import { presetOf } from '../../../src/training/presets.ts';
import { initialState } from '../../../src/training/pretrain.ts';
import { classifierConfig } from '../../../src/training/probe/classifier-config.ts';
import { beginning, finetuneFractions } from '../../../src/training/probe/finetune-pictures.ts';
import {
  classifierAccuracy,
  distillationLoss,
  trainClassifier,
} from '../../../src/training/probe/picture-classifier.ts';
import { loadPictures, type ProbedItems } from '../../../src/training/probe/probed-items.ts';
import { valuesOf } from '../../nn/tensors.ts';
import { shapesOf } from '../../objectives/tiny-image-run.ts';
import { writeClassPictures } from './class-pictures.ts';

const runOf = (preset: string, ...settings: string[]) => {
  const config = applySettings(presetOf(preset)!, ['encoders.image.width=4', 'batchSize=8', ...settings]);
  const state = initialState(config, { frames: 8 });
  return { config, state, step: 0, checkpoint: '', data: { root: '' } };
};
const run = runOf('simclr-v2-cifar', 'objectives.simclr.dimensions=6');

let folder: string;
let training: ProbedItems;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'classifier-'));
  await writeClassPictures(folder, { count: 6, seed: 1 });
  training = await loadPictures(run.config.encoders.image!, { root: folder }, { say: () => {} });
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

describe('the loss of distillation', () => {
  const student = [
    [1, -2, 0.5],
    [0, 3, -1],
  ];
  const teacher = [
    [2, 0, -1],
    [-3, 1, 1],
  ];
  const softmax = (logits: readonly number[], temperature: number) => {
    const exps = logits.map((logit) => Math.exp(logit / temperature));
    const sum = exps.reduce((total, value) => total + value, 0);
    return exps.map((value) => value / sum);
  };
  /** The mean over rows of -Σ P_teacher·ln P_student. */
  const restated = (temperature: number) =>
    student.reduce((sum, row, i) => {
      const [p, q] = [softmax(teacher[i], temperature), softmax(row, temperature)];
      return sum - p.reduce((total, value, c) => total + value * Math.log(q[c]), 0);
    }, 0) / 2;

  it.each([0.5, 1, 4])('is what loops make of it at the temperature %s', (temperature) => {
    const loss = distillationLoss(tf.tensor2d(student), tf.tensor2d(teacher), temperature);
    expect(valuesOf(loss)[0]).toBeCloseTo(restated(temperature), 5);
  });

  it('has a gradient of the student alone, (P_student - P_teacher)/(T·B)', () => {
    const { grads } = valueAndGrad(
      ({ s, t }) => ({ loss: distillationLoss(s as tf.Tensor, t as tf.Tensor, 2), aux: {} }),
      { s: tf.tensor2d(student), t: tf.tensor2d(teacher) },
    );
    expect([...grads.keys()]).toEqual(['s']);
    const expected = student.flatMap((row, i) => {
      const [p, q] = [softmax(teacher[i], 2), softmax(row, 2)];
      return q.map((value, c) => (value - p[c]) / 4);
    });
    valuesOf(grads.get('s')!).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 6);
    });
  });
});

describe('what fine-tuning begins with', () => {
  it("is the run's encoder and the first layers of its head, none of those behind them", () => {
    const options = { run, folder, training };
    const { classifier, model } = beginning({ ...options, finetuneLayer: 1 }, 'trained');
    expect(classifier.projection?.channels).toBe(32);
    expect(shapesOf(branchAt(model.params, 'projection'))).toEqual({
      '0/weight': [32, 32],
      '1/bias': [32],
      '1/weight': [32],
    });
    const params = branchAt(run.state, 'params');
    const head = new Map(leavesOf(branchAt(branchAt(params, 'simclr'), 'head')));
    for (const [path, leaf] of leavesOf(branchAt(model.params, 'projection')))
      expect(leaf).toBe(head.get(path));
    expect(branchAt(model.params, 'imageEncoder')).toBe(branchAt(params, 'imageEncoder'));
    // From scratch it is of the same form, with other values.
    const scratch = beginning({ ...options, finetuneLayer: 1 }, 'scratch').model;
    expect(shapesOf(scratch.params)).toEqual(shapesOf(model.params));
    expect(shapesOf(scratch.stats)).toEqual(shapesOf(model.stats));
    expect(scratch.params).not.toEqual(model.params);
    // Without layers that are kept it is the encoder alone.
    expect(Object.keys(beginning(options, 'trained').model.params)).toEqual(['imageEncoder']);
  });

  it('refuses a run without such a head, and more layers than there are', () => {
    const begun = (preset: string, finetuneLayer: number) => () =>
      beginning({ run: runOf(preset), folder: 'runs/x', training, finetuneLayer }, 'trained');
    expect(begun('simsiam-cifar', 1)).toThrow(
      'runs/x: fine-tuning: expected a system whose projection head can be kept, such as simclr, found simsiam',
    );
    expect(begun('simclr-v2-cifar', 4)).toThrow(
      "runs/x: fine-tuning: expected at most the 3 layers of simclr's head, found 4",
    );
  });
});

describe('a student', () => {
  it('learns what its teacher says of pictures, whatever their labels are', async () => {
    const { classifier, model } = beginning({ run, folder, training }, 'trained');
    // By its running statistics the teacher takes every picture for the second class, by those of a batch for the first.
    const { classifier: taught, model: begun } = beginning(
      { run, folder, training, finetuneLayer: 1 },
      'trained',
    );
    const filled = (value: number) => float32(new Float32Array(32).fill(value), [32]);
    const head = {
      weight: float32(
        Float32Array.from({ length: 64 }, (_, i) => (i % 2) * (8 / 32_000)),
        [32, 2],
      ),
      bias: float32([4, 0], [2]),
    };
    const stats = {
      ...begun.stats,
      projection: { 1: { running_mean: filled(-1000), running_var: filled(1) } },
    };
    const ofTeacher = { params: { ...begun.params, head }, stats };
    const teacher = { classifier: taught, model: ofTeacher, temperature: 1 };
    const indices = Int32Array.from(training.labels, (_, i) => i);
    const { encoder, classes } = classifier;
    const student = await trainClassifier(classifier, model, {
      config: classifierConfig({
        ...{ image: encoder, stage: 'distilled', fraction: 1, layers: 0, steps: 6, temperature: 1 },
        classes: training.classes.slice(0, classes),
      }),
      ...{ training, indices, teacher, dataRoot: folder, from: undefined },
      out: join(folder, 'student'),
      stream: { write: () => {} },
    });
    const second = { ...training, labels: training.labels.map(() => 1) };
    expect(await classifierAccuracy(classifier, student, second, {})).toBe(1);
    expect(student.params).not.toHaveProperty('teacher');
  }, 120_000);

  it('comes after fine-tuning on a share of the labels, with layers of the head kept', async () => {
    const said: string[] = [];
    const found = await finetuneFractions({
      run,
      folder,
      data: folder,
      training,
      test: training,
      finetune: [0.5],
      finetuneSteps: 1,
      finetuneLayer: 1,
      distil: { steps: 1, temperature: 1 },
      stream: { write: () => {} },
      say: (line) => said.push(line),
    });
    expect(found).toEqual([
      {
        fraction: 0.5,
        layer: 1,
        pretrained: expect.any(Number),
        fromScratch: expect.any(Number),
        distilled: expect.any(Number),
      },
    ]);
    expect(said).toEqual([
      'fine-tuning from the run on 6 labels',
      'fine-tuning from scratch on 6 labels',
      'distilling what was fine-tuned on 6 labels into all pictures',
    ]);
  }, 120_000);
});
