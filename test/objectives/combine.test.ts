import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { EncodersConfig } from '../../src/encoders/encoder-config.ts';
import { encodeImages } from '../../src/encoders/encoders.ts';
import { globalMean } from '../../src/encoders/net.ts';
import type { Model, Tensors } from '../../src/encoders/trainable.ts';
import { float32, type HostTensor, scalar } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import { combine, type Part } from '../../src/objectives/combine.ts';
import type { Objective } from '../../src/objectives/objective.ts';
import type { PictureView } from '../../src/views/view-config.ts';
import { needsOf } from '../../src/views/view-config.ts';
import { randomTensor, uploadTree, valuesOf } from '../nn/tensors.ts';

const encoders: EncodersConfig = {
  image: {
    depth: 18,
    width: 2,
    stem: 'small',
    batchNorm: { eps: 1e-3, momentum: 0.5 },
    input: { width: 32, height: 32, colours: 'imagenet-rgb' },
  },
};
const encoder = encoders.image!;

const picture: PictureView = { kind: 'picture', width: 32, height: 32, colours: 'imagenet-rgb' };

/** What was seen of the model, of the batch and of the inputs, by part of a step. */
type Seen = Record<string, readonly string[]>;
const pathsIn = (tree: Tree<unknown>) => leavesOf(tree as Tree<HostTensor>).map(([path]) => path);
const namesIn = (tree: object) => Object.keys(tree).sort();

/** An objective that pulls the mean of its rows to a number of its own, and keeps the mean and the sum of its inputs. */
function pull(towards: number, seen: Seen = {}): Objective {
  const note = (part: string, model: Model, more: Tensors = {}) => {
    seen[part] = [...namesIn(model.params), '|', ...pathsIn(model.memory), '|', ...pathsIn(more)];
  };
  return {
    views: { view: picture },
    chance: { pull: towards, size: (frames) => frames / 5 },
    termWeights: { size: 0.5 },
    groups: [{ match: ['scale'], as: 'image' }],
    initialize: (random, { frames }) => ({
      params: { scale: float32([random.uniform()], [1]) },
      stats: {},
      memory: { mean: float32([towards], [1]), frames: scalar(frames) },
    }),
    inputs: ({ step, random }) => ({ step: scalar(step), number: scalar(random.uniform()) }),
    before: (model, inputs) => {
      note('before', model, inputs);
      return { memory: { ...model.memory, mean: tf.add(leafAt(model.memory, 'mean'), 1) } };
    },
    loss: (model, batch, { training, inputs }) => {
      note('loss', model, inputs);
      seen.batch = pathsIn(batch);
      const own = {
        params: branchAt(model.params, 'imageEncoder'),
        stats: branchAt(model.stats, 'imageEncoder'),
      };
      const { features, stats } = encodeImages(own, leafAt(batch, 'view'), { encoder, training });
      const rows = tf.mul(globalMean(features.c5!), leafAt(model.params, 'scale'));
      const mean = tf.mean(rows) as tf.Scalar;
      return {
        terms: {
          pull: tf.squaredDifference(mean, towards) as tf.Scalar,
          size: tf.mean(tf.square(rows)) as tf.Scalar,
        },
        metrics: { mean },
        stats: { imageEncoder: stats },
        kept: { means: { mean: tf.reshape(mean, [1]) } },
      };
    },
    after: (model, kept, inputs) => {
      note('after', model, inputs);
      seen.kept = pathsIn(kept as Tree<unknown>);
      return { ...model.memory, mean: leafAt(branchAt(kept as Tensors, 'means'), 'mean') };
    },
  };
}

const part = (name: string, objective: Objective, weight = 1): Part => ({
  name,
  objective,
  weight,
  drawnAs: name,
});

const given = { encoders, batchSize: 2 };
const images = (seed: string) => randomTensor(seed, [2, 32, 32, 3]);
const batch = {
  one: { view: images('one') },
  other: { view: images('other') },
  index: tf.tensor1d([3, 4], 'int32'),
};

function begun(parts: readonly Part[]) {
  const pretraining = combine(parts, given);
  const host = pretraining.initialize(Random.fromSeed(5), { frames: 9 });
  const model: Model = {
    params: uploadTree(host.params),
    stats: uploadTree(host.stats),
    memory: uploadTree(host.memory),
  };
  const place = { step: 4, epoch: 1, progress: 0.5, random: Random.fromSeed(1) };
  return { pretraining, host, model, inputs: uploadTree(pretraining.inputs!(place)) };
}

const scalarIn = (tree: Tensors, name: string) => valuesOf(new Map(leavesOf(tree)).get(name)!)[0];
const train = { training: true };

