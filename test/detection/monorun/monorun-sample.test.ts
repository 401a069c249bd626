import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '../../../src/datasets/frame.ts';
import { KittiObject } from '../../../src/datasets/kitti-object.ts';
import { generateScenes } from '../../../src/datasets/scenes/generate-scenes.ts';
import { Stopwatch } from '../../../src/datasets/stopwatch.ts';
import type { MonorunConfig } from '../../../src/detection/monorun/monorun-config.ts';
import { projectObjects } from '../../../src/detection/monorun/monorun-reprojection.ts';
import {
  codeSize,
  type MonorunSample,
  monorunSample,
  plainCamera,
  REGION_CELLS,
  sizeOf,
  sizeVariance,
} from '../../../src/detection/monorun/monorun-sample.ts';
import { COORDINATE_MEAN, COORDINATE_STD } from '../../../src/detection/monorun/monorun-units.ts';
import { monorunSource } from '../../../src/detection/monorun-source.ts';
import { Random } from '../../../src/engine/random.ts';
import { type Box3, cornersOf } from '../../../src/geometry/box.ts';
import { imageIou } from '../../../src/geometry/box-overlap.ts';
import type { ImageBox } from '../../../src/geometry/box-projection.ts';
import { transformPoint } from '../../../src/geometry/matrix.ts';
import { mapPixel } from '../../../src/image/image-view.ts';
import { distance, valuesOf } from '../../nn/tensors.ts';
import { carAt, frameWithCars, tinyMonorun } from './tiny-monorun.ts';

const CELLS = REGION_CELLS ** 2;
/** Both wholly in the picture, so that their labels' boxes are not cut. */
const cars = [carAt(14, 1, 0.4), carAt(25, -5, -2.2)];

function configOf(mirrored: boolean, changes: Partial<MonorunConfig> = {}): MonorunConfig {
  const { image } = tinyMonorun();
  return tinyMonorun({
    image: { ...image, scale: [0.8, 1.3], flipProbability: mirrored ? 1 : 0 },
    regions: 5,
    ...changes,
  });
}

function sampleOf(
  frame: Frame,
  seed: number,
  config: MonorunConfig,
): MonorunSample & Required<MonorunSample> {
  return monorunSample(frame, Random.fromSeed(seed), { config, training: true }) as Required<MonorunSample>;
}

/** A region's box, from the pixels of its first and last cell. */
function boxOfRegion({ regions }: Required<MonorunSample>, r: number): ImageBox {
  const pixels = regions.cellPixels.subarray(r * CELLS * 2, (r + 1) * CELLS * 2);
  const [left, top, right, bottom] = [pixels[0], pixels[1], ...pixels.slice(-2)];
  const half = [right - left, bottom - top].map((span) => span / (REGION_CELLS - 1) / 2);
  return [left - half[0], top - half[1], right + half[0], bottom + half[1]];
}

/** Points of a region's object, metres in its own frame, as pixels of the canvas by the region's own targets. */
function projected({ regions }: Required<MonorunSample>, r: number, points: readonly number[]): number[] {
  const part = (values: Float32Array, width: number) =>
    tf.tensor(values.slice(r * width, (r + 1) * width), [1, width]);
  return valuesOf(
    projectObjects(tf.tensor([...points], [1, points.length / 3, 3]), {
      cos: part(regions.cos, 1),
      sin: part(regions.sin, 1),
      translation: part(regions.translation, 3),
      camera: part(regions.camera, 4),
    }),
  );
}

/** A point of the LiDAR frame on a sample's canvas, by way of the frame's own camera and picture. */
function onCanvasOf(sample: MonorunSample, point: ArrayLike<number>): [number, number] {
  const m = sample.pixelFromLidar;
  const row = (r: number) => m[r] * point[0] + m[r + 1] * point[1] + m[r + 2] * point[2] + m[r + 3];
  return mapPixel(sample.imageView, row(0) / row(8), row(4) / row(8));
}

function extent(pixels: ArrayLike<number>): number[] {
  const axis = (k: number) => Array.from(pixels).filter((_, i) => i % 2 === k);
  return [Math.min(...axis(0)), Math.min(...axis(1)), Math.max(...axis(0)), Math.max(...axis(1))];
}

/** The car that a region is of: the one whose box the region overlaps most. */
function carOf(sample: Required<MonorunSample>, r: number): Box3 {
  const overlap = cars.map((car) => {
    const corners = cornersOf(car);
    const pixels = Array.from({ length: 8 }, (_, k) => onCanvasOf(sample, corners.subarray(3 * k))).flat();
    return imageIou(extent(pixels) as unknown as ImageBox, boxOfRegion(sample, r));
  });
  return cars[overlap.indexOf(Math.max(...overlap))];
}

