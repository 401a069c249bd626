import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it } from 'vitest';
import type { Model, Tensors } from '../../src/encoders/trainable.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { mapTree, type Tree } from '../../src/engine/tree.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { drawPointPair, type PointPairView } from '../../src/views/point-pair.ts';
import { drawSweep, type SweepView } from '../../src/views/sweep-view.ts';
import { removeFolders, temporaryFolder } from '../datasets/tiny-sequences.ts';
import { uploadTree, valuesOf } from '../nn/tensors.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import { connectedPaths, leafOf, runSteps, stepsOn } from './tiny-image-run.ts';
import { tinyRun } from './tiny-simipu.ts';
import { streetBatch, streetFrame } from './tiny-street.ts';
import { tinySweepRun, writeSweepDrive } from './tiny-sweeps.ts';

afterEach(removeFolders);

const rays = { count: 30, marginM: 0.1, reachM: 1, neighbors: 2, sensor: [0, 0, 0] };
const options = { candidateLevel: 0, rays, latent: 5, decoder: [7, 6], intensity: 0.5 };
const tiny = tinySweepRun('occupancy-small', options);
const batchesOf = (config: typeof tiny) =>
  [
    [0, 1],
    [2, 3],
  ].map((streets, step) => streetBatch(config, streets, step));
const first = stepsOn(tiny, { frames: 4, data: batchesOf(tiny) });
const host = first.state as unknown as { readonly [part: string]: Tree<HostTensor> };
const { data } = first.batches[0] as unknown as { readonly data: Tree<HostTensor> };

const lossOf = (params: Tensors, training = true) =>
  first.pretraining.loss({ params, stats: uploadTree(host.stats), memory: {} } as Model, uploadTree(data), {
    training,
  });
const said = (tree: Tensors, name: string) => valuesOf(leafAt(tree, name))[0];

