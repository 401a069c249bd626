import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it } from 'vitest';
import type { Tensors } from '../../src/encoders/trainable.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { mapTree, type Tree } from '../../src/engine/tree.ts';
import { leafAt } from '../../src/nn/layer.ts';
import { applySettings } from '../../src/training/config.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { adoptEncoders } from '../../src/training/detection/adopt-encoders.ts';
import { detectionPresetOf } from '../../src/training/detection/detection-presets.ts';
import { presetOf } from '../../src/training/presets.ts';
import { removeFolders, temporaryFolder, write } from '../datasets/tiny-sequences.ts';
import { uploadTree, valuesOf } from '../nn/tensors.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import { connectedPaths, leafOf, runSteps, stepsOn } from './tiny-image-run.ts';
import { streetBatch, writeStreets } from './tiny-street.ts';
import { tinySweepRun } from './tiny-sweeps.ts';

afterEach(removeFolders);

const tiny = tinySweepRun('pseudo-boxes-small', { candidateLevel: 0, head: [12, 8] });
const first = stepsOn(tiny, {
  frames: 4,
  data: [
    [0, 1],
    [2, 3],
  ].map((streets, step) => streetBatch(tiny, streets, step)),
});

/** Smooth L1 of one error. */
const smooth = (error: number, beta: number) =>
  Math.abs(error) < beta ? error ** 2 / (2 * beta) : Math.abs(error) - beta / 2;

describe('pseudo-boxes', () => {
  it('has, where nothing is said, the losses of loops over the targets', () => {
    const { pretraining, state, batches } = first;
    const { data } = batches[0] as unknown as { data: Tree<HostTensor> };
    const target = (name: string) => leafOf(data, `pseudo-boxes/sweep/targets/${name}`).data;
    const { params, stats } = state as unknown as { readonly [part: string]: Tree<HostTensor> };
    // Outputs of zeros, and all classes as likely as not.
    const silent = mapTree(uploadTree(params) as Tensors, (leaf, path) =>
      /^pseudo-boxes\/head\/(?!layers)/.test(path) ? tf.zerosLike(leaf) : leaf,
    );
    const model = { params: silent, stats: uploadTree(stats), memory: {} };
    const { terms, metrics } = pretraining.loss(model, uploadTree(data), { training: true });
    const said = (tree: Tensors, name: string) => valuesOf(leafAt(tree, name))[0];

    const positive = Array.from(target('positive'));
    const rows = positive.flatMap((is, n) => (is === 1 ? [n] : []));
    expect(rows.length).toBeGreaterThan(5);
    expect(rows.length).toBeLessThan(positive.length);
    const meanOf = (of: (row: number) => number) => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
    const triple = (name: string, row: number) => [0, 1, 2].map((k) => target(name)[3 * row + k]);
    const sumOf = (values: readonly number[], of: (value: number) => number) =>
      values.reduce((sum, value) => sum + of(value), 0);
    expect(said(terms, 'offset')).toBeCloseTo(
      meanOf((row) => sumOf(triple('offset', row), (error) => smooth(error, 1 / 3))),
      4,
    );
    expect(said(terms, 'size')).toBeCloseTo(
      meanOf((row) => sumOf(triple('logSize', row), (error) => smooth(error, 0.1))),
      4,
    );
    const heading = Math.log(6) + meanOf((row) => smooth(target('headingResidual')[row], 0.5));
    expect(said(terms, 'heading')).toBeCloseTo(heading, 4);
    // Focal loss at a half: a quarter of ln 2, by 0.25 for right classes and 0.75 for wrong ones.
    const classes = Array.from(target('classes'));
    const weights = target('weights');
    const focal = classes.reduce(
      (sum, is, i) => sum + weights[Math.floor(i / 3)] * (is === 1 ? 0.25 : 0.75) * 0.25 * Math.LN2,
      0,
    );
    expect(said(terms, 'classes')).toBeCloseTo(focal / rows.length, 4);
    const away = meanOf((row) => Math.hypot(...triple('offset', row)));
    expect(said(metrics, 'centerDistanceM')).toBeCloseTo(away, 4);
    expect(said(metrics, 'centerErrorM')).toBeCloseTo(away, 4);
    expect(said(metrics, 'positives')).toBe(rows.length);
    expect(pretraining.chance(4)).toEqual({ total: null, terms: {} });
  });

  it('reaches the point encoder and its head', () => {
    const paths = connectedPaths(first);
    for (const branch of ['pointEncoder/sa1', 'pointEncoder/sa2', 'pseudo-boxes/head'])
      expect(paths.some((path) => path.startsWith(`params/${branch}/`))).toBe(true);
  });

  it('is captured as it is in tfjs', async () => {
    const eager = await runSteps(first);
    await expectCapturedAsEager(first, eager, { ofLosses: 1e-4, ofStates: 2e-3 });
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit, without a picture', async () => {
    const root = temporaryFolder();
    await writeStreets(root, 4);
    await rm(join(root, 'training', 'image_2'), { recursive: true });
    await expectSameAfterResuming(tiny, { root });
  });

  it.each(['pseudo-boxes-small', 'occupancy-small'])(
    '%s has the encoder of point3d-small, which takes it as it is',
    async (preset) => {
      const run = temporaryFolder();
      write(`${run}/config.json`, JSON.stringify(presetOf(preset)));
      const detector = detectionPresetOf('point3d-small')!;
      expect(await adoptEncoders(detector, run)).toEqual(detector);
    },
  );

  it('learns beside SimIPU, and refuses a level that an encoder does not have', () => {
    const smoke = presetOf('simipu-smoke')!;
    const both = createPretraining(applySettings(smoke, ['objectives.pseudo-boxes.weight=0.5']), 4);
    expect(Object.keys(both.views)).toEqual(['simipu/pair', 'pseudo-boxes/sweep']);
    const wrong = applySettings(smoke, ['objectives.pseudo-boxes.candidateLevel=2']);
    expect(() => createPretraining(wrong, 4)).toThrow(
      'configuration: objectives.pseudo-boxes.candidateLevel: expected a level of the 2, 0 to 1, found 2',
    );
  });
});
