import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { imageEncoderNet } from '../../src/encoders/encoders.ts';
import { running } from '../../src/encoders/net.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { mapTree, type Tree } from '../../src/engine/tree.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { standardise } from '../../src/objectives/relative-patch.ts';
import { expectNear, randomTensor, upload, uploadTree, valuesOf } from '../nn/tensors.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import { connectedPaths, firstSteps, leafOf, runSteps, shapesOf, tinyImageRun } from './tiny-image-run.ts';

describe('standardised patches', () => {
  it('have a mean of 0 in every channel, and a root mean square of 1 over all of them', () => {
    const patches = randomTensor('patches', [3, 4, 4, 3]);
    const found = standardise(tf.add(tf.mul(patches, 7), [1, -20, 300]));
    expectNear(valuesOf(tf.mean(found, [1, 2])), new Array(9).fill(0), 4);
    expectNear(valuesOf(tf.mean(tf.square(found), [1, 2, 3])), [1, 1, 1], 4);
    // The channels keep their share of the contrast: it is one number a patch that divides all three.
    const uneven = standardise(tf.mul(patches, [1, 2, 3]));
    const [red, , blue] = valuesOf(tf.mean(tf.square(uneven), [0, 1, 2]));
    expect(blue / red).toBeGreaterThan(4);
  });

  it('do not see how bright a patch is, or how strong its contrast', () => {
    const patches = randomTensor('patches', [2, 4, 4, 3]);
    expectNear(valuesOf(standardise(tf.add(tf.mul(patches, 5), 3))), valuesOf(standardise(patches)), 4);
  });

  it('are 0 where a patch is flat', () => {
    expect(valuesOf(standardise(randomTensor('one', [1, 1, 1, 3])))).toEqual([0, 0, 0]);
  });
});

