import type { ImageBox } from '../geometry/box-projection.ts';
import { type CenterGrid, toCells } from './center-targets.ts';

/** Where regions of interest are sampled on a map: four cells around each place and their weights. */
export interface RoiTables {
  /** int32 [R·size²·4]: row·width + column; float32 [R·size²·4]: 0 for what lies outside. */
  readonly cells: Int32Array;
  readonly weights: Float32Array;
}

/**
 * The tables of RoIAlign (He et al. 2017) with one sample in the middle of each of size x size bins of boxes in pixels of the
 * canvas. Two by two, the bins of 14 are the samples of RoIAlign with 7 bins of 2 x 2 samples. Coordinates alone decide them, so they
 * are made with the batch.
 */
export function roiTables(boxes: readonly ImageBox[], grid: CenterGrid, size: number): RoiTables {
  const places = size * size;
  const cells = new Int32Array(boxes.length * places * 4);
  const weights = new Float32Array(boxes.length * places * 4);
  boxes.forEach(([left, top, right, bottom], r) => {
    for (let row = 0; row < size; row++) {
      const y = toCells(top + ((row + 0.5) * (bottom - top)) / size, grid.stride);
      for (let column = 0; column < size; column++) {
        const x = toCells(left + ((column + 0.5) * (right - left)) / size, grid.stride);
        addCorners({ cells, weights }, 4 * (r * places + row * size + column), { x, y, grid });
      }
    }
  });
  return { cells, weights };
}

function addCorners(
  { cells, weights }: RoiTables,
  at: number,
  { x, y, grid }: { readonly x: number; readonly y: number; readonly grid: CenterGrid },
): void {
  // Up to a cell beyond the outermost centres the map goes on as it ends there.
  if (!(x > -1 && y > -1 && x < grid.width && y < grid.height)) return;
  const [heldX, heldY] = [clamp(x, grid.width - 1), clamp(y, grid.height - 1)];
  const [left, top] = [Math.floor(heldX), Math.floor(heldY)];
  for (let corner = 0; corner < 4; corner++) {
    const column = Math.min(grid.width - 1, left + (corner & 1));
    const row = Math.min(grid.height - 1, top + (corner >> 1));
    const across = corner & 1 ? heldX - left : 1 - (heldX - left);
    const down = corner >> 1 ? heldY - top : 1 - (heldY - top);
    cells[at + corner] = row * grid.width + column;
    weights[at + corner] = across * down;
  }
}

function clamp(value: number, most: number): number {
  return Math.max(0, Math.min(most, value));
}

/** The pixel of the canvas in the middle of each of size x size cells of a box: rows of u, v, row by row. */
export function cellPixels([left, top, right, bottom]: ImageBox, size: number): Float32Array {
  const pixels = new Float32Array(size * size * 2);
  for (let row = 0, at = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      pixels[at++] = left + ((column + 0.5) * (right - left)) / size;
      pixels[at++] = top + ((row + 0.5) * (bottom - top)) / size;
    }
  }
  return pixels;
}
