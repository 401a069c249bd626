import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { initPictureEncoder, pictureMap } from '../../src/detection/picture-encoder.ts';
import {
  imageEncoderChannels,
  imageEncoderStride,
  imageEncoderTitle,
  pyramidEncoderSchema,
} from '../../src/encoders/encoder-config.ts';
import { imageEncoderNet, imageMapsNet } from '../../src/encoders/encoders.ts';
import type { ImageEncoderConfig } from '../../src/encoders/image-kinds.ts';
import { globalMean } from '../../src/encoders/net.ts';
import { sizeOf } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf } from '../../src/engine/tree.ts';
import { applySettings, parseRunConfig } from '../../src/training/config.ts';
import { presetOf } from '../../src/training/presets.ts';
import { distance, randomTensor, uploadTree, valuesOf } from '../nn/tensors.ts';
import {
  firstSteps,
  greatestDifference,
  runSteps,
  tinyImageRun,
  tinyView,
} from '../objectives/tiny-image-run.ts';

const input = { width: 24, height: 16, colours: 'imagenet-rgb' } as const;
const batchNorm = { eps: 1e-5, momentum: 0.1 };
const vit = { kind: 'vit', width: 8, depth: 1, heads: 2, patch: 4, positions: 'sine', batchNorm } as const;

/** A run with another image encoder. */
function withEncoder(image: unknown) {
  const run = presetOf('moco-v2-cifar')!;
  return parseRunConfig({ ...run, encoders: { image } }, { file: 'run' }).encoders.image!;
}

describe('an image encoder', () => {
  it('that names no kind is a ResNet, and is kept as it is written', () => {
    const old = { depth: 18, width: 4, batchNorm, input: { ...input, width: 32, height: 64 } };
    expect(withEncoder(old)).toEqual(old);
    expect(withEncoder({ kind: 'resnet', ...old })).toEqual({ kind: 'resnet', ...old });
    expect(imageEncoderTitle(withEncoder(old))).toBe('ResNet-18');
  });

  it('is told what is wrong with it by the key', () => {
    const refused = (image: unknown) => () => withEncoder(image);
    expect(refused({ ...vit, input, stem: 'small' })).toThrow(/encoders\.image\.stem: .*unknown key 'stem'/);
    expect(refused({ ...vit, input, heads: 3 })).toThrow(
      /encoders\.image\.heads: expected a number that divides the width 8, found 3/,
    );
    expect(refused({ ...vit, input, width: undefined })).toThrow(/encoders\.image\.width: expected a number/);
    expect(refused({ ...vit, input, width: 6 })).toThrow(/encoders\.image\.width: expected a multiple of 4/);
    expect(refused({ ...vit, input: { ...input, height: 18 } })).toThrow(
      /encoders\.image\.input\.height: expected a multiple of 4, found 18/,
    );
    expect(refused({ ...vit, kind: 'vgg', input })).toThrow(/encoders\.image\.kind/);
  });

  it('of another kind is set as one value, and its options by their keys', () => {
    const run = applySettings(presetOf('moco-v2-cifar')!, [
      `encoders.image=${JSON.stringify({ kind: 'vit', size: 'tiny', patch: 8, positions: 'learned', input })}`,
      'encoders.image.depth=2',
    ]);
    expect(run.encoders.image).toMatchObject({ size: 'tiny', depth: 2, batchNorm });
    expect(imageEncoderTitle(run.encoders.image!)).toBe(
      'ViT of width 192, 2 blocks, 3 heads with patches of 8 pixels',
    );
  });

  it('of a detector has maps at four strides', () => {
    expect(pyramidEncoderSchema.safeParse({ depth: 18, width: 4, batchNorm }).success).toBe(true);
    expect(pyramidEncoderSchema.safeParse(vit).success).toBe(false);
  });
});

