import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { imageMapsNet } from '../../src/encoders/encoders.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { labOf } from '../../src/image/lab.ts';
import { greyOf, labOfNormalized } from '../../src/image/lab-tensors.ts';
import { IMAGENET_BGR, IMAGENET_RGB, normalizeImage } from '../../src/image/normalize-image.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { cellMeans, colouredPictures } from '../../src/objectives/colorization.ts';
import {
  annealedMean,
  colourBins,
  encodedColours,
  rarityWeights,
  softWeights,
} from '../../src/objectives/parts/colour-bins.ts';
import { distance, upload, uploadTree, valuesOf } from '../nn/tensors.ts';
import { dense, normed } from './plain-layers.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import {
  connectedPaths,
  firstSteps,
  leafOf,
  randomRows,
  rowsOf,
  runSteps,
  shapesOf,
  tinyImageRun,
  tinyView,
} from './tiny-image-run.ts';

type Host = Tree<HostTensor>;

const spread = { neighbours: 10, sigma: 5 };

/** A colour's distribution over the bins, in loops and float64. */
function restatedTarget([a, b]: readonly number[]): number[] {
  const squares = colourBins.map(([x, y]) => (a - x) ** 2 + (b - y) ** 2);
  const last = squares.toSorted((x, y) => x - y)[spread.neighbours - 1];
  const parts = squares.map((square) => (square <= last ? Math.exp(-square / (2 * spread.sigma ** 2)) : 0));
  const whole = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => part / whole);
}

function restatedWeights(p: readonly number[], lambda: number): number[] {
  const seen = p.filter((value) => value > 0).length;
  const rarity = p.map((value) => (value > 0 ? 1 / ((1 - lambda) * value + lambda / seen) : 0));
  const mean = p.reduce((sum, value, i) => sum + value * rarity[i], 0);
  return rarity.map((value) => value / mean);
}

