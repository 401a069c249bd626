import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { gridOf, patchesOf } from '../../../src/objectives/parts/patch-grid.ts';
import { valuesOf } from '../../nn/tensors.ts';

it('cuts the patches that lie wholly in pictures, row by row, the first of all pictures first', () => {
  const [height, width] = [5, 8];
  // A pixel's value says where it is: picture, row, column, channel.
  const value = (m: number, y: number, x: number, c: number) => 1000 * m + 100 * y + 10 * x + c;
  const pictures = tf.buffer([2, height, width, 3]);
  for (let m = 0; m < 2; m++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) for (let c = 0; c < 3; c++) pictures.set(value(m, y, x, c), m, y, x, c);
  const grid = { size: 3, stride: 2 };
  expect(gridOf({ width, height }, grid)).toEqual({ rows: 2, columns: 3 });
  const patches = patchesOf(pictures.toTensor(), grid);
  expect(patches.shape).toEqual([12, 3, 3, 3]);
  const expected: number[] = [];
  for (const top of [0, 2])
    for (const left of [0, 2, 4])
      for (let m = 0; m < 2; m++)
        for (let y = 0; y < 3; y++)
          for (let x = 0; x < 3; x++)
            for (let c = 0; c < 3; c++) expected.push(value(m, top + y, left + x, c));
  expect(valuesOf(patches)).toEqual(expected);
});

it('has none where a patch is larger than the picture', () => {
  expect(gridOf({ width: 8, height: 2 }, { size: 3, stride: 1 })).toEqual({ rows: 0, columns: 6 });
});
