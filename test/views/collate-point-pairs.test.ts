import { describe, expect, it } from 'vitest';
import { KittiObject } from '../../src/datasets/kitti-object.ts';
import { type HostTensor, sizeOf } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf } from '../../src/engine/tree.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { presetNames, presetOf } from '../../src/training/presets.ts';
import { collatePointPairs } from '../../src/views/collate-point-pairs.ts';
import { drawPointPair, type PointPair, type PointPairView } from '../../src/views/point-pair.ts';
import type { PointView } from '../../src/views/point-view.ts';
import { bothEncoders, pairView, syntheticFrame, tiny, tinyRun } from '../objectives/tiny-simipu.ts';
import { describeWithRealData } from '../real-data.ts';

/** The shapes of all tensors of a batch, from the numbers of a configuration alone. */
function shapesOf(config: PointPairView, batch: number): Map<string, readonly number[]> {
  const { levels, useXyz } = config.pointEncoder;
  const shapes = new Map<string, readonly number[]>();
  for (const view of ['alpha', 'beta']) {
    shapes.set(`${view}/features`, [batch * config.points.count, 1]);
    if (useXyz) shapes.set(`${view}/xyz`, [batch * config.points.count, 3]);
    levels.forEach(({ points, neighbors }, l) => {
      shapes.set(`${view}/levels/${l}/centers`, [batch * points]);
      neighbors.forEach((count, s) => {
        shapes.set(`${view}/levels/${l}/neighbors/${s}`, [batch * points * count]);
      });
    });
  }
  const centers = batch * levels[levels.length - 1].points;
  for (const name of ['partner', 'distanceM', 'matched', 'inside']) shapes.set(name, [centers]);
  for (const name of ['cells', 'cellWeights']) shapes.set(name, [centers * 4]);
  shapes.set('image', [batch, config.image.height, config.image.width, 3]);
  return shapes;
}

/** A sample of the right sizes without contents. */
function emptySample(config: PointPairView): PointPair {
  const { levels } = config.pointEncoder;
  const centers = levels[levels.length - 1].points;
  const view: PointView = {
    points: new Float32Array(config.points.count * 4),
    levels: levels.map(({ points, neighbors }) => ({
      centers: new Int32Array(points),
      neighbors: neighbors.map((count) => new Int32Array(points * count)),
    })),
    centers: new Float32Array(centers * 3),
  };
  return {
    id: 'empty',
    alpha: view,
    beta: view,
    view: [],
    imageView: { source: { width: 1, height: 1 }, width: 1, height: 1, steps: [] },
    image: new Float32Array(config.image.width * config.image.height * 3),
    partner: new Int32Array(centers),
    distanceM: new Float32Array(centers),
    pixels: new Float32Array(centers * 2),
    inside: new Float32Array(centers),
    cells: new Int32Array(centers * 4),
    cellWeights: new Float32Array(centers * 4),
  };
}

const dataOf = (tensor: HostTensor) => Array.from(tensor.data);

