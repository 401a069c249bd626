import { InputError } from '../../engine/input-error.ts';
import { countRows } from '../point-rows.ts';

/** What separates the ground from what stands on it. */
export interface AboveGroundOptions {
  /** The side of a square cell, metres (1). */
  readonly cellM?: number;
  /** How steep the ground may be, metres up a metre along (0.15). */
  readonly maxSlope?: number;
  /** Up to which height above the ground's surface a point belongs to it, metres (0.15). */
  readonly heightM?: number;
  /** Points farther away along the ground are left out: they count as ground, metres (100). */
  readonly reachM?: number;
}

/** A cell's low height is that which this share of its points lies below: reflections below the road are fewer. */
const LOW_SHARE = 0.15;
/** It may be ground where this share of the 24 cells about it, and two at least, are as low, metres up or down. */
const SUPPORT_SHARE = 0.25;
const SUPPORT_M = 0.4;

/**
 * 1 for each point (rows of x, y, z, reflectance in the LiDAR frame) that stands above the ground, else 0. The ground's
 * surface is the highest that passes above no cell's low points and is nowhere steeper than `maxSlope`, so that it follows
 * slopes and runs on below cars and walls that hide it. Cells that are lower or higher than most about them are no ground
 * (reflections below the road). Of what stands where no ground is seen, the foot counts as ground; where no surface can be
 * found at all, nothing does. InputError for rows that are not whole or not finite, and for options that are no lengths.
 */
export function pointsAboveGround(
  points: Float32Array,
  options: AboveGroundOptions = {},
): Uint8Array<ArrayBuffer> {
  const { cellM = 1, maxSlope = 0.15, heightM = 0.15, reachM = 100 } = options;
  const count = countRows(points, 4, 'pointsAboveGround');
  for (const [place, value] of Object.entries({ cellM, maxSlope, heightM, reachM }))
    if (!(value > 0 && Number.isFinite(value)))
      throw new InputError({
        file: 'pointsAboveGround',
        place,
        expected: 'a number above 0',
        found: `${value}`,
      });
  const side = 2 * Math.ceil(reachM / cellM) + 1;
  const middle = (side - 1) / 2;
  const cells = new Int32Array(count).fill(-1);
  const sizes = new Int32Array(side * side + 1);
  for (let i = 0; i < count; i++) {
    const x = points[4 * i];
    const y = points[4 * i + 1];
    if (x * x + y * y > reachM * reachM) continue;
    cells[i] = (Math.round(x / cellM) + middle) * side + Math.round(y / cellM) + middle;
    sizes[cells[i] + 1]++;
  }
  const lowest = lowHeights(points, cells, sizes);
  const surface = supported(lowest, side);
  limitSlope(surface, side, maxSlope * cellM);
  return Uint8Array.from(cells, (cell, i) =>
    cell >= 0 && (surface[cell] === Infinity || points[4 * i + 2] > surface[cell] + heightM) ? 1 : 0,
  );
}

/** The low height of each cell, Infinity where it has no points; `sizes[c + 1]` is the number of points of cell c, and is used up. */
function lowHeights(points: Float32Array, cells: Int32Array, sizes: Int32Array): Float32Array {
  const starts = sizes;
  for (let c = 1; c < starts.length; c++) starts[c] += starts[c - 1];
  const heights = new Float32Array(starts[starts.length - 1]);
  const next = starts.slice();
  for (let i = 0; i < cells.length; i++) if (cells[i] >= 0) heights[next[cells[i]]++] = points[4 * i + 2];
  const low = new Float32Array(starts.length - 1).fill(Infinity);
  for (let c = 0; c < low.length; c++) {
    const size = starts[c + 1] - starts[c];
    if (size > 0) low[c] = heights.subarray(starts[c], starts[c + 1]).sort()[Math.floor(LOW_SHARE * size)];
  }
  return low;
}

/** The heights without those that too few about them are as low as. */
function supported(lowest: Float32Array, side: number): Float32Array {
  const kept = new Float32Array(lowest.length).fill(Infinity);
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) {
      const low = lowest[row * side + column];
      if (low === Infinity) continue;
      let support = -1;
      let others = -1;
      for (let r = Math.max(0, row - 2); r <= Math.min(side - 1, row + 2); r++)
        for (let c = Math.max(0, column - 2); c <= Math.min(side - 1, column + 2); c++) {
          const other = lowest[r * side + c];
          if (other === Infinity) continue;
          others++;
          if (Math.abs(other - low) <= SUPPORT_M) support++;
        }
      if (support >= Math.max(2, SUPPORT_SHARE * others)) kept[row * side + column] = low;
    }
  return kept;
}

/** Lowers each height to what its eight neighbours allow at `rise` metres a cell, by one sweep forward and one back. */
function limitSlope(heights: Float32Array, side: number, rise: number): void {
  const across = Math.SQRT2 * rise;
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) lower(heights, side, row, column, -1, rise, across);
  for (let row = side - 1; row >= 0; row--)
    for (let column = side - 1; column >= 0; column--) lower(heights, side, row, column, 1, rise, across);
}

/** Lowers one height by the neighbour along its row and the three of the next row, on one side. */
function lower(
  heights: Float32Array,
  side: number,
  row: number,
  column: number,
  step: -1 | 1,
  rise: number,
  across: number,
): void {
  const at = row * side + column;
  let height = heights[at];
  const along = column + step;
  if (along >= 0 && along < side) height = Math.min(height, heights[at + step] + rise);
  const next = row + step;
  if (next >= 0 && next < side) {
    height = Math.min(height, heights[at + step * side] + rise);
    if (column > 0) height = Math.min(height, heights[at + step * side - 1] + across);
    if (column < side - 1) height = Math.min(height, heights[at + step * side + 1] + across);
  }
  heights[at] = height;
}
