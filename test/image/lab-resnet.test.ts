import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { labOf } from '../../src/image/lab.ts';
import { halvesOf, initLabResNet, labResNet } from '../../src/image/lab-resnet.ts';
import { IMAGENET_BGR, IMAGENET_RGB, normalizeImage } from '../../src/image/normalize-image.ts';
import { resnet } from '../../src/image/resnet.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { expectNear, uploadTree, valuesOf } from '../nn/tensors.ts';

const random = Random.fromSeed('picture');
const [width, height] = [12, 8];
const picture = {
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) =>
    // Black, white and nearly black ones among them.
    i < 3 ? 0 : i < 6 ? 255 : i < 12 ? random.integer(12) : random.integer(256),
  ),
};
const normalized = (how: typeof IMAGENET_RGB) =>
  tf.tensor(normalizeImage(picture, how), [1, height, width, 3]);

describe('lightness and colour of normalised pictures', () => {
  it.each([
    ['RGB', IMAGENET_RGB],
    ['BGR', IMAGENET_BGR],
  ])('are those of the 8-bit picture, from %s', (_, normalization) => {
    const { lightness, colour } = halvesOf(normalized(normalization), normalization);
    expect([lightness.shape, colour.shape]).toEqual([
      [1, height, width, 1],
      [1, height, width, 2],
    ]);
    const lab = labOf(picture);
    expectNear(
      valuesOf(lightness),
      Array.from(lab.lightness, (value) => value / 50 - 1),
      4,
    );
    expectNear(
      valuesOf(colour),
      Array.from(lab.ab, (value) => value / 50),
      4,
    );
  });
});

describe('a ResNet for lightness and one for colour', () => {
  const options = {
    depth: 18,
    width: 8,
    stem: 'small',
    stages: ['c3', 'c5'],
    batchNorm: { eps: 0.1, momentum: 0.1 },
  } as const;
  const state = initLabResNet(Random.fromSeed('halves'), options);
  const [params, stats] = [uploadTree(state.params), uploadTree(state.stats)];
  const how = { ...options, normalization: IMAGENET_RGB, training: true };

  it('are two of half the width side by side, each with its own part of the picture', () => {
    const images = normalized(IMAGENET_RGB);
    const { features, stats: next } = labResNet(params, stats, images, how);
    expect([features.c3!.shape, features.c5!.shape]).toEqual([
      [1, 16, 4, 6],
      [1, 64, 1, 2],
    ]);
    const lab = halvesOf(images, IMAGENET_RGB);
    const halves = (['lightness', 'colour'] as const).map((half, i) => {
      const own = { ...options, width: 4, inputs: i + 1, training: true };
      return resnet(branchAt(params, half), branchAt(stats, half), lab[half], own);
    });
    expectNear(
      valuesOf(features.c5!),
      halves.flatMap((half) => valuesOf(half.features.c5!)),
      5,
    );
    expect(Object.keys(next)).toEqual(['lightness', 'colour']);
  });

  it('see nothing of the other part', () => {
    // Grey pictures of one lightness a pixel have no colour, whatever their lightness.
    const grey = (of: (pixel: number) => number) =>
      tf.tensor(
        normalizeImage(
          {
            width,
            height,
            data: Uint8Array.from({ length: width * height * 3 }, (_, i) => of(Math.floor(i / 3))),
          },
          IMAGENET_RGB,
        ),
        [1, height, width, 3],
      );
    const made = [grey((pixel) => 2 * pixel), grey((pixel) => 255 - pixel)].map(
      (images) => labResNet(params, stats, images, { ...how, training: false }).features.c5!,
    );
    const [first, second] = made.map((features) => tf.split(features, 2, 1).map(valuesOf));
    expectNear(first[1], second[1], 3);
    expect(Math.max(...first[0].map((value, i) => Math.abs(value - second[0][i])))).toBeGreaterThan(0.01);
  });
});