describe('colours', () => {
  it('are 313 bins of 10 around the colours of sRGB', () => {
    expect(colourBins).toHaveLength(313);
    expect(new Set(colourBins.map(String)).size).toBe(313);
    for (const bin of colourBins) expect(bin.every((value) => value % 10 === 0)).toBe(true);
    // Every colour has one within half a diagonal, and a bin far from all colours is none.
    const edge = [0, 51, 102, 153, 204, 255];
    const data = Uint8Array.from(edge.flatMap((r) => edge.flatMap((g) => edge.flatMap((b) => [r, g, b]))));
    const { ab } = labOf({ width: data.length / 3, height: 1, data });
    for (let i = 0; i < ab.length; i += 2) {
      const nearest = Math.min(...colourBins.map(([a, b]) => Math.hypot(a - ab[i], b - ab[i + 1])));
      expect(nearest).toBeLessThanOrEqual(5 * Math.SQRT2);
    }
    for (const far of ['-90,0', '100,50', '0,-80', '120,0'])
      expect(colourBins.map(String)).not.toContain(far);
  });

  it('are what L*a*b* says, whatever the order of channels; and grey of the same lightness', () => {
    const data = Uint8Array.from({ length: 2 * 30 * 3 }, (_, i) => (i * 37 + (i % 7) * 11) % 256);
    data.set([0, 0, 0, 255, 255, 255, 5, 3, 8]);
    const image = { width: 30, height: 2, data };
    const { lightness, ab } = labOf(image);
    for (const normalization of [IMAGENET_RGB, IMAGENET_BGR]) {
      const pixels = tf.tensor4d(normalizeImage(image, normalization), [1, 2, 30, 3]);
      const found = labOfNormalized(pixels, normalization);
      expect(distance(valuesOf(found.lightness), lightness)).toBeLessThan(2e-3);
      expect(distance(valuesOf(found.ab), ab)).toBeLessThan(5e-3);
      const again = labOfNormalized(greyOf(found.luminance, normalization), normalization);
      expect(distance(valuesOf(again.lightness), lightness)).toBeLessThan(2e-2);
      expect(Math.max(...valuesOf(again.ab).map(Math.abs))).toBeLessThan(0.05);
    }
  });

  it('are spread over near bins with the golden weights', () => {
    const weights = valuesOf(softWeights(rowsOf([[0, 25, 100, 100, 225]]), 5));
    [0.529574, 0.32120287, 0.07167005, 0.07167005, 0.00588304].forEach((value, i) => {
      expect(weights[i]).toBeCloseTo(value, 6);
    });
  });

  it('are encoded as loops do, and the nearest bin is told', () => {
    const colours = [...randomRows('colours', 20, 2).map((row) => row.map((value) => 30 * value)), [0, 0]];
    const { target, nearest } = encodedColours(rowsOf(colours), spread);
    expect(distance(valuesOf(target), colours.flatMap(restatedTarget))).toBeLessThan(1e-4);
    valuesOf(nearest).forEach((bin, i) => {
      const own = restatedTarget(colours[i]);
      expect(own[bin]).toBeCloseTo(Math.max(...own), 6);
    });
    // Ten of them, or more where the tenth has others as near.
    const used = (target.arraySync() as number[][]).map((row) => row.filter((value) => value > 0).length);
    expect(Math.min(...used)).toBe(10);
  });

  it('count with the golden weights, those that are never seen nothing', () => {
    const golden = [0.828338, 1.089918, 1.294278];
    const three = valuesOf(rarityWeights(rowsOf([[0.5, 0.3, 0.2]]), 0.5));
    const four = valuesOf(rarityWeights(rowsOf([[0.5, 0.3, 0.2, 0]]), 0.5));
    golden.forEach((value, i) => {
      expect(three[i]).toBeCloseTo(value, 5);
      expect(four[i]).toBeCloseTo(value, 5);
    });
    expect(four[3]).toBe(0);
    expect(valuesOf(rarityWeights(rowsOf([[0.5, 0.5, 0]]), 0))).toEqual([1, 1, 0]);
  });

  it('are decoded between mode and mean', () => {
    const logits = colourBins.map((_, i) => (i === 40 ? 2 : i === 200 ? 1 : -30));
    const decoded = (temperature: number) => valuesOf(annealedMean(rowsOf([logits]), temperature));
    expect(distance(decoded(0.01), [...colourBins[40]])).toBeLessThan(1e-3);
    const share = 1 / (1 + Math.exp(-1 / 0.38));
    const between = [0, 1].map((i) => share * colourBins[40][i] + (1 - share) * colourBins[200][i]);
    expect(distance(decoded(0.38), between)).toBeLessThan(1e-3);
  });

  it('are means of cells, and pictures without any do not count', () => {
    const pixels = tf.tensor4d(
      Array.from({ length: 2 * 4 * 4 * 2 }, (_, i) => i),
      [2, 4, 4, 2],
    );
    const at = (n: number, y: number, x: number, c: number) => ((n * 4 + y) * 4 + x) * 2 + c;
    const expected = [0, 1].flatMap((n) =>
      [0, 2].flatMap((y) =>
        [0, 2].flatMap((x) =>
          [0, 1].map(
            (c) => (at(n, y, x, c) + at(n, y, x + 1, c) + at(n, y + 1, x, c) + at(n, y + 1, x + 1, c)) / 4,
          ),
        ),
      ),
    );
    expect(valuesOf(cellMeans(pixels, 2))).toEqual(expected);
    const colours = rowsOf([
      [4, -5],
      [0, 5],
      [1, 1],
      [0, -6],
    ]);
    expect(valuesOf(colouredPictures(colours, { pictures: 2, greyBelow: 5 }))).toEqual([0, 0, 1, 1]);
  });
});