/** The cells of a region whose coordinates are known: shares of the object's size, metres, and how far from the cell's middle they project, pixels. */
function knownCells(sample: Required<MonorunSample>, r: number) {
  const { regions } = sample;
  const size = regions.sizes.subarray(3 * r, 3 * r + 3);
  const cells = Array.from({ length: CELLS }, (_, cell) => r * CELLS + cell);
  return cells
    .filter((at) => regions.known[at] === 1)
    .map((at) => {
      const coded = [...regions.coordinates.subarray(3 * at, 3 * at + 3)];
      const share = coded.map((value, k) => value * COORDINATE_STD[k] + COORDINATE_MEAN[k]);
      const metres = share.map((value, k) => value * size[k]);
      const seen = projected(sample, r, metres);
      const offset = seen.map((value, k) => Math.abs(value - regions.cellPixels[2 * at + k]));
      return { cell: at - r * CELLS, share, metres, offset };
    });
}

function expectInBox(share: readonly number[]): void {
  expect(Math.abs(share[0])).toBeLessThan(0.551);
  expect(Math.abs(share[2])).toBeLessThan(0.551);
  expect(share[1]).toBeGreaterThan(-1.051);
  expect(share[1]).toBeLessThan(0.051);
}

describe('sizes', () => {
  it.each(['Car', 'Pedestrian', 'Cyclist'])('of a %s are coded and read back', (type) => {
    const size = sizeOf([0.4, -1.2, 2.2], type);
    expect(distance(codeSize(size, type), [0.4, -1.2, 2.2])).toBeLessThan(1e-9);
    const mean = sizeOf([0, 0, 0], type);
    // A tenth of the mean is a deviation.
    expect(
      distance(
        sizeVariance([1, 1, 4], type),
        [mean[0], mean[1], 2 * mean[2]].map((s) => (0.1 * s) ** 2),
      ),
    ).toBeLessThan(1e-9);
  });

  it('are length, height and width, and never nothing', () => {
    expect(sizeOf([0, 0, 0], 'Car')).toEqual([3.89, 1.53, 1.62]);
    expect(sizeOf([-100, -100, -100], 'Car').every((side) => side > 0.2)).toBe(true);
  });
});

describe('plainCamera', () => {
  it('projects moved places by K alone where P projects the places themselves', () => {
    const within = (min: number, max: number) => fc.double({ min, max, noNaN: true });
    fc.assert(
      fc.property(
        fc.tuple(within(100, 900), within(100, 900), within(0, 600), within(0, 200)),
        fc.tuple(within(-60, 60), within(-5, 5), within(-0.01, 0.01)),
        fc.tuple(within(-20, 20), within(-3, 3), within(2, 60)),
        ([fx, fy, cx, cy], [p3, p7, p11], place) => {
          const p = Float64Array.of(fx, 0, cx, p3, 0, fy, cy, p7, 0, 0, 1, p11);
          const { camera, shift } = plainCamera(p);
          const row = (r: number) => p[r] * place[0] + p[r + 1] * place[1] + p[r + 2] * place[2] + p[r + 3];
          const [x, y, z] = place.map((value, k) => value + shift[k]);
          expect(camera.cx + (camera.fx * x) / z).toBeCloseTo(row(0) / row(8), 6);
          expect(camera.cy + (camera.fy * y) / z).toBeCloseTo(row(4) / row(8), 6);
        },
      ),
    );
  });
});

