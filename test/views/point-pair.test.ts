import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Frame } from '../../src/datasets/frame.ts';
import { sampleFeatures } from '../../src/encoders/sample-features.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { Random } from '../../src/engine/random.ts';
import type { ViewTransform } from '../../src/geometry/view-transform.ts';
import { groundPoints } from '../../src/pointcloud/ground.ts';
import { bilinearCorners } from '../../src/views/bilinear-corners.ts';
import { drawPointPair, type PointPair, type PointPairView } from '../../src/views/point-pair.ts';
import type { PointView } from '../../src/views/point-view.ts';
import { distance, upload, valuesOf } from '../nn/tensors.ts';
import { pairView, smoothPicture, syntheticFrame, tinyRun } from '../objectives/tiny-simipu.ts';

const munkres = createRequire(import.meta.url)('munkres-js') as (
  cost: number[][],
) => Array<[row: number, column: number]>;

const tinyView = pairView(tinyRun());
const seeds = [0, 1, 2, 3, 4, 5, 6, 7];
const draw = (seed: number, config = tinyView, frame = syntheticFrame(seed)) =>
  drawPointPair(frame, Random.fromSeed(seed), config);

const rowsOf = (data: ArrayLike<number>, stride: number): number[][] =>
  Array.from({ length: data.length / stride }, (_, i) =>
    Array.from({ length: stride }, (_, c) => data[i * stride + c]),
  );
const byReflectance = (points: Float32Array) => rowsOf(points, 4).sort((a, b) => a[3] - b[3] || a[0] - b[0]);
const apart = (a: readonly number[], b: readonly number[]) =>
  Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

/** What the recorded view does to a point, written out: turn about the pivot, scale about the origin, mirror y. */
function transformed([x, y, z]: readonly number[], view: ViewTransform): number[] {
  const [turn, scale, flip] = view;
  if (turn.kind !== 'rotateZ' || scale.kind !== 'scale') throw new Error('another order of the steps');
  const [px, py] = turn.pivot;
  const [c, s] = [Math.cos(turn.angle), Math.sin(turn.angle)];
  const turned = [px + c * (x - px) - s * (y - py), py + s * (x - px) + c * (y - py), z];
  const [sx, sy, sz] = turned.map((value) => value * scale.factor);
  return [sx, flip === undefined ? sy : -sy, sz];
}

/** Pixels by KITTI's chain, and the sign of what is divided by. */
function projected(frame: Frame, [x, y, z]: readonly number[]): { u: number; v: number; w: number } {
  const { cameraFromLidar: m, pixelFromCamera: p } = frame.cameras[0];
  const camera = [0, 1, 2].map((r) => m[4 * r] * x + m[4 * r + 1] * y + m[4 * r + 2] * z + m[4 * r + 3]);
  const [a, b, w] = [0, 1, 2].map(
    (r) => p[4 * r] * camera[0] + p[4 * r + 1] * camera[1] + p[4 * r + 2] * camera[2] + p[4 * r + 3],
  );
  return { u: a / w, v: b / w, w };
}

/** Whether a place is on an image whose pixels reach half a pixel around their centres. */
const covers = (width: number, height: number, x: number, y: number) =>
  x >= -0.5 && x < width - 0.5 && y >= -0.5 && y < height - 0.5;

/** The colours at a place between pixel centres. */
function colourAt(data: ArrayLike<number>, width: number, [x, y]: readonly number[]): number[] {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  return [0, 1, 2].map((channel) => {
    const at = (i: number, j: number) => data[(j * width + i) * 3 + channel];
    const upper = at(left, top) * (left + 1 - x) + (x > left ? at(left + 1, top) * (x - left) : 0);
    if (y === top) return upper;
    const lower = at(left, top + 1) * (left + 1 - x) + (x > left ? at(left + 1, top + 1) * (x - left) : 0);
    return upper * (top + 1 - y) + lower * (y - top);
  });
}

