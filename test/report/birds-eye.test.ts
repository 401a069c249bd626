import { describe, expect, test } from 'vitest';
import type { RgbImage } from '../../src/image/rgb-image.ts';
import { drawBirdsEye, drawLine } from '../../src/report/birds-eye.ts';
import { drawBoxes } from '../../src/report/draw-boxes.ts';

function pixel(image: RgbImage, column: number, row: number): number[] {
  return Array.from(
    image.data.subarray(3 * (row * image.width + column), 3 * (row * image.width + column) + 3),
  );
}

describe('a view from above', () => {
  test('puts a point ahead up and a point to the left left', () => {
    const empty = drawBirdsEye(new Float32Array(0), { rangeM: 5, sizePx: 100 });
    const image = drawBirdsEye(Float32Array.of(3.05, 0.05, 0, 0.5, -0.95, 2.05, 0, 0.5), {
      rangeM: 5,
      sizePx: 100,
    });
    const changed: string[] = [];
    for (let row = 0; row < 100; row++)
      for (let column = 0; column < 100; column++)
        if (pixel(image, column, row).join() !== pixel(empty, column, row).join())
          changed.push(`${column},${row}`);
    expect(changed.sort()).toEqual(['29,59', '49,19']);
  });

  test('shows the highest of points above each other, and leaves out what is far or not a number', () => {
    const low = drawBirdsEye(Float32Array.of(2, 2, -2, 0), { rangeM: 5, sizePx: 50 });
    const both = drawBirdsEye(Float32Array.of(2, 2, 2, 0, 2, 2, -2, 0, 99, 0, 0, 0, Number.NaN, 1, 1, 1), {
      rangeM: 5,
      sizePx: 50,
    });
    const high = drawBirdsEye(Float32Array.of(2, 2, 2, 0), { rangeM: 5, sizePx: 50 });
    expect(both.data).toEqual(high.data);
    expect(both.data).not.toEqual(low.data);
  });

  test('outlines boxes', () => {
    const box = { center: [3, 1, 0], sizeM: [2, 1, 1], yaw: 0 } as const;
    const image = drawBirdsEye(new Float32Array(0), {
      rangeM: 5,
      sizePx: 100,
      boxes: [{ box, color: [1, 2, 3] }],
    });
    // x 2..4 are rows 30..10, y 0.5..1.5 are columns 45..35.
    for (const [column, row] of [
      [35, 10],
      [45, 10],
      [35, 30],
      [45, 30],
      [40, 10],
      [40, 30],
      [35, 20],
      [45, 20],
    ])
      expect(pixel(image, column, row)).toEqual([1, 2, 3]);
    expect(pixel(image, 37, 20)).not.toEqual([1, 2, 3]);
  });

  test('has the distance of each ring beside it', () => {
    const image = drawBirdsEye(new Float32Array(0), { rangeM: 25, sizePx: 500, sensor: false });
    const isBright = (column: number, row: number) => pixel(image, column, row)[0] > 100;
    // The ring of 10 m is 100 pixels wide: at 45 degrees that is (321, 179).
    const rows = Array.from({ length: 5 }, (_, row) =>
      Array.from({ length: 7 }, (_, dot) => (isBright(324 + 2 * dot, 174 + 2 * row) ? '#' : ' ')).join(''),
    );
    expect(rows).toEqual([' #  ###', '##  # #', ' #  # #', ' #  # #', '### ###']);
    let bright = 0;
    for (let i = 0; i < image.data.length; i += 3) if (image.data[i] > 100) bright++;
    // 1, 0, 2, 0 in dots of four pixels.
    expect(bright).toBe(4 * (8 + 12 + 11 + 12));
  });

  test('refuses sizes that cannot be', () => {
    expect(() => drawBirdsEye(new Float32Array(0), { sizePx: 1e9 })).toThrow(RangeError);
    expect(() => drawBirdsEye(new Float32Array(0), { rangeM: Number.NaN })).toThrow(RangeError);
  });
});

test('a line is clipped to the picture however far it goes', () => {
  const image = { width: 10, height: 10, data: new Uint8Array(300) };
  drawLine(image, -1e12, 4, 1e12, 4, [9, 9, 9]);
  for (let column = 0; column < 10; column++) expect(pixel(image, column, 4)).toEqual([9, 9, 9]);
  drawLine(image, 0, 20, 9, 20, [8, 8, 8]);
  drawLine(image, Number.NaN, 0, 1, 1, [8, 8, 8]);
  expect(image.data.includes(8)).toBe(false);
});

test('the wires of a box go round its projection, and a box about the camera does not break it', () => {
  const image = { width: 40, height: 40, data: new Uint8Array(4800) };
  const matrix = Float64Array.of(20, -20, 0, 0, 20, 0, -20, 0, 1, 0, 0, 0);
  const box = { center: [5.5, 0, 0], sizeM: [1, 2, 2], yaw: 0 } as const;
  const drawn = drawBoxes(image, [{ box, color: [7, 7, 7] }], matrix);
  for (const [column, row] of [
    [16, 16],
    [24, 16],
    [16, 24],
    [24, 24],
    [20, 16],
  ])
    expect(pixel(drawn, column, row)).toEqual([7, 7, 7]);
  expect(pixel(drawn, 20, 20)).toEqual([0, 0, 0]);
  expect(image.data.includes(7)).toBe(false);
  drawBoxes(image, [{ box: { ...box, center: [0, 0, 0] } }], matrix);
});