describe('occupancy', () => {
  const query = (name: string) => leafOf(data, `occupancy/sweep/queries/${name}`).data;

  it('is the cross-entropy of a decoder of the candidates near a place, in loops', () => {
    // The decoder on the features that the latent layer makes of nothing: its bias, so that places alone tell.
    const params = mapTree(uploadTree(host.params) as Tensors, (leaf, path) =>
      path === 'occupancy/latent/weight' ? tf.zerosLike(leaf) : leaf,
    );
    const own = branchAt(params, 'occupancy');
    const layer = (branch: Tensors) => ({
      weight: valuesOf(leafAt(branch, 'weight')),
      bias: valuesOf(leafAt(branch, 'bias')),
    });
    const latent = layer(branchAt(own, 'latent')).bias;
    const layers = Object.values(branchAt(own, 'decoder')).map((branch) => layer(branch as Tensors));
    expect(layers.map(({ bias }) => bias.length)).toEqual([7, 6, 2]);
    const decode = (x: readonly number[]) =>
      layers.reduce<readonly number[]>((values, { weight, bias }, l) => {
        const sums = Array.from(bias, (b, o) =>
          values.reduce((sum, value, i) => sum + value * weight[i * bias.length + o], b),
        );
        return l < layers.length - 1 ? sums.map((value) => Math.max(0, value)) : sums;
      }, x);
    let [bce, error, right, surfaceRight] = [0, 0, 0, 0];
    const pairs = 2 * 30 * 2;
    for (let row = 0; row < pairs; row++) {
      const q = Math.floor(row / 2);
      const offset = [0, 1, 2].map((k) => query('offsets')[3 * row + k]);
      const [logit, reflectance] = decode([...latent, ...offset]);
      const p = 1 / (1 + Math.exp(-logit));
      bce -= query('occupied')[q] === 1 ? Math.log(p) : Math.log(1 - p);
      const isRight = logit > 0 === (query('occupied')[q] === 1) ? 1 : 0;
      right += isRight;
      if (query('surface')[q] === 0) continue;
      surfaceRight += isRight;
      error += Math.abs(reflectance - query('reflectance')[q]);
    }
    const { terms, metrics, loss } = lossOf(params);
    expect(said(terms, 'occupancy')).toBeCloseTo(bce / pairs, 5);
    expect(said(terms, 'intensity')).toBeCloseTo(error / (pairs * (2 / 3)), 5);
    expect(valuesOf(loss)[0]).toBeCloseTo(bce / pairs + (0.5 * error) / (pairs * (2 / 3)), 5);
    expect(said(metrics, 'accuracy')).toBeCloseTo(right / pairs, 5);
    expect(said(metrics, 'surface')).toBeCloseTo(surfaceRight / (pairs * (2 / 3)), 5);
  });

  it('has the loss of having learned nothing where a third is said of every place', () => {
    const chance = Math.log(3) - (2 / 3) * Math.log(2);
    const plain = createPretraining(tinySweepRun('occupancy-small', { ...options, intensity: 0 }), 2);
    expect(plain.chance(4).total).toBeCloseTo(chance, 12);
    expect(first.pretraining.chance(4)).toEqual({ total: null, terms: { occupancy: chance } });
    const third = mapTree(uploadTree(host.params) as Tensors, (leaf, path) => {
      if (path === 'occupancy/decoder/4/weight') return tf.zerosLike(leaf);
      return path === 'occupancy/decoder/4/bias' ? tf.tensor1d([Math.log(1 / 2), 0]) : leaf;
    });
    const { terms, metrics } = lossOf(third);
    expect(said(terms, 'occupancy')).toBeCloseTo(chance, 5);
    expect(said(metrics, 'surface')).toBeCloseTo(0.5, 6);
  });

  it('has the gradient of its loss: finite differences in the encoder and in the decoder', () => {
    const params = uploadTree(host.params) as Tensors;
    const { grads } = valueAndGrad((current) => ({ loss: lossOf(current, false).loss, aux: {} }), params);
    for (const path of [
      'pointEncoder/sa2/scale2/0/linear/weight',
      'occupancy/latent/weight',
      'occupancy/decoder/0/weight',
    ]) {
      const gradient = grads.get(path)!;
      const length = Math.hypot(...valuesOf(gradient));
      // Along the gradient, where the loss changes by far more than rounding does.
      const along = (by: number) => {
        const moved = mapTree(params, (leaf, name) =>
          name === path ? tf.add(leaf, tf.mul(gradient, by / length)) : leaf,
        );
        return valuesOf(lossOf(moved, false).loss)[0];
      };
      const numeric = (along(1e-2) - along(-1e-2)) / 2e-2;
      expect(Math.abs(numeric / length - 1), path).toBeLessThan(0.02);
    }
  });

  it('reaches the point encoder and its decoder', () => {
    const paths = connectedPaths(first);
    for (const branch of ['pointEncoder/sa1', 'pointEncoder/sa2', 'occupancy/latent', 'occupancy/decoder'])
      expect(paths.some((path) => path.startsWith(`params/${branch}/`))).toBe(true);
  });

  it('is captured as it is in tfjs', async () => {
    const eager = await runSteps(first);
    await expectCapturedAsEager(first, eager, { ofLosses: 1e-4, ofStates: 2e-3 });
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit, on sweeps that no camera sees', async () => {
    const root = temporaryFolder();
    writeSweepDrive(root, 6);
    const { encoders } = tiny;
    const input = { ...encoders.points!.input, cropToImage: false };
    await expectSameAfterResuming(
      { ...tiny, encoders: { points: { ...encoders.points!, input } } },
      { root },
    );
  });

  it('learns beside SimIPU, of one frame', () => {
    const both = tinyRun();
    const config = {
      ...both,
      objectives: { ...both.objectives, occupancy: { ...(tiny.objectives.occupancy as object), weight: 2 } },
    };
    const pretraining = createPretraining(config, 2);
    const samples = [0, 1].map((index) => {
      const views = Object.entries(pretraining.views).map(([name, view]) => {
        const random = Random.fromSeed(index).fork(name);
        const frame = streetFrame(index);
        return [
          name,
          view.kind === 'sweep'
            ? drawSweep(frame, random, view as SweepView)
            : drawPointPair(frame, random, view as PointPairView),
        ];
      });
      return { id: `${index}`, index, views: Object.fromEntries(views) };
    });
    const { params, stats } = pretraining.initialize(Random.fromSeed('start'), { frames: 2 });
    const { terms, loss } = pretraining.loss(
      { params: uploadTree(params), stats: uploadTree(stats), memory: {} } as Model,
      uploadTree(pretraining.collate(samples)),
      { training: true },
    );
    const value = (term: string) => valuesOf((terms as Tensors)[term] as tf.Tensor)[0];
    const total =
      value('simipu/intra') +
      value('simipu/cross') +
      2 * value('occupancy/occupancy') +
      value('occupancy/intensity');
    expect(valuesOf(loss)[0]).toBeCloseTo(total, 3);
  });
});