describe('colorization', () => {
  const options = { view: { ...tinyView, width: 16, height: 16, jitter: undefined }, hidden: 5 };
  const run = tinyImageRun('colorization-cifar', options);
  const pictures = [
    [0, 1, 2, 3],
    [4, 5, 1, 2],
  ];
  const first = firstSteps(run, { frames: 6, pictures });
  const eager = runSteps(first);
  const eps = run.encoders.image!.batchNorm.eps;

  it('has two layers for every place of the map, and has seen no colour before the first step', () => {
    expect(shapesOf(branchAt(branchAt(first.state, 'params'), 'colorization'))).toEqual({
      'head/0/weight': [32, 5],
      'head/1/bias': [5],
      'head/1/weight': [5],
      'head/3/bias': [4 * 313],
      'head/3/weight': [5, 4 * 313],
    });
    const memory = branchAt(branchAt(first.state, 'memory'), 'colorization');
    expect(new Set(leafOf(memory, 'seen').data)).toEqual(new Set([0]));
    expect(first.pretraining.parts[0].objective.chance).toEqual({ colour: Math.log(313) });
  });

  it('lets a gradient reach encoder and head, and nothing of what was seen', () => {
    expect(connectedPaths(first)).toEqual(
      leavesOf({ params: branchAt(first.state, 'params') }).map(([path]) => path),
    );
  });

  it('says of every cell its colour, weighed by what was seen until then, this batch included', async () => {
    const { outputs, states } = await eager;
    let seen: readonly number[] = colourBins.map(() => 0);
    for (const [step, batch] of first.batches.entries()) {
      const [params, stats] = ['params', 'stats'].map((branch) => branchAt(states[step], branch));
      const pixels = upload(leafOf(batch, 'data/colorization/picture'));
      const { ab, luminance } = labOfNormalized(pixels, IMAGENET_RGB);
      const grey = greyOf(luminance, IMAGENET_RGB);
      const own = (tree: Host) => uploadTree(branchAt(tree, 'imageEncoder'));
      const { y: maps } = imageMapsNet(run.encoders.image!).apply(own(params), own(stats), grey, {
        training: true,
      });
      const head = branchAt(branchAt(params, 'colorization'), 'head');
      const colours = ab.arraySync() as number[][][][];
      const map = maps.arraySync() as number[][][][];
      const places: number[][] = [];
      for (let n = 0; n < 4; n++)
        for (let y = 0; y < 2; y++)
          for (let x = 0; x < 2; x++) places.push(map[n].map((channel) => channel[y][x]));
      const layer = tf.relu(normed(head, '1', dense(head, '0', rowsOf(places)), eps));
      const logits = dense(head, '3', layer).arraySync() as number[][];
      const crosses: Array<readonly [bin: number, cross: number]> = [];
      const all: number[][] = [];
      // Cell (y, x) of a picture lies below place (⌊y/2⌋, ⌊x/2⌋) of its map.
      for (let n = 0; n < 4; n++)
        for (let y = 0; y < 4; y++)
          for (let x = 0; x < 4; x++) {
            const mean = [0, 1].map((c) => {
              let sum = 0;
              for (let i = 0; i < 16; i++)
                sum += colours[n][4 * y + Math.floor(i / 4)][4 * x + (i % 4)][c] / 16;
              return sum;
            });
            const target = restatedTarget(mean);
            const row = logits[4 * n + 2 * Math.floor(y / 2) + Math.floor(x / 2)];
            const begin = 313 * (2 * (y % 2) + (x % 2));
            const values = row.slice(begin, begin + 313);
            const highest = Math.max(...values);
            const log = Math.log(values.reduce((sum, value) => sum + Math.exp(value - highest), 0)) + highest;
            const cross = target.reduce((sum, part, i) => sum + part * (log - values[i]), 0);
            crosses.push([target.indexOf(Math.max(...target)), cross]);
            all.push(target);
          }
      const counts = seen.map((value, i) => {
        const now = all.reduce((sum, target) => sum + target[i], 0) / all.length;
        return value + (now - value) / (step + 1);
      });
      const lossBy = (p: readonly number[]) => {
        const weights = restatedWeights(p, 0.5);
        return crosses.reduce((sum, [bin, cross]) => sum + (weights[bin] * cross) / 64, 0);
      };
      const found = leafOf(outputs[step], 'loss/colour').data[0];
      expect(Math.abs(found / lossBy(counts) - 1), `step ${step}`).toBeLessThan(2e-3);
      const plain = crosses.reduce((sum, [, cross]) => sum + cross / 64, 0);
      expect(Math.abs(found / plain - 1)).toBeGreaterThan(0.005);
      if (step > 0) expect(Math.abs(found / lossBy(seen) - 1)).toBeGreaterThan(0.005);
      seen = counts;
      expect(distance(leafOf(states[step + 1], 'memory/colorization/seen').data, seen)).toBeLessThan(1e-4);
    }
  });

  it('refuses cells and views that do not fit the map', () => {
    const made = (changes: object) =>
      firstSteps(tinyImageRun('colorization-cifar', { ...options, ...changes }), { frames: 6, pictures: [] });
    expect(() => made({ cell: 3 })).toThrow("a divisor of the encoder's stride, 8, found 3");
    expect(() => made({ view: { ...options.view, width: 12 } })).toThrow(
      "objectives.colorization.view: expected sides that are multiples of the encoder's stride, 8, found 12 x 16",
    );
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run, { steps: 4 });
  });
});
