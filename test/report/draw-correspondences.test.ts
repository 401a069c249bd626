import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { decodeImage, encodePng } from '../../src/image/decode-image.ts';
import { drawCorrespondences } from '../../src/report/draw-correspondences.ts';
import { drawnPicture } from '../image/proposals/drawn-picture.ts';

it('draws a row a picture: its boxes, the boxes of its best pairs, and the neighbours with theirs in the same colour', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'drawn-'));
  const root = join(folder, 'pictures');
  await mkdir(root);
  // Two pictures of 40 x 20 are drawn four times as large; the third was damaged.
  const grey = drawnPicture({ width: 40, height: 20, ground: [128, 128, 128] }, []);
  for (const name of ['a', 'b']) await writeFile(join(root, `${name}.png`), await encodePng(grey));
  await writeFile(join(root, 'c.png'), 'damaged');
  const correspondences = {
    sizes: Int32Array.of(40, 20, 40, 20, 0, 0),
    boxes: Int32Array.of(0, 0, 10, 10, 20, 5, 40, 20, 5, 5, 15, 15),
    boxesFrom: Int32Array.of(0, 2, 3, 3),
    neighbours: Int32Array.of(1, 0, -1),
    pairs: Int32Array.of(1, 2, 2, 1),
    pairsFrom: Int32Array.of(0, 1, 2, 2),
  };
  const file = join(folder, 'drawn.png');
  await drawCorrespondences({ correspondences, data: { root }, file });
  const { width, height, data } = await decodeImage(new Uint8Array(await readFile(file)), { file });
  // Three cells of 160 a row, two rows, 8 between and around them.
  expect([width, height]).toEqual([3 * 168 + 8, 2 * 168 + 8]);
  const at = (column: number, row: number, x: number, y: number) => {
    const pixel = 3 * ((8 + 168 * row + y) * width + 8 + 168 * column + x);
    return [...data.subarray(pixel, pixel + 3)];
  };
  const [first, second, ground] = [
    [242, 177, 52],
    [79, 179, 255],
    [128, 128, 128],
  ];
  // The left edges of the boxes of picture a, a pixel inside of them, half-way down.
  expect(at(0, 0, 1, 20)).toEqual(first);
  expect(at(0, 0, 82, 50)).toEqual(second);
  expect(at(0, 0, 60, 20)).toEqual(ground);
  // Its best pair, and the box of its neighbour b.
  expect(at(1, 0, 81, 50)).toEqual(first);
  expect(at(2, 0, 21, 40)).toEqual(first);
  expect(at(2, 0, 81, 50)).toEqual(ground);
  // The row of b: its own box, and that of a.
  expect(at(1, 1, 21, 40)).toEqual(first);
  expect(at(2, 1, 81, 50)).toEqual(first);
  await rm(folder, { recursive: true });
});