describe('a vision transformer', () => {
  it.each([
    ['tiny', 192, 'ViT-Tiny with patches of 16 pixels'],
    ['small', 384, 'ViT-Small with patches of 16 pixels'],
    ['base', 768, 'ViT-Base with patches of 16 pixels'],
  ] as const)('of size %s has its width', (size, width, title) => {
    const encoder: ImageEncoderConfig = { kind: 'vit', size, patch: 16, positions: 'sine', batchNorm };
    expect(imageEncoderChannels(encoder)).toBe(width);
    expect(imageEncoderStride(encoder)).toBe(16);
    expect(imageEncoderTitle(encoder)).toBe(title);
    expect(imageEncoderTitle({ ...encoder, heads: 2 })).not.toBe(title);
  });

  it.each(['sine', 'learned'] as const)('with %s positions gives rows and maps', (positions) => {
    const encoder = { ...vit, positions, input };
    const [rows, maps] = [imageEncoderNet(encoder), imageMapsNet(encoder)];
    const made = rows.initialize(Random.fromSeed(0));
    expect(made.stats).toEqual({});
    const count = leavesOf(made.params).reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
    const block = 2 * 16 + (8 * 24 + 24) + (8 * 8 + 8) + (8 * 32 + 32) + (32 * 8 + 8);
    expect(count).toBe(8 + (48 * 8 + 8) + block + 16 + (positions === 'learned' ? 25 * 8 : 0));
    const params = uploadTree(made.params);
    const images = randomTensor('images', [2, 16, 24, 3]);
    const mode = { training: true };
    expect(rows.apply(params, {}, images, mode).y.shape).toEqual([2, 8]);
    expect(maps.apply(params, {}, images, mode).y.shape).toEqual([2, 8, 4, 6]);
    expect(rows.apply(params, {}, tf.zeros([1, 8, 8, 3]), mode).y.shape).toEqual([1, 8]);
    expect(() => rows.apply(params, {}, tf.zeros([1, 8, 10, 3]), mode)).toThrow(
      'configuration: encoders.image.patch: expected a patch that divides its pictures and views, of 10 x 8 pixels, found 4',
    );
  });
});

it('gives a ResNet rows that are the means of its last maps', () => {
  const encoder: ImageEncoderConfig = { depth: 18, width: 2, stem: 'small', batchNorm };
  const made = imageEncoderNet(encoder).initialize(Random.fromSeed(0));
  const [params, stats] = [uploadTree(made.params), uploadTree(made.stats)];
  const images = randomTensor('images', [2, 16, 16, 3]);
  const of = (net: ReturnType<typeof imageEncoderNet>) =>
    net.apply(params, stats, images, { training: false }).y;
  const means = globalMean(of(imageMapsNet(encoder)));
  expect(distance(valuesOf(of(imageEncoderNet(encoder))), valuesOf(means))).toBe(0);
});

const tinyRegNetY = {
  ...{ kind: 'regnety', depths: [1, 1, 1, 1], widths: [4, 4, 8, 8], groupWidth: 4, stemWidth: 4 },
  batchNorm: { eps: 0.1, momentum: 0.1 },
} as const;

it('learns by an objective with a vision transformer, compiled as in tfjs', async () => {
  const run = tinyImageRun('moco-v2-cifar', { query: tinyView, key: tinyView, queue: 8, dimensions: 4 });
  const image = {
    ...vit,
    positions: 'learned',
    frozenPatch: true,
    input: { ...input, width: 12, height: 12 },
  };
  const config = parseRunConfig({ ...run, encoders: { image } }, { file: 'tiny run' });
  const given = firstSteps(config, {
    frames: 8,
    pictures: [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ],
  });
  const eager = await runSteps(given);
  const compiled = await runSteps(given, { device: 'cpu' });
  for (const [step, outputs] of eager.outputs.entries())
    expect(greatestDifference(outputs, compiled.outputs[step]).difference).toBeLessThan(1e-4);
  expect(greatestDifference(eager.states[2], compiled.states[2]).difference).toBeLessThan(1e-4);
  const of = (state: (typeof eager.states)[number], path: string) => new Map(leavesOf(state)).get(path)!.data;
  const [before, , after] = compiled.states;
  const frozen = 'params/imageEncoder/patch_embed/proj/weight';
  expect(distance(of(before, frozen), of(after, frozen))).toBe(0);
  const moved = 'params/imageEncoder/pos_embed';
  expect(distance(of(before, moved), of(after, moved))).toBeGreaterThan(0);
});