describe('the views of a point pair', () => {
  it('hold back ground where they are told to', () => {
    const ground = (config: PointPairView) => {
      const { points } = draw(0, config).alpha;
      return groundPoints(points).reduce((sum, each) => sum + each, 0) / (points.length / 4);
    };
    expect(ground({ ...tinyView, groundShare: 0.02 })).toBeLessThan(ground(tinyView));
  });

  it('are the original points and the same points transformed as recorded', () => {
    for (const seed of seeds) {
      const frame = syntheticFrame(seed);
      const { alpha, beta, view } = draw(seed);
      const original = new Map(rowsOf(frame.points, 4).map((row) => [row[3], row]));
      const [rows, moved] = [byReflectance(alpha.points), byReflectance(beta.points)];
      expect(rows).toHaveLength(96);
      rows.forEach((row, i) => {
        expect(row).toEqual(original.get(row[3]));
        expect(moved[i][3]).toBe(row[3]);
        expect(apart(moved[i], transformed(row, view))).toBeLessThan(1e-4);
      });
      // Without replacement, and each view in an order of its own.
      expect(new Set(rows.map((row) => row[3])).size).toBe(96);
      expect(rowsOf(alpha.points, 4).map((row) => row[3])).not.toEqual(
        rowsOf(beta.points, 4).map((row) => row[3]),
      );
    }
  });

  it('are drawn from the configured ranges, flipped about as often as not', () => {
    let flips = 0;
    for (let seed = 0; seed < 40; seed++) {
      const [turn, scale, flip] = draw(seed).view;
      expect(turn).toMatchObject({ kind: 'rotateZ', pivot: [35.2, 0, -1] });
      if (turn.kind === 'rotateZ') expect(Math.abs(turn.angle)).toBeLessThanOrEqual(Math.PI / 2);
      if (scale.kind === 'scale') expect(Math.abs(scale.factor - 1)).toBeLessThanOrEqual(0.25);
      if (flip !== undefined) flips++;
    }
    expect(flips).toBeGreaterThan(8);
    expect(flips).toBeLessThan(32);
  });

  it('repeat points where the frame has fewer than are wanted', () => {
    const { alpha, beta, partner } = draw(1, tinyView, syntheticFrame(1, { points: 60 }));
    expect(alpha.points).toHaveLength(96 * 4);
    expect(new Set(byReflectance(alpha.points).map((row) => row[3])).size).toBeLessThan(60);
    expect(byReflectance(beta.points).map((row) => row[3])).toEqual(
      byReflectance(alpha.points).map((row) => row[3]),
    );
    expect([...partner].sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i));
  });

  it('hold only what is in the range and in the picture', () => {
    const range = { min: [5, -3, -1], max: [20, 4, 0.5] } as const;
    const [first, second] = tinyView.pointEncoder.levels;
    const small: PointPairView = {
      ...tinyView,
      points: { count: 40, range, cropToImage: true },
      pointEncoder: { ...tinyView.pointEncoder, levels: [{ ...first, points: 20 }, second] },
    };
    const frame = syntheticFrame(3, { points: 2000 });
    for (const row of rowsOf(draw(3, small, frame).alpha.points, 4)) {
      range.min.forEach((low, axis) => {
        expect(row[axis]).toBeGreaterThan(low);
        expect(row[axis]).toBeLessThan(range.max[axis]);
      });
      const { u, v, w } = projected(frame, row);
      expect(w).toBeGreaterThan(0);
      expect(covers(120, 60, u, v)).toBe(true);
    }
  });

  it('are the same for the same seed, and others for another', () => {
    expect(draw(5)).toEqual(draw(5));
    const [one, other] = [draw(5), draw(6, tinyView, syntheticFrame(5))];
    expect(one.view).not.toEqual(other.view);
    expect(one.alpha.points).not.toEqual(other.alpha.points);
  });

  it('cannot be had of a frame without points in the range', () => {
    const points = {
      ...tinyView.points,
      range: { min: [200, -1, -1], max: [300, 1, 1] },
    } as PointPairView['points'];
    expect(() => draw(1, { ...tinyView, points })).toThrow(InputError);
    expect(() => draw(1, { ...tinyView, points })).toThrow(
      /frame 1: points: expected some within .* found none of 400/,
    );
    const behind = syntheticFrame(1);
    for (let i = 0; i < behind.points.length; i += 4) behind.points[i] = -1 - Math.abs(behind.points[i]);
    expect(() => draw(1, tinyView, behind)).toThrow(InputError);
  });
});

