import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { roiAlign } from '../../src/detection/roi-align.ts';
import { cellPixels, roiTables } from '../../src/detection/roi-tables.ts';
import { compile } from '../../src/engine/compile.ts';
import { float32, type HostTensor, int32 } from '../../src/engine/host-tensor.ts';
import type { ImageBox } from '../../src/geometry/box-projection.ts';
import { leafAt } from '../../src/nn/layer.ts';
import { distance, expectGradients, randomTensor, valuesOf, weighed } from '../nn/tensors.ts';

const grid = { width: 9, height: 5, stride: 4 };

/** A map at a place in cells, in plain loops: bilinear, held at the outermost centres, nothing beyond a cell from them. */
function sampled(plane: (row: number, column: number) => number, x: number, y: number): number {
  if (x <= -1 || y <= -1 || x >= grid.width || y >= grid.height) return 0;
  const [hx, hy] = [Math.min(Math.max(x, 0), grid.width - 1), Math.min(Math.max(y, 0), grid.height - 1)];
  let sum = 0;
  for (let row = 0; row < grid.height; row++) {
    for (let column = 0; column < grid.width; column++) {
      const weight = Math.max(0, 1 - Math.abs(hx - column)) * Math.max(0, 1 - Math.abs(hy - row));
      sum += weight * plane(row, column);
    }
  }
  return sum;
}

/** RoIAlign with a sample in the middle of each bin, in plain loops: region r of image `of[r]`. */
function restated(map: tf.Tensor, boxes: readonly ImageBox[], of: readonly number[], size: number): number[] {
  const [, channels, height, width] = map.shape as [number, number, number, number];
  const values = valuesOf(map);
  const result: number[] = [];
  boxes.forEach(([left, top, right, bottom], r) => {
    for (let c = 0; c < channels; c++) {
      const plane = (row: number, column: number) =>
        values[((of[r] * channels + c) * height + row) * width + column];
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) {
          const u = left + ((j + 0.5) / size) * (right - left);
          const v = top + ((i + 0.5) / size) * (bottom - top);
          // Cell k covers the pixels 4k to 4k + 3, and pixel p is the square around p: cell k's centre is at 4k + 1.5.
          result.push(sampled(plane, (u - 1.5) / 4, (v - 1.5) / 4));
        }
      }
    }
  });
  return result;
}

const boxes: ImageBox[] = [
  [2, 3, 20, 15],
  [-6, -4, 9.5, 8],
  [25, 10, 41, 30],
  [13.2, 7.1, 13.9, 7.4],
];

/** Tables of regions of two images, one after the other, as batches have them. */
function stacked(size: number, perImage: readonly [ImageBox[], ImageBox[]]) {
  const tables = perImage.map((own) => roiTables(own, grid, size));
  const cells = tables.flatMap((table, b) =>
    [...table.cells].map((cell) => cell + b * grid.width * grid.height),
  );
  const weights = tables.flatMap((table) => [...table.weights]);
  return { cells: Int32Array.from(cells), weights: Float32Array.from(weights) };
}