it('learns by an objective with a RegNetY, compiled as in tfjs', async () => {
  const run = tinyImageRun('moco-v2-cifar', { query: tinyView, key: tinyView, queue: 8, dimensions: 4 });
  const image = { ...tinyRegNetY, stem: 'small', input: { ...input, width: 32, height: 32 } };
  const config = parseRunConfig({ ...run, encoders: { image } }, { file: 'tiny run' });
  const given = firstSteps(config, {
    frames: 8,
    pictures: [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ],
  });
  const eager = await runSteps(given);
  const compiled = await runSteps(given, { device: 'cpu' });
  for (const [step, outputs] of eager.outputs.entries())
    expect(greatestDifference(outputs, compiled.outputs[step]).difference).toBeLessThan(1e-4);
  expect(greatestDifference(eager.states[2], compiled.states[2]).difference).toBeLessThan(2e-4);
});

describe('a RegNetY', () => {
  it('is named by its size, and refuses what does not fit together', () => {
    const sized = { kind: 'regnety', size: '400mf', batchNorm } as const;
    expect(imageEncoderTitle(sized)).toBe('RegNetY-400MF');
    expect(imageEncoderTitle({ ...sized, groupWidth: 4 })).not.toBe('RegNetY-400MF');
    expect(imageEncoderChannels(sized)).toBe(440);
    expect(imageEncoderChannels(sized, 'c3')).toBe(104);
    const canvas = { ...input, width: 32, height: 32 };
    const refused = (changes: object) => () => withEncoder({ ...tinyRegNetY, input: canvas, ...changes });
    expect(refused({ groupWidth: 3 })).toThrow(
      /encoders\.image\.groupWidth: expected a number that divides the 4 channels of a stage, found 3/,
    );
    expect(refused({ widths: undefined })).toThrow(/encoders\.image\.widths: expected a value/);
    expect(refused({ input: { ...canvas, width: 40 } })).toThrow(/input\.width: expected a multiple of 32/);
  });

  it('gives detectors their maps', () => {
    const config = { imageEncoder: tinyRegNetY, frozenStages: 1, channels: 4, headBatchNorm: batchNorm };
    const made = initPictureEncoder(Random.fromSeed(0), config as never);
    const [params, stats] = [uploadTree(made.params), uploadTree(made.stats)];
    const images = randomTensor('images', [1, 32, 64, 3]);
    const { map } = pictureMap(params, stats, images, { config: config as never, training: false });
    expect(map.shape).toEqual([1, 4, 8, 16]);
    expect(pyramidEncoderSchema.safeParse(tinyRegNetY).success).toBe(true);
  });
});

describe('a ReActNet', () => {
  const tiny = { kind: 'reactnet', width: 2, weights: 'binary', batchNorm } as const;

  it('is named by its width and its phase', () => {
    expect(imageEncoderTitle({ ...tiny, width: 32 })).toBe('ReActNet-A with binary weights');
    expect(imageEncoderTitle({ ...tiny, weights: 'real' as const })).toBe(
      'ReActNet of width 2 with real weights',
    );
    expect(imageEncoderChannels(tiny)).toBe(64);
    expect(imageEncoderStride({ ...tiny, stem: 'small' })).toBe(8);
    expect(() => withEncoder({ ...tiny, weights: 'ternary', input })).toThrow(/encoders\.image\.weights/);
  });

  it('refuses views that it cannot average two by two', () => {
    const net = imageEncoderNet({ ...tiny, stem: 'small' });
    const made = net.initialize(Random.fromSeed(0));
    const [params, stats] = [uploadTree(made.params), uploadTree(made.stats)];
    const apply = (side: number) =>
      net.apply(params, stats, randomTensor('images', [2, side, side, 3]), { training: true }).y.shape;
    expect(apply(8)).toEqual([2, 64]);
    expect(() => apply(12)).toThrow(
      'configuration: encoders.image: expected pictures and views of multiples of 8 pixels, whose maps a ReActNet averages two by two, found 12 x 12 pixels',
    );
  });

  it('gives detectors their maps', () => {
    const config = { imageEncoder: tiny, frozenStages: 1, channels: 4, headBatchNorm: batchNorm };
    const made = initPictureEncoder(Random.fromSeed(0), config as never);
    const [params, stats] = [uploadTree(made.params), uploadTree(made.stats)];
    const images = randomTensor('images', [1, 32, 64, 3]);
    const { map } = pictureMap(params, stats, images, { config: config as never, training: false });
    expect(map.shape).toEqual([1, 4, 8, 16]);
    expect(pyramidEncoderSchema.safeParse(tiny).success).toBe(true);
  });
});