describe('the tables of a point pair', () => {
  const views: Array<[string, PointView]> = seeds.slice(0, 4).flatMap((seed) => {
    const { alpha, beta } = draw(seed);
    return [
      [`alpha of seed ${seed}`, alpha],
      [`beta of seed ${seed}`, beta],
    ] as Array<[string, PointView]>;
  });

  it.each(views)('sample farthest points of farthest points: %s', (_, view) => {
    let rows = rowsOf(view.points, 4);
    view.levels.forEach(({ centers }, l) => {
      const expected = [0];
      while (expected.length < centers.length) {
        const nearest = rows.map((row) => Math.min(...expected.map((chosen) => apart(row, rows[chosen]))));
        expected.push(nearest.indexOf(Math.max(...nearest)));
      }
      expect([...centers]).toEqual(expected);
      expect(centers).toHaveLength([32, 12][l]);
      rows = expected.map((i) => rows[i]);
    });
  });

  it.each(views)('list neighbours in shells: %s', (_, view) => {
    const { levels } = tinyView.pointEncoder;
    let rows = rowsOf(view.points, 4);
    let shells = 0;
    levels.forEach(({ radii, neighbors }, l) => {
      const { centers, neighbors: tables } = view.levels[l];
      radii.forEach((radius, s) => {
        const inner = s === 0 ? 0 : radii[s - 1];
        centers.forEach((center, i) => {
          const found = [...tables[s].subarray(i * neighbors[s], (i + 1) * neighbors[s])];
          const within = [...rows.keys()].filter((j) => {
            const away = apart(rows[j], rows[center]);
            return away < radius && (away >= inner || away === 0);
          });
          const first = within.slice(0, neighbors[s]);
          expect(found).toEqual(found.map((_, k) => first[k] ?? first[0]));
          if (within.length > 1) shells++;
        });
      });
      rows = [...centers].map((i) => rows[i]);
    });
    expect(shells).toBeGreaterThan(10);
  });

  it('bring the centres of the transformed view back to where they were', () => {
    for (const seed of seeds) {
      const { alpha, beta, view } = draw(seed);
      const origin = new Map(rowsOf(alpha.points, 4).map((row) => [row[3], row]));
      for (const side of [alpha, beta]) {
        const chosen = [...side.levels[1].centers].map((i) => side.levels[0].centers[i]);
        rowsOf(side.centers, 3).forEach((center, i) => {
          const reflectance = side.points[4 * chosen[i] + 3];
          expect(apart(center, origin.get(reflectance)!)).toBeLessThan(1e-4);
        });
      }
      // What is undone is no small thing.
      const [first] = rowsOf(alpha.points, 4);
      expect(apart(first, transformed(first, view))).toBeGreaterThan(0.1);
    }
  });
});

describe('the matching of a point pair', () => {
  it('is of places that coincide where both views begin with the same point', () => {
    for (const seed of seeds) {
      const { alpha, beta, distanceM } = draw(seed, { ...tinyView, sameStart: true });
      expect(alpha.points[3]).toBe(beta.points[3]);
      expect(Math.max(...distanceM)).toBeLessThan(1e-4);
      // The rest of the points lies in other orders.
      expect(alpha.points.filter((_, i) => i % 4 === 3)).not.toEqual(
        beta.points.filter((_, i) => i % 4 === 3),
      );
    }
    expect(Math.max(...seeds.flatMap((seed) => [...draw(seed).distanceM]))).toBeGreaterThan(0.5);
  });

  it('is a permutation at the least total distance', () => {
    for (const seed of seeds) {
      const { alpha, beta, partner, distanceM } = draw(seed);
      expect([...partner].sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i));
      const cost = rowsOf(alpha.centers, 3).map((a) => rowsOf(beta.centers, 3).map((b) => apart(a, b)));
      const least = munkres(cost).reduce((sum, [i, j]) => sum + cost[i][j], 0);
      const total = cost.reduce((sum, row, i) => sum + row[partner[i]], 0);
      expect(total).toBeCloseTo(least, 4);
      distanceM.forEach((away, i) => {
        expect(away).toBeCloseTo(cost[i][partner[i]], 4);
      });
    }
  });

  it('finds the very same points where all of them are kept', () => {
    const levels = tinyView.pointEncoder.levels.map((level) => ({ ...level, points: 96 }));
    const all = { ...tinyView, pointEncoder: { ...tinyView.pointEncoder, levels } };
    const { alpha, beta, partner } = draw(2, all);
    const reflectanceOf = (side: PointView, i: number) =>
      side.points[4 * side.levels[0].centers[side.levels[1].centers[i]] + 3];
    partner.forEach((j, i) => {
      expect(reflectanceOf(beta, j)).toBe(reflectanceOf(alpha, i));
    });
  });
});