describe('the regions of a sample', () => {
  it.each([false, true])(
    'have poses that put objects where the picture shows them, mirrored: %s',
    (mirrored) => {
      for (let seed = 0; seed < 4; seed++) {
        const sample = sampleOf(frameWithCars(1, cars), seed, configOf(mirrored));
        expect(sample.mirrored).toBe(mirrored);
        for (let r = 0; r < 5; r++) {
          const car = carOf(sample, r);
          const [length, height, width] = sample.regions.sizes.subarray(3 * r, 3 * r + 3);
          expect(distance([length, width, height], car.sizeM)).toBeLessThan(1e-5);
          // The camera's frame leans a little against the LiDAR's, and objects stand upright in both: a pixel of tolerance.
          const half = [length / 2, width / 2];
          const corners = [-1, 1].flatMap((x) =>
            [0, -height].flatMap((y) => [-1, 1].flatMap((z) => [x * half[0], y, z * half[1]])),
          );
          const own = cornersOf(car);
          const expected = Array.from({ length: 8 }, (_, k) => onCanvasOf(sample, own.subarray(3 * k)));
          expect(distance(extent(projected(sample, r, corners)), extent(expected.flat()))).toBeLessThan(0.3);
          // The front is at +x, the bottom at 0.
          const [c, s] = [Math.cos(car.yaw), Math.sin(car.yaw)];
          const front = [
            car.center[0] + (c * length) / 2,
            car.center[1] + (s * length) / 2,
            car.center[2] - height / 2,
          ];
          expect(distance(projected(sample, r, [length / 2, 0, 0]), onCanvasOf(sample, front))).toBeLessThan(
            0.3,
          );
        }
      }
    },
  );

  it('are boxes moved a little: they overlap their objects by more than 0.6', () => {
    const config = configOf(false, { regions: 12 });
    const seen = new Set<number>();
    for (let seed = 0; seed < 6; seed++) {
      const sample = sampleOf(frameWithCars(1, cars), seed, config);
      for (let r = 0; r < 12; r++) {
        const corners = cornersOf(carOf(sample, r));
        const pixels = Array.from({ length: 8 }, (_, k) => onCanvasOf(sample, corners.subarray(3 * k)));
        const iou = imageIou(extent(pixels.flat()) as unknown as ImageBox, boxOfRegion(sample, r));
        expect(iou).toBeGreaterThan(0.6);
        seen.add(Math.round(iou * 1e4));
      }
    }
    expect(seen.size).toBeGreaterThan(30);
  });

  it('show the objects in turn, and say which channels are theirs', () => {
    for (const mirrored of [false, true]) {
      const sample = sampleOf(frameWithCars(1, cars), 3, configOf(mirrored));
      const counts = cars.map(
        (car) => Array.from({ length: 5 }, (_, r) => carOf(sample, r)).filter((of) => of === car).length,
      );
      expect([...counts].sort()).toEqual([2, 3]);
      for (let r = 0; r < 5; r++) {
        expect([...sample.regions.regionClass.subarray(3 * r, 3 * r + 3)]).toEqual([1, 0, 0]);
        const variant = [...sample.regions.variant.subarray(6 * r, 6 * r + 6)];
        expect(variant).toEqual(mirrored ? [0, 1, 0, 0, 0, 0] : [1, 0, 0, 0, 0, 0]);
      }
      expect([...sample.regions.regionMask]).toEqual([1, 1, 1, 1, 1]);
    }
  });

  it('come from the seed alone, dropout included', () => {
    const frame = frameWithCars(1, cars);
    const [first, again, other] = [3, 3, 4].map((seed) => sampleOf(frame, seed, configOf(false)).regions);
    expect(again).toEqual(first);
    expect(other.cellPixels).not.toEqual(first.cellPixels);
    for (const mask of [first.dropout1, first.dropout2]) {
      expect(new Set(mask)).toEqual(new Set([0, 2]));
      expect(mask).toHaveLength(5 * 16);
    }
    expect(first.dropout1).not.toEqual(first.dropout2);
  });

  it('do not count where there is no object, and are left out where nothing is trained', () => {
    const config = configOf(false);
    const { regions } = sampleOf({ ...frameWithCars(1), labels: [] }, 1, config);
    expect([...regions.regionMask]).toEqual([0, 0, 0, 0, 0]);
    const values = Object.values(regions).flatMap((part) => [...(part as Float32Array)]);
    expect(values.every(Number.isFinite)).toBe(true);
    const plain = monorunSample(frameWithCars(1), Random.fromSeed(1), { config, training: false });
    expect([plain.targets, plain.regions]).toEqual([undefined, undefined]);
  });
});

