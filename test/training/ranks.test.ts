import { describe, expect, it } from 'vitest';
import type { RunConfig } from '../../src/training/config.ts';
import { imageBatch, tinyImageRun, tinyView } from '../objectives/tiny-image-run.ts';
import { apartOver, expectSameOver, onRun, type Shares, sgd, smallBlock, smallVit } from './over-ranks.ts';

type Options = { readonly [option: string]: unknown };

/** A system on pictures of 8 pixels, in batches of eight, with an encoder of one block, or `changes`. */
const pictures =
  (preset: string, options: Options = {}, changes: object = {}) =>
  (given: Shares) => {
    const run = {
      batchSize: 8,
      optimizers: { image: sgd, heads: sgd },
      encoders: { image: smallVit(16, 16) },
    };
    return onRun(
      tinyImageRun(preset, options, { ...run, ...changes } as Partial<RunConfig>),
      given,
      imageBatch,
    );
  };

/** The encoder of the preset itself, of a width of 4. */
const ownEncoder = (preset: string, changes: object = {}) => ({
  encoders: { image: { ...tinyImageRun(preset, {}).encoders.image!, ...changes } },
});
const two = { first: tinyView, second: tinyView };
const still = { ...tinyView, jitter: undefined };
const bank = { view: tinyView, dimensions: 6, temperature: 0.5 };

const systems = {
  'SimCLR, a ResNet': pictures(
    'simclr-cifar',
    { view: tinyView, temperature: 0.5 },
    ownEncoder('simclr-cifar'),
  ),
  'MoCo v2': pictures('moco-v2-cifar', { query: tinyView, key: tinyView, queue: 16 }),
  SwAV: pictures('swav-cifar', {
    crops: { ...tinyView, copies: 2 },
    hidden: 32,
    queue: { size: 8, from: 0 },
  }),
  'MoCo v3': pictures('moco-v3-cifar', { ...two, hidden: 32 }),
  BYOL: pictures('byol-cifar', { ...two, hidden: 32, dimensions: 16, predictorRate: 1 }),
  SimSiam: pictures('simsiam-cifar', {
    view: tinyView,
    ...{ hidden: 32, dimensions: 16, bottleneck: 16, predictorRate: 1 },
  }),
  DINO: pictures('dino-cifar', { ...two, small: { ...tinyView, copies: 2 }, outputs: 32 }),
  SEER: pictures('seer-cifar', { crops: { ...tinyView, copies: 2 }, hidden: 32 }),
  InvaSpread: pictures('invaspread-cifar', { view: tinyView }),
  'InstDisc, all rows': pictures('instdisc-cifar', { ...bank, negatives: 0 }),
  'InstDisc, drawn rows': pictures('instdisc-cifar', { ...bank, negatives: 5 }),
  'CMC, drawn rows': pictures(
    'cmc-cifar',
    { ...bank, view: { ...tinyView, width: 16, height: 16 }, negatives: 5, contrast: 'noise' },
    ownEncoder('cmc-cifar', { batchNorm: { eps: 1, momentum: 0.1 } }),
  ),
  CPC: pictures('cpc-cifar', {
    view: { ...tinyView, width: 16, height: 16 },
    patches: { size: 4, stride: 4 },
    ...{ context: { layers: 1, hidden: 5 }, skip: 1, steps: 2 },
  }),
  'relative patch': pictures('relative-patch-cifar', {
    patches: { size: 8, gap: 2, jitter: 1, pairs: 2, reversed: true },
    ...{ hidden: 5, headBatchNorm: smallBlock.batchNorm },
  }),
  Exemplar: pictures('exemplar-cifar', {
    patches: {
      ...{ size: 8, copies: 2, levels: 1, shift: 0.25, scale: [0.71, 1.41], rotation: 20 },
      recolouring: { axes: [1, 1, 0.5], power: 1, factor: 0.5, offset: 0.1 },
    },
    hidden: 16,
    dropout: 0.5,
    classRate: 1,
  }),
  colorization: pictures('colorization-cifar', { view: still, cell: 2, hidden: 8, greyBelow: 40 }),
  'context encoder': pictures('context-encoder-cifar', {
    view: still,
    hidden: { shape: 'blocks', coverage: [0.2, 0.6], side: [2, 5] },
    ...{ bottleneck: 6, decoder: 8, discriminator: [3, 4], reconstruction: 0.9 },
  }),
  SEED: pictures('seed-cifar', {
    view: tinyView,
    teacher: smallBlock,
    hidden: 8,
    queue: 16,
    teacherTemperature: 0.2,
  }),
  'S2-BNN': pictures('s2-bnn-cifar', {
    view: tinyView,
    ...{ teacher: smallBlock, hidden: 8, temperature: 0.5 },
    contrast: { weight: 1, queue: 16, temperature: 0.5, momentum: 0.9 },
  }),
  'S2-BNN, a ReActNet': pictures(
    's2-bnn-cifar-binary',
    { view: tinyView, teacher: smallBlock, hidden: 8, temperature: 0.5 },
    ownEncoder('s2-bnn-cifar-binary', { width: 2, batchNorm: { eps: 1, momentum: 0.1 } }),
  ),
  ORL: pictures('orl-cifar', {
    ...two,
    ...{ patchSize: 8, patches: { first: { flip: 0.5 }, second: { flip: 0.5 } } },
    ...{ hidden: 16, dimensions: 5, momentum: 0.75, predictorRate: 1 },
  }),
  'MoCo v2 and InstDisc': pictures(
    'moco-v2-cifar',
    {},
    {
      objectives: {
        ...tinyImageRun('moco-v2-cifar', { query: tinyView, key: tinyView, queue: 16 }).objectives,
        ...tinyImageRun('instdisc-cifar', { ...bank, negatives: 5 }).objectives,
      },
    },
  ),
};

describe('over ranks', { timeout: 180_000 }, () => {
  it.each([
    ['SimCLR, a ResNet', 2],
    ['MoCo v2', 4],
    ['SwAV', 2],
    ['MoCo v3', 2],
    ['BYOL', 2],
    ['SimSiam', 2],
    ['DINO', 2],
    ['SEER', 2],
    ['InvaSpread', 2],
    ['InstDisc, all rows', 2],
    ['InstDisc, drawn rows', 4],
    ['CMC, drawn rows', 2],
    ['CPC', 2],
    ['relative patch', 2],
    ['Exemplar', 4],
    ['colorization', 2],
    ['context encoder', 4],
    ['SEED', 2],
    ['S2-BNN', 2],
    ['S2-BNN, a ReActNet', 2],
    ['ORL', 2],
    ['MoCo v2 and InstDisc', 2],
  ] as const)('%s computes on %d what it computes on one', (name, ranks) =>
    expectSameOver(ranks, systems[name]),
  );

  it('SimCLR does not where each rank normalises its own rows alone', async () => {
    const given = await systems['SimCLR, a ResNet']({ ranks: 2 });
    expect((await apartOver(given, 'rank')).difference).toBeGreaterThan(1e-3);
  });
});