describe('the image of a point pair', () => {
  const scaled = (low: number, high: number, flipProbability: number): PointPairView => {
    return {
      ...tinyView,
      image: { ...tinyView.image, scale: [low, high] },
      view: { ...tinyView.view, flipProbability },
    };
  };
  const deviations = [58.395, 57.12, 57.375];
  const means = [123.675, 116.28, 103.53];
  const denormalized = ({ image }: PointPair) =>
    image.map((value, i) => value * deviations[i % 3] + means[i % 3]);

  it.each([
    ['fitted', 1, 1],
    ['smaller than the canvas', 0.5, 0.7],
    ['larger and cropped', 1.4, 1.9],
  ])('is mirrored with the points, and so are the pixels: %s', (_, low, high) => {
    for (const seed of seeds.slice(0, 4)) {
      const [plain, mirrored] = [0, 1].map((flips) => draw(seed, scaled(low, high, flips)));
      expect(mirrored.view).toEqual([...plain.view, { kind: 'flipY' }]);
      const { width, height } = plain.imageView;
      const expected = new Float32Array(96 * 64 * 3);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const from = (width - 1 - x + 96 * y) * 3;
          expected.set(plain.image.subarray(from, from + 3), (x + 96 * y) * 3);
        }
      }
      expect(Buffer.from(mirrored.image.buffer).equals(Buffer.from(expected.buffer))).toBe(true);
      for (let i = 0; i < plain.pixels.length; i += 2) {
        expect(mirrored.pixels[i]).toBeCloseTo(width - 1 - plain.pixels[i], 3);
        expect(mirrored.pixels[i + 1]).toBe(plain.pixels[i + 1]);
      }
      expect(mirrored.inside).toEqual(plain.inside);
    }
  });

  it.each([
    ['fitted', 1, 1, 0],
    ['fitted and mirrored', 1, 1, 1],
    ['smaller and mirrored', 0.6, 0.8, 1],
    ['cropped', 1.4, 1.9, 0],
    ['cropped and mirrored', 1.4, 1.9, 1],
  ])('shows at the pixel of a point what the picture showed there: %s', (_, low, high, flips) => {
    let [compared, off, offWithout] = [0, 0, 0];
    for (const seed of seeds) {
      const plainFrame = syntheticFrame(seed);
      const picture = smoothPicture(Random.fromSeed(`smooth ${seed}`), 120, 60);
      const frame = { ...plainFrame, cameras: [{ ...plainFrame.cameras[0], image: picture }] };
      const sample = draw(seed, scaled(low, high, flips), frame);
      const canvas = denormalized(sample);
      const { width, height } = sample.imageView;
      rowsOf(sample.alpha.centers, 3).forEach((center, i) => {
        const { u, v } = projected(frame, center);
        const pixel = [sample.pixels[2 * i], sample.pixels[2 * i + 1]];
        const seen = covers(width, height, pixel[0], pixel[1]) && covers(120, 60, u, v);
        expect(sample.inside[i]).toBe(seen ? 1 : 0);
        // At the border of the picture a resized pixel has another mean.
        const margin = 2;
        if (!seen || !covers(119 - 2 * margin, 59 - 2 * margin, u - margin, v - margin)) return;
        if (pixel.some((value, axis) => value < 0 || value > [width, height][axis] - 1)) return;
        const expected = colourAt(picture.data, 120, [u, v]);
        const found = colourAt(canvas, 96, pixel);
        compared++;
        off += Math.max(...found.map((value, c) => Math.abs(value - expected[c])));
        const shifted = colourAt(picture.data, 120, [u - 1.5, v]);
        offWithout += Math.max(...found.map((value, c) => Math.abs(value - shifted[c])));
      });
    }
    expect(compared).toBeGreaterThan(20);
    expect(off / compared).toBeLessThan(1.2);
    // The measure is fine enough to tell a pixel and a half.
    expect(offWithout / compared).toBeGreaterThan(3);
  });

  it('leaves points behind the camera in the sample, without features', () => {
    const points = {
      ...tinyView.points,
      range: { min: [-10, -40, -3], max: [70, 40, 3] },
      cropToImage: false,
    } as const;
    let behind = 0;
    for (const seed of seeds) {
      const frame = syntheticFrame(seed);
      const sample = draw(
        seed,
        { ...tinyView, points: { ...points, range: { min: [-10, -40, -3], max: [70, 40, 3] } } },
        frame,
      );
      expect(sample.cells).toHaveLength(12 * 4);
      expect(sample.partner).toHaveLength(12);
      rowsOf(sample.alpha.centers, 3).forEach((center, i) => {
        if (projected(frame, center).w > 0) return;
        behind++;
        expect(sample.pixels[2 * i]).toBeNaN();
        expect(sample.inside[i]).toBe(0);
        expect([...sample.cellWeights.subarray(4 * i, 4 * i + 4)]).toEqual([0, 0, 0, 0]);
      });
    }
    expect(behind).toBeGreaterThan(5);
  });

  it('is normalised in the configured order of colours', () => {
    const frame = syntheticFrame(1, { width: 96, height: 64 });
    const { data } = frame.cameras[0].image;
    const bgr = draw(
      1,
      {
        ...tinyView,
        image: { ...tinyView.image, colours: 'imagenet-bgr' },
        view: { ...tinyView.view, flipProbability: 0 },
      },
      frame,
    ).image;
    const rgb = draw(1, { ...tinyView, view: { ...tinyView.view, flipProbability: 0 } }, frame).image;
    for (const i of [0, 3 * 77, 3 * 4000]) {
      expect(bgr[i]).toBeCloseTo(data[i + 2] - 103.53, 4);
      expect(bgr[i + 2]).toBeCloseTo(data[i] - 123.675, 4);
      expect(rgb[i]).toBeCloseTo((data[i] - 123.675) / 58.395, 4);
    }
  });
});