describe('coordinates from LiDAR points', () => {
  const withLidar = (mirrored: boolean) =>
    configOf(mirrored, { lossWeights: { ...tinyMonorun().lossWeights, coordinates: 1 } });

  it.each([false, true])('fall into the cells that they are given for, mirrored: %s', (mirrored) => {
    const sample = sampleOf(frameWithCars(1, cars), 2, withLidar(mirrored));
    for (let r = 0; r < 5; r++) {
      const box = boxOfRegion(sample, r);
      const pitch = [(box[2] - box[0]) / REGION_CELLS, (box[3] - box[1]) / REGION_CELLS];
      const cells = knownCells(sample, r);
      for (const { share, offset } of cells) {
        expectInBox(share);
        expect(offset[0]).toBeLessThan(pitch[0] / 2 + 1e-3);
        expect(offset[1]).toBeLessThan(pitch[1] / 2 + 1e-3);
      }
      expect(cells.length).toBeGreaterThan(30);
    }
  });

  it('are of the nearest point of a cell, and of points in the object alone', () => {
    const car = carAt(14, 0, 0);
    const frame = frameWithCars(1, [car]);
    const config = withLidar(false);
    const camera = frame.cameras[0];
    // Two points on one ray of the camera, in the car; and one on it before the car.
    const middle = transformPoint(camera.cameraFromLidar, [14, 0.2, -0.8]);
    const lidarFromRay = (scale: number): number[] => {
      const r = camera.cameraFromLidar;
      const moved = middle.map((value, k) => value * scale - r[4 * k + 3]);
      return [0, 1, 2].map((k) => r[k] * moved[0] + r[4 + k] * moved[1] + r[8 + k] * moved[2]);
    };
    const points = (scales: number[]) =>
      Float32Array.from(scales.flatMap((scale) => [...lidarFromRay(scale), 0]));
    const depthsOf = (scales: number[]) => {
      const { regions } = sampleOf({ ...frame, points: points(scales) }, 1, config);
      const known = [...regions.known.subarray(0, CELLS).keys()].filter((cell) => regions.known[cell] === 1);
      return known.map((cell) => regions.coordinates[3 * cell] * COORDINATE_STD[0] + COORDINATE_MEAN[0]);
    };
    const near = depthsOf([0.95, 1.05, 0.6]);
    expect(near).toHaveLength(1);
    expect(near).toEqual(depthsOf([0.6, 1.05, 0.95]));
    expect(near).toEqual(depthsOf([0.95]));
    expect(depthsOf([0.6])).toEqual([]);
  });
});

describe('coordinates from the depth of pixels', () => {
  let root = '';
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'monorun-'));
    const imageSize = { width: 621, height: 188 };
    const scanner = { beams: 64, steps: 1200 };
    await generateScenes({
      ...{ out: root, count: 1, heldOut: 0, seed: 'test', workers: 0 },
      ...{ imageSize, scanner, depth: true },
    });
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  const config = (mirrored: boolean, weight = 1) =>
    tinyMonorun({
      image: {
        ...tinyMonorun().image,
        width: 448,
        height: 128,
        scale: [0.8, 1.3],
        flipProbability: mirrored ? 1 : 0,
      },
      minHeightPx: 12,
      regions: 6,
      lossWeights: { ...tinyMonorun().lossWeights, coordinates: weight },
    });

  it.each([false, true])('are of what the cells show, mirrored: %s', async (mirrored) => {
    const frameOf = async (withDepth: boolean) =>
      (await KittiObject.open(root, { imageSet: 'train', withDepth })).frame(0);
    const [dense, sparse] = await Promise.all([true, false].map(frameOf));
    const differences: number[] = [];
    let [known, fromLidar] = [0, 0];
    for (let seed = 0; seed < 2; seed++) {
      const [full, few] = [dense, sparse].map((frame) => sampleOf(frame, seed, config(mirrored)));
      expect(full.mirrored).toBe(mirrored);
      expect(full.regions.cellPixels).toEqual(few.regions.cellPixels);
      for (let r = 0; r < 6; r++) {
        const cells = new Map(knownCells(full, r).map((found) => [found.cell, found]));
        for (const { share, offset } of cells.values()) {
          expectInBox(share);
          expect(Math.max(...offset)).toBeLessThan(0.01);
        }
        const points = knownCells(few, r);
        known += cells.size;
        fromLidar += points.length;
        for (const { cell, metres } of points)
          if (cells.has(cell)) differences.push(distance(metres, cells.get(cell)!.metres));
      }
    }
    expect(known).toBeGreaterThan(0.4 * 2 * 6 * CELLS);
    expect(known).toBeGreaterThan(2 * fromLidar);
    // Ranges have 2 cm of noise, points lie anywhere in their cells, and some pass beside what hides them from the camera.
    differences.sort((a, b) => a - b);
    expect(differences.length).toBeGreaterThan(0.9 * fromLidar);
    expect(differences[Math.floor(0.5 * differences.length)]).toBeLessThan(0.05);
    expect(differences[Math.floor(0.85 * differences.length)]).toBeLessThan(0.15);
  });

  it('are read where they are learned from, and where frames have none, points serve', async () => {
    const knownOf = async (weight: number) => {
      const source = await monorunSource({
        data: { root, imageSet: 'train' },
        config: config(false, weight),
      });
      const { regions } = await source.sample(0, Random.fromSeed(1), 0, new Stopwatch());
      return regions!.known.reduce((sum, value) => sum + value, 0);
    };
    const dense = await knownOf(1);
    expect(await knownOf(0)).toBe(0);
    await rm(join(root, 'training', 'depth_2'), { recursive: true });
    const sparse = await knownOf(1);
    expect(sparse).toBeGreaterThan(0);
    expect(dense).toBeGreaterThan(2 * sparse);
  });
});