describe('two objectives on one encoder', () => {
  const seenByOne: Seen = {};
  const seenByOther: Seen = {};
  const both = [part('one', pull(1, seenByOne), 2), part('other', pull(-3, seenByOther), 0.5)];
  const { pretraining, host, model, inputs } = begun(both);
  const result = pretraining.loss(pretraining.before!(model, inputs), batch, { ...train, inputs });

  it('have terms, metrics, views and groups under their names', () => {
    expect(pretraining.name).toBe('one + other');
    expect(Object.keys(result.terms)).toEqual(['one/pull', 'one/size', 'other/pull', 'other/size']);
    expect(Object.keys(result.metrics)).toEqual(['one/mean', 'other/mean']);
    expect(Object.keys(pretraining.views)).toEqual(['one/view', 'other/view']);
    expect(pretraining.groups.map(({ match }) => match)).toEqual([['one/scale'], ['other/scale']]);
    expect(needsOf(pretraining.views)).toEqual(['image']);
  });

  it('weigh their terms by the weight of the objective and that of the term', () => {
    const [a, b, c, d] = ['one/pull', 'one/size', 'other/pull', 'other/size'].map((name) =>
      scalarIn(result.terms, name),
    );
    expect(valuesOf(result.loss)[0]).toBeCloseTo(2 * a + 2 * 0.5 * b + 0.5 * c + 0.5 * 0.5 * d, 4);
    expect(pretraining.chance(10)).toEqual({
      total: 2 * 1 + 2 * 0.5 * 2 + 0.5 * -3 + 0.5 * 0.5 * 2,
      terms: { 'one/pull': 1, 'one/size': 2, 'other/pull': -3, 'other/size': 2 },
    });
    // What a loss is by chance may depend on the size of the data set.
    expect(pretraining.chance(20).terms).toMatchObject({ 'one/pull': 1, 'one/size': 4 });
  });

  it('hand the statistics of the encoder on in their order', () => {
    const alone = (name: 'one' | 'other', stats: Tensors) => {
      const single = combine([part(name, pull(0))], given);
      const { params } = model;
      const own = { params: { imageEncoder: params.imageEncoder, [name]: params[name] } as Tensors, stats };
      return single.loss({ ...own, memory: {} }, batch, { ...train, inputs }).stats;
    };
    const inOrder = alone('other', alone('one', model.stats));
    const turned = alone('one', alone('other', model.stats));
    const valuesIn = (tree: Tensors) => leavesOf(tree).map(([path, leaf]) => [path, valuesOf(leaf)]);
    expect(valuesIn(result.stats)).toEqual(valuesIn(inOrder));
    expect(valuesIn(inOrder)).not.toEqual(valuesIn(turned));
  });

  it('see the encoder and their own branches alone, at every part of a step', () => {
    pretraining.after!(model, result.kept!, inputs);
    for (const seen of [seenByOne, seenByOther]) {
      const own = ['imageEncoder', 'scale', '|', 'frames', 'mean', '|', 'number', 'step'];
      expect(seen).toEqual({
        before: own,
        loss: own,
        after: own,
        batch: ['index', 'view'],
        kept: ['means/mean'],
      });
    }
  });

  it('change their own memory alone, before the loss and after it', () => {
    const before = pretraining.before!(model, inputs);
    expect(scalarIn(before.memory, 'one/mean')).toBe(2);
    expect(scalarIn(before.memory, 'other/mean')).toBe(-2);
    const after = pretraining.after!(before, result.kept!, inputs);
    expect(scalarIn(after, 'one/mean')).toBe(scalarIn(result.metrics, 'one/mean'));
    expect(scalarIn(after, 'other/mean')).toBe(scalarIn(result.metrics, 'other/mean'));
    expect(scalarIn(after, 'one/frames')).toBe(9);
    // One whose parts do nothing leaves its memory to itself.
    const { before: _, after: __, ...idle } = pull(7);
    const mixed = begun([part('one', pull(1)), part('idle', idle)]);
    const moved = mixed.pretraining.before!(mixed.model, mixed.inputs);
    expect(moved.memory.idle).toBe(mixed.model.memory.idle);
    expect(scalarIn(moved.memory, 'one/mean')).toBe(2);
  });

  it('draw what they begin with, and their inputs, by their own names', () => {
    const alone = begun([part('other', pull(-3))]);
    expect(alone.host.params.other).toEqual(host.params.other);
    expect(host.params.one).not.toEqual(host.params.other);
    expect(alone.host.params.imageEncoder).toEqual(host.params.imageEncoder);
    expect(scalarIn(alone.inputs, 'other/number')).toBe(scalarIn(inputs, 'other/number'));
    expect(scalarIn(inputs, 'one/number')).not.toBe(scalarIn(inputs, 'other/number'));
    expect(scalarIn(inputs, 'one/step')).toBe(4);
  });
});

describe('one objective', () => {
  it('has its terms under their own names, and weighs them all the same', () => {
    const { pretraining, model, inputs } = begun([part('one', pull(1), 3)]);
    const { terms, loss, metrics } = pretraining.loss(model, batch, { ...train, inputs });
    expect(Object.keys(terms)).toEqual(['pull', 'size']);
    expect(Object.keys(metrics)).toEqual(['mean']);
    expect(valuesOf(loss)[0]).toBeCloseTo(3 * (scalarIn(terms, 'pull') + 0.5 * scalarIn(terms, 'size')), 4);
    expect(pretraining.chance(10).terms).toEqual({ pull: 1, size: 2 });
  });
});