describe('bilinearCorners', () => {
  /** grid_sample with align_corners=True and padding by zeros, of places normalised by the padded size. */
  function gridSample(
    map: Float64Array,
    { width, height }: { width: number; height: number },
    [gx, gy]: readonly number[],
  ) {
    const x = ((gx + 1) / 2) * (width - 1);
    const y = ((gy + 1) / 2) * (height - 1);
    let sum = 0;
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const weight = Math.max(0, 1 - Math.abs(x - column)) * Math.max(0, 1 - Math.abs(y - row));
        sum += weight * map[row * width + column];
      }
    }
    return sum;
  }

  it.each([
    [10, 3, 320, 96],
    [1, 2, 32, 64],
    [39, 12, 1248, 384],
  ])(
    'samples as grid_sample does: %i x %i cells of %i x %i pixels',
    (width, height, imageWidth, imageHeight) => {
      const random = Random.fromSeed(`${width}x${height}`);
      const map = Float64Array.from({ length: width * height }, () => random.normal());
      const places = Array.from({ length: 400 }, () => [
        random.uniform(-0.3, 1.3) * imageWidth,
        random.uniform(-0.3, 1.3) * imageHeight,
      ]);
      places.push(
        [0, 0],
        [imageWidth, imageHeight],
        [imageWidth - 1, 0],
        [Number.NaN, 3],
        [Infinity, -Infinity],
        [1e30, 4],
      );
      const pixels = Float32Array.from(places.flat());
      const { cells, weights } = bilinearCorners(pixels, { width, height, imageWidth, imageHeight });
      let zero = 0;
      places.forEach((_, n) => {
        const [px, py] = pixels.subarray(2 * n, 2 * n + 2);
        const normalized = [(2 * px) / imageWidth - 1, (2 * py) / imageHeight - 1];
        const expected = Number.isFinite(px) ? gridSample(map, { width, height }, normalized) : 0;
        let found = 0;
        for (let corner = 4 * n; corner < 4 * n + 4; corner++) {
          expect(cells[corner]).toBeGreaterThanOrEqual(0);
          expect(cells[corner]).toBeLessThan(width * height);
          found += weights[corner] * map[cells[corner]];
        }
        expect(found).toBeCloseTo(expected, 4);
        if (weights.subarray(4 * n, 4 * n + 4).every((weight) => weight === 0)) zero++;
      });
      expect(zero).toBeGreaterThanOrEqual(2);
      expect(zero).toBeLessThan(300);
    },
  );

  it('has its cells count through the maps of a batch', () => {
    const random = Random.fromSeed('maps');
    const features = tf.tensor4d(
      Float32Array.from({ length: 2 * 5 * 3 * 4 }, () => random.normal()),
      [2, 5, 3, 4],
    );
    const places = [
      [10, 20],
      [100, 50],
      [500, 500],
    ];
    const corners = bilinearCorners(Float32Array.from(places.flat()), {
      width: 4,
      height: 3,
      imageWidth: 128,
      imageHeight: 96,
    });
    const cells = Int32Array.from(
      [0, 1].flatMap((image) => [...corners.cells].map((cell) => cell + image * 12)),
    );
    const weights = Float32Array.from([...corners.weights, ...corners.weights]);
    const sampled = sampleFeatures(
      features,
      tf.tensor1d(cells, 'int32'),
      upload({ dtype: 'float32', shape: [24], data: weights }),
    );
    expect(sampled.shape).toEqual([6, 5]);
    const data = valuesOf(features);
    const expected = [0, 1].flatMap((image) =>
      places.flatMap(([x, y]) =>
        [0, 1, 2, 3, 4].map((channel) => {
          const map = Float64Array.from(
            data.slice((image * 5 + channel) * 12, (image * 5 + channel + 1) * 12),
          );
          return gridSample(map, { width: 4, height: 3 }, [x / 64 - 1, y / 48 - 1]);
        }),
      ),
    );
    expect(distance(valuesOf(sampled), expected)).toBeLessThan(1e-5);
  });
});
