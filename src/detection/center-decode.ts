import type { ImageBox } from '../geometry/box-projection.ts';
import { type CenterGrid, SIDE_UNIT, toPixels } from './center-targets.ts';

/** A peak that was found on a map. */
export interface Peak {
  readonly classIndex: number;
  /** 0 to 1. */
  readonly score: number;
  /** Row of the map's cells: row·width + column. */
  readonly cell: number;
  readonly column: number;
  readonly row: number;
}

/**
 * The peaks of one picture, by falling score: cells whose logit (rows of K classes) is the largest of the 3x3 around it, of
 * its class, with a probability of at least `threshold`; at most `maxPeaks`.
 */
export function findPeaks(
  logits: Float32Array,
  options: {
    readonly grid: CenterGrid;
    readonly classes: number;
    readonly threshold: number;
    readonly maxPeaks: number;
  },
): Peak[] {
  const { grid, classes, threshold, maxPeaks } = options;
  const { width, height } = grid;
  const least = Math.log(threshold / (1 - threshold));
  const peaks: Peak[] = [];
  for (let cell = 0; cell < width * height; cell++) {
    const column = cell % width;
    const row = (cell - column) / width;
    for (let k = 0; k < classes; k++) {
      const value = logits[cell * classes + k];
      if (!(value >= least)) continue;
      if (!isHighest(logits, { value, k, column, row, classes, width, height })) continue;
      peaks.push({ classIndex: k, score: 1 / (1 + Math.exp(-value)), cell, column, row });
    }
  }
  return peaks.sort((a, b) => b.score - a.score || a.cell - b.cell).slice(0, maxPeaks);
}

function isHighest(
  logits: Float32Array,
  at: {
    value: number;
    k: number;
    column: number;
    row: number;
    classes: number;
    width: number;
    height: number;
  },
): boolean {
  for (let dy = -1; dy <= 1; dy++) {
    for (let dx = -1; dx <= 1; dx++) {
      const [column, row] = [at.column + dx, at.row + dy];
      if (column < 0 || row < 0 || column >= at.width || row >= at.height || (dx === 0 && dy === 0)) continue;
      const other = logits[(row * at.width + column) * at.classes + at.k];
      // Of two equal neighbours the first is the peak.
      if (other > at.value || (other === at.value && (dy < 0 || (dy === 0 && dx < 0)))) return false;
    }
  }
  return true;
}

/** The centre of a peak in pixels of the canvas, from its predicted offset. */
export function centerOf(
  { column, row }: Peak,
  offset: ArrayLike<number>,
  { stride }: CenterGrid,
): [x: number, y: number] {
  return [toPixels(column + offset[0], stride), toPixels(row + offset[1], stride)];
}

/** The box of a peak in pixels of the canvas, from its predicted sides. */
export function boxOf({ column, row }: Peak, sides: ArrayLike<number>, { stride }: CenterGrid): ImageBox {
  return [
    toPixels(column - SIDE_UNIT * sides[0], stride),
    toPixels(row - SIDE_UNIT * sides[1], stride),
    toPixels(column + SIDE_UNIT * sides[2], stride),
    toPixels(row + SIDE_UNIT * sides[3], stride),
  ];
}