describe('relative patch position', () => {
  const options = {
    patches: { size: 8, gap: 2, jitter: 1, pairs: 2, reversed: true },
    hidden: 5,
    headBatchNorm: { eps: 0.1, momentum: 0.1 },
  };
  const run = tinyImageRun('relative-patch-cifar', options);
  const pictures = [
    [0, 1, 2, 3],
    [4, 5, 1, 2],
    [3, 0, 5, 4],
  ];
  const first = firstSteps(run, { frames: 6, pictures });
  const eager = runSteps(first);

  it('has pairs and their labels, each pair also the other way round', () => {
    const batch = first.batches[0];
    const [one, other] = ['first', 'second'].map((side) =>
      leafOf(batch, `data/relative-patch/patches/${side}`),
    );
    const labels = leafOf(batch, 'data/relative-patch/patches/label');
    expect([one.shape, other.shape, labels.shape]).toEqual([[16, 8, 8, 3], [16, 8, 8, 3], [16]]);
    const patch = ({ data }: HostTensor, i: number) => data.slice(192 * i, 192 * (i + 1));
    for (let i = 0; i < 16; i += 2) {
      expect(labels.data[i + 1]).toBe(7 - labels.data[i]);
      expect(patch(one, i + 1)).toEqual(patch(other, i));
      expect(patch(other, i + 1)).toEqual(patch(one, i));
    }
  });

  it('is the cross-entropy of a head on both features, the first patch before the second, in loops and float64', async () => {
    const { outputs, states } = await eager;
    pictures.forEach((_, i) => {
      const { params, stats } = states[i] as { readonly [branch: string]: Tree<HostTensor> };
      const pairs = branchAt(branchAt(branchAt(first.batches[i], 'data'), 'relative-patch'), 'patches');
      const net = running({ params: uploadTree(params), stats: uploadTree(stats) }, { training: true });
      const both = standardise(
        tf.concat([upload(leafOf(pairs, 'first')), upload(leafOf(pairs, 'second'))], 0),
      );
      const features = net
        .of('imageEncoder', imageEncoderNet(run.encoders.image!), both)
        .arraySync() as number[][];
      const rows = features.slice(0, 16).map((row, pair) => [...row, ...features[16 + pair]]);
      const expected = restated(
        rows,
        branchAt(branchAt(params, 'relative-patch'), 'head'),
        leafOf(pairs, 'label').data,
      );
      const loss = leafOf(outputs[i], 'loss/place').data[0];
      expect(loss).toBeCloseTo(expected, 5);
      const swapped = rows.map((row) => [...row.slice(32), ...row.slice(0, 32)]);
      const wrong = restated(
        swapped,
        branchAt(branchAt(params, 'relative-patch'), 'head'),
        leafOf(pairs, 'label').data,
      );
      expect(Math.abs(wrong - loss)).toBeGreaterThan(1e-4);
    });
  });

  it('is ln 8 where the head says the same of all', () => {
    expect(first.pretraining.chance(6)).toEqual({ total: Math.log(8), terms: { place: Math.log(8) } });
    const { params, stats } = first.state as { readonly [branch: string]: Tree<HostTensor> };
    const silent = mapTree(uploadTree(params), (leaf, path) =>
      path.includes('head/3/') ? tf.mul(leaf, 0) : leaf,
    );
    const data = uploadTree(branchAt(first.batches[0], 'data'));
    const { loss, metrics } = first.pretraining.loss(
      { params: silent, stats: uploadTree(stats), memory: {} },
      data,
      { training: true },
    );
    expect(valuesOf(loss)[0]).toBeCloseTo(Math.log(8), 6);
    expect(valuesOf(metrics.top1 as typeof loss)[0]).toBe(0);
  });

  it('has one encoder for both patches, and remembers nothing', async () => {
    expect(shapesOf(branchAt(branchAt(first.state, 'params'), 'relative-patch'))).toEqual({
      'head/0/weight': [64, 5],
      'head/1/bias': [5],
      'head/1/weight': [5],
      'head/3/bias': [8],
      'head/3/weight': [5, 8],
    });
    const branches = new Set(connectedPaths(first).map((path) => path.split('/').slice(0, 2).join('/')));
    expect(branches).toEqual(new Set(['params/imageEncoder', 'params/relative-patch']));
    const { states } = await eager;
    expect(Object.keys(states[3]).sort()).toEqual(['optimizer', 'params', 'stats']);
  });

  it('takes patches as they are where they are not standardised', async () => {
    const plain = firstSteps(tinyImageRun('relative-patch-cifar', { ...options, standardised: false }), {
      frames: 6,
      pictures: [pictures[0]],
    });
    const [one, other] = [await eager, await runSteps(plain)].map(
      ({ outputs }) => leafOf(outputs[0], 'loss/place').data[0],
    );
    expect(one).not.toBe(other);
  });

  it('refuses patches that overlap, and unknown options', () => {
    const changed = (patches: object) =>
      tinyImageRun('relative-patch-cifar', { patches: { ...options.patches, ...patches } });
    expect(() => changed({ jitter: 2 })).toThrow('expected at least twice the jitter');
    expect(() => changed({ kind: 'patches' })).toThrow('kind');
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run);
  });
});

/** The head in loops and float64: linear, batch norm over the rows, ReLU, linear, and the softmax's cross-entropy. */
function restated(
  rows: ReadonlyArray<readonly number[]>,
  head: Tree<HostTensor>,
  labels: ArrayLike<number>,
): number {
  const linear = (row: readonly number[], path: string, outputs: number) =>
    Array.from({ length: outputs }, (_, o) =>
      row.reduce((sum, value, i) => sum + value * leafOf(head, `${path}/weight`).data[i * outputs + o], 0),
    );
  const hidden = rows.map((row) => linear(row, '0', 5));
  const normalised = hidden.map((row) =>
    row.map((value, c) => {
      const column = hidden.map((other) => other[c]);
      const mean = column.reduce((sum, each) => sum + each, 0) / column.length;
      const variance = column.reduce((sum, each) => sum + (each - mean) ** 2, 0) / column.length;
      const y =
        ((value - mean) / Math.sqrt(variance + 0.1)) * leafOf(head, '1/weight').data[c] +
        leafOf(head, '1/bias').data[c];
      return Math.max(0, y);
    }),
  );
  const losses = normalised.map((row, i) => {
    const logits = linear(row, '3', 8).map((value, o) => value + leafOf(head, '3/bias').data[o]);
    return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[labels[i]];
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