describe('roiAlign', () => {
  const map = randomTensor('map', [2, 3, grid.height, grid.width]);
  const perImage: [ImageBox[], ImageBox[]] = [boxes.slice(0, 2), boxes.slice(2)];
  const of = [0, 0, 1, 1];

  it.each([1, 2, 7, 14])('samples the middles of %i x %i bins, each region in its own image', (size) => {
    const { cells, weights } = stacked(size, perImage);
    const found = roiAlign(map, { cells: tf.tensor1d(cells, 'int32'), weights: tf.tensor1d(weights) }, size);
    expect(found.shape).toEqual([4, 3, size, size]);
    expect(distance(valuesOf(found), restated(map, boxes, of, size))).toBeLessThan(1e-5);
  });

  it('gives gradients to the map', () => {
    const { cells, weights } = stacked(3, perImage);
    const tables = { cells: tf.tensor1d(cells, 'int32'), weights: tf.tensor1d(weights) };
    expectGradients((tree) => weighed(roiAlign(leafAt(tree, 'map'), tables, 3)), { map }, { elements: 40 });
  });

  it('gives the same by ONNX Runtime, gradients included', async () => {
    const size = 4;
    const { cells, weights } = stacked(size, perImage);
    const state = { map: float32(valuesOf(map), [...map.shape]) };
    const batch = { cells: int32(cells, [cells.length]), weights: float32(weights, [weights.length]) };
    const direction = valuesOf(randomTensor('direction', [4, 3, size, size]));
    const run = (x: tf.Tensor, tables: { cells: tf.Tensor; weights: tf.Tensor }) => {
      const value = (of: tf.Tensor) => roiAlign(of, tables, size);
      const gradient = tf.grad((of: tf.Tensor) =>
        tf.sum(tf.mul(value(of), tf.tensor(direction, [4, 3, size, size]))),
      );
      return { regions: value(x), gradient: gradient(x) };
    };
    const step = await compile(
      (model, data) => [
        model,
        run(leafAt(model, 'map'), { cells: leafAt(data, 'cells'), weights: leafAt(data, 'weights') }),
      ],
      { state, batch },
    );
    const { outputs } = await step.run(state, batch);
    const eager = run(map, { cells: tf.tensor1d(cells, 'int32'), weights: tf.tensor1d(weights) });
    for (const name of ['regions', 'gradient'] as const) {
      const { data } = (outputs as Record<string, HostTensor>)[name];
      expect(distance(data as Float32Array, valuesOf(eager[name]))).toBeLessThan(1e-5);
    }
    await step.dispose();
  });

  it('reads coordinates out of a map of coordinates: `cellPixels` says where it looked', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 2, max: 14, noNaN: true }),
        fc.double({ min: 2, max: 9, noNaN: true }),
        fc.double({ min: 0.5, max: 19, noNaN: true }),
        fc.double({ min: 0.5, max: 8, noNaN: true }),
        (left, top, width, height) => {
          const box: ImageBox = [left, top, left + width, top + height];
          const size = 7;
          const { cells, weights } = roiTables([box], grid, size);
          const pixels = cellPixels(box, size);
          for (let at = 0; at < size * size; at++) {
            let [u, v, total] = [0, 0, 0];
            for (let corner = 4 * at; corner < 4 * at + 4; corner++) {
              u += weights[corner] * (4 * (cells[corner] % grid.width) + 1.5);
              v += weights[corner] * (4 * Math.floor(cells[corner] / grid.width) + 1.5);
              total += weights[corner];
            }
            expect(total).toBeCloseTo(1, 5);
            expect(distance([u, v], pixels.subarray(2 * at, 2 * at + 2))).toBeLessThan(1e-3);
          }
        },
      ),
    );
  });

  it('gives nothing where a region lies off the map, and names no cell that is not there', () => {
    const { cells, weights } = roiTables(
      [
        [-60, -60, -20, -20],
        [60, 4, 90, 12],
        [-20, -20, 80, 60],
      ],
      grid,
      7,
    );
    const off = weights.subarray(0, 2 * 49 * 4);
    expect(off.every((weight) => weight === 0)).toBe(true);
    expect(cells.every((cell) => cell >= 0 && cell < grid.width * grid.height)).toBe(true);
    expect(weights.every((weight) => weight >= 0 && weight <= 1)).toBe(true);
    const sums = Array.from({ length: 49 }, (_, i) =>
      weights.subarray(4 * (98 + i), 4 * (98 + i) + 4).reduce((sum, weight) => sum + weight, 0),
    );
    // Of a region larger than the map only the bins over it, or within a cell of it, are sampled, and those whole.
    expect(sums.filter((sum) => sum > 0).every((sum) => Math.abs(sum - 1) < 1e-6)).toBe(true);
    expect(sums.some((sum) => sum === 0) && sums.some((sum) => sum > 0)).toBe(true);
  });
});