describe('a batch of point pairs', () => {
  const config = pairView(tinyRun());
  const samples = [0, 1, 2].map((b) => drawPointPair(syntheticFrame(b), Random.fromSeed(b), config));
  const batch = collatePointPairs(samples, config);

  it('stacks the tables of its samples with their rows moved', () => {
    const rowsBefore = [96, 32];
    for (const name of ['alpha', 'beta'] as const) {
      const levels = branchAt(branchAt(batch, name), 'levels');
      rowsBefore.forEach((rows, l) => {
        const level = branchAt(levels, `${l}`);
        const tables = samples.map((sample) => sample[name].levels[l]);
        expect(dataOf(leafAt(level, 'centers'))).toEqual(
          tables.flatMap(({ centers }, b) => Array.from(centers, (row) => row + b * rows)),
        );
        for (const s of [0, 1]) {
          expect(dataOf(leafAt(branchAt(level, 'neighbors'), `${s}`))).toEqual(
            tables.flatMap(({ neighbors }, b) => Array.from(neighbors[s], (row) => row + b * rows)),
          );
        }
      });
    }
    expect(dataOf(leafAt(batch, 'partner'))).toEqual(
      samples.flatMap(({ partner }, b) => Array.from(partner, (row) => row + 12 * b)),
    );
    // A map of 96 x 64 pixels has 3 x 2 cells.
    expect(dataOf(leafAt(batch, 'cells'))).toEqual(
      samples.flatMap(({ cells }, b) => Array.from(cells, (cell) => cell + 6 * b)),
    );
  });

  it('stacks values as they are, and of the points the reflectance', () => {
    for (const name of ['image', 'inside', 'distanceM', 'cellWeights'] as const) {
      expect(dataOf(leafAt(batch, name))).toEqual(samples.flatMap((sample) => Array.from(sample[name])));
    }
    const reflectance = samples.flatMap(({ beta }) => Array.from(beta.points).filter((_, i) => i % 4 === 3));
    expect(dataOf(leafAt(branchAt(batch, 'beta'), 'features'))).toEqual(reflectance);
    expect(branchAt(batch, 'alpha').xyz).toBeUndefined();
  });

  it('has the coordinates of each view where they are used', () => {
    const withXyz = { ...config, pointEncoder: { ...config.pointEncoder, useXyz: true } };
    const views = collatePointPairs(samples, withXyz);
    for (const name of ['alpha', 'beta'] as const) {
      const xyz = samples.flatMap((sample) => Array.from(sample[name].points).filter((_, i) => i % 4 < 3));
      expect(dataOf(leafAt(branchAt(views, name), 'xyz'))).toEqual(xyz);
    }
    const objective = createPretraining(tiny({ points: { useXyz: true } }), 3);
    const { params } = objective.initialize(Random.fromSeed(1), { frames: 3 });
    const first = new Map(leavesOf(params)).get('pointEncoder/sa1/scale1/0/linear/weight')!;
    expect(first.shape).toEqual([4, 6]);
  });

  const withPairs = presetNames.filter((name) => presetOf(name)!.objectives.simipu !== undefined);

  it.each(withPairs)('has the shapes that follow from its configuration: %s', (name) => {
    const view = pairView(presetOf(name)!);
    const sizes = name === 'simipu-kitti' ? [1, 2] : [presetOf(name)!.batchSize];
    for (const size of sizes) {
      const made = collatePointPairs(Array(size).fill(emptySample(view)), view);
      const expected = shapesOf(view, size);
      expect(new Map(leavesOf(made).map(([path, { shape }]) => [path, shape]))).toEqual(
        new Map([...expected].sort(([a], [b]) => (a < b ? -1 : 1))),
      );
      for (const [path, { data, shape }] of leavesOf(made)) expect(data.length, path).toBe(sizeOf(shape));
    }
  });
});

describe("the presets' networks", () => {
  const sizesOf = (preset: string): Array<[path: string, size: number]> => {
    const { params } = createPretraining(presetOf(preset)!, 1).initialize(Random.fromSeed(0), { frames: 1 });
    return leavesOf(params).map(([path, { shape }]) => [path, sizeOf(shape)]);
  };
  const total = (sizes: ReadonlyArray<readonly [string, number]>, branch: string) =>
    sizes.filter(([path]) => path.startsWith(`${branch}/`)).reduce((sum, [, size]) => sum + size, 0);
  /** Of linear layers with bias and batch norm one after the other. */
  const mlpOf = (widths: readonly number[]) =>
    widths.slice(1).reduce((sum, outputs, i) => sum + widths[i] * outputs + 3 * outputs, 0);

  it('have as many parameters as the released configuration', () => {
    const sizes = sizesOf('simipu-kitti');
    // torchvision's ResNet-50 has 25,557,032 with its classifier of 2048 x 1000 + 1000.
    expect(total(sizes, 'imageEncoder')).toBe(25_557_032 - 2_049_000);
    const released = [
      {
        input: 1,
        scales: [
          [32, 32, 64],
          [32, 32, 64],
          [64, 64, 128],
        ],
        out: 128,
      },
      {
        input: 128,
        scales: [
          [64, 64, 128],
          [64, 64, 128],
          [128, 128, 256],
        ],
        out: 256,
      },
      {
        input: 256,
        scales: [
          [128, 128, 256],
          [128, 128, 256],
          [256, 256, 512],
        ],
        out: 1024,
      },
    ];
    const points = released.reduce((sum, { input, scales, out }) => {
      const joined = scales.reduce((width, scale) => width + scale[2], 0);
      return sum + mlpOf([joined, out]) + scales.reduce((all, scale) => all + mlpOf([input, ...scale]), 0);
    }, 0);
    expect(total(sizes, 'pointEncoder')).toBe(points);
    expect(total(sizes, 'simipu/intraPoints')).toBe(mlpOf([1024, 1024, 1024, 128]));
    expect(total(sizes, 'simipu/crossPoints')).toBe(mlpOf([1024, 1024, 1024, 128]));
    expect(total(sizes, 'simipu/crossImage')).toBe(mlpOf([2048, 2048, 2048, 128]));
  });

  it('are those of the small configuration', () => {
    const sizes = sizesOf('simipu-small');
    // torchvision's ResNet-18 has 11,689,512 with its classifier of 512 x 1000 + 1000.
    expect(total(sizes, 'imageEncoder')).toBe(11_689_512 - 513_000);
    for (const head of ['intraPoints', 'crossPoints', 'crossImage']) {
      expect(total(sizes, `simipu/${head}`)).toBe(mlpOf([512, 512, 512, 128]));
    }
    const { levels } = bothEncoders(presetOf('simipu-small')!).points;
    expect(levels.map(({ points, neighbors }) => [points, ...neighbors])).toEqual([
      [512, 16, 16, 32],
      [256, 16, 16, 32],
      [128, 16, 16, 16],
    ]);
    expect(levels.map(({ out }) => out)).toEqual([64, 128, 512]);
  });
});

describeWithRealData('samples of a real frame', 'kitti-object', (root) => {
  it.each(['simipu-kitti', 'simipu-small'])('can be drawn and stacked: %s', async (name) => {
    const frames = await KittiObject.open(root);
    const view = pairView(presetOf(name)!);
    const sample = drawPointPair(await frames.frame(1), Random.fromSeed(1), view);
    const batch = collatePointPairs([sample], view);
    const expected = shapesOf(view, 1);
    for (const [path, { shape }] of leavesOf(batch)) expect(shape, path).toEqual(expected.get(path));
    // Sampled centres of two views of one sweep are near one another, and most of them are in the picture.
    const { distanceM, inside, partner, pixels } = sample;
    expect([...partner].sort((a, b) => a - b)).toEqual(Array.from(partner, (_, i) => i));
    expect([...distanceM].sort((a, b) => a - b)[distanceM.length >> 1]).toBeLessThan(2);
    expect(sample.view.length).toBeGreaterThanOrEqual(2);
    expect(pixels.every((value) => Number.isFinite(value))).toBe(true);
    if (name === 'simipu-small') expect(inside.every((value) => value === 1)).toBe(true);
    const { width, height } = view.image;
    const [right, bottom] = [
      Math.min(width, sample.imageView.width),
      Math.min(height, sample.imageView.height),
    ];
    inside.forEach((value, i) => {
      const [x, y] = [pixels[2 * i], pixels[2 * i + 1]];
      const on = x >= -0.5 && x < right - 0.5 && y >= -0.5 && y < bottom - 0.5;
      expect(value).toBe(on ? 1 : 0);
    });
  });
});
