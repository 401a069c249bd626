import { spreadOf } from '../../../pointcloud/spread.ts';
import type { Pass } from '../../point-stream.ts';

/** Clouds of more points are drawn in levels of detail. */
export const tiledPoints = 1_500_000;
/** Tiles of a grid, about. */
const tilesWanted = 1024;

/** Squares seen from above, in rows, into which the points of a cloud fall; those on its rim also hold what lies beyond it. */
export interface TileGrid {
  readonly columns: number;
  readonly rows: number;
  readonly lowX: number;
  readonly lowY: number;
  readonly sideM: number;
}

/** A pass whose points are in the order of their tiles. */
export interface TiledPass {
  readonly pass: Pass;
  /** Tile t has the points starts[t] to starts[t + 1] of the pass. */
  readonly starts: Uint32Array;
  /** Corners of what holds the tile's points of this pass: min x, y, z, max x, y, z of each; min above max where there are none. */
  readonly bounds: Float32Array;
}

/** The grid over where most of these points are. */
export function tileGridOf(positions: Float32Array): TileGrid {
  const count = positions.length / 3;
  const [x, y] = [0, 1].map((axis) => {
    const values = Float32Array.from({ length: count }, (_, i) => positions[3 * i + axis]);
    return spreadOf(values) ?? { low: 0, high: 1 };
  });
  const [width, height] = [x, y].map(({ low, high }) => Math.max(high - low, 1e-3));
  const sideM = Math.max(Math.sqrt((width * height) / tilesWanted), Math.max(width, height) / tilesWanted);
  return {
    columns: Math.ceil(width / sideM),
    rows: Math.ceil(height / sideM),
    lowX: x.low,
    lowY: y.low,
    sideM,
  };
}

/** The number of the tile that a place falls into; the first one for places with NaN. */
export function tileAt({ columns, rows, lowX, lowY, sideM }: TileGrid, x: number, y: number): number {
  const column = Math.min(columns - 1, Math.max(0, Math.floor((x - lowX) / sideM)));
  const row = Math.min(rows - 1, Math.max(0, Math.floor((y - lowY) / sideM)));
  return Number.isNaN(column + row) ? 0 : row * columns + column;
}

/** A pass with its points in the order of their tiles; among those of a tile the order stays. */
export function sortIntoTiles(pass: Pass, grid: TileGrid): TiledPass {
  const tiles = grid.columns * grid.rows;
  const { indices, positions, fields } = pass;
  const count = indices.length;
  const tileOf = new Uint32Array(count);
  const starts = new Uint32Array(tiles + 1);
  const bounds = new Float32Array(6 * tiles);
  for (let t = 0; t < tiles; t++)
    bounds.fill(Infinity, 6 * t, 6 * t + 3).fill(-Infinity, 6 * t + 3, 6 * t + 6);
  for (let i = 0; i < count; i++) {
    const tile = tileAt(grid, positions[3 * i], positions[3 * i + 1]);
    tileOf[i] = tile;
    starts[tile + 1]++;
    for (let axis = 0; axis < 3; axis++) {
      const value = positions[3 * i + axis];
      const at = 6 * tile + axis;
      if (value < bounds[at]) bounds[at] = value;
      if (value > bounds[at + 3]) bounds[at + 3] = value;
    }
  }
  for (let t = 0; t < tiles; t++) starts[t + 1] += starts[t];
  const next = starts.slice();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[next[tileOf[i]]++] = i;
  const moved = new Float32Array(3 * count);
  for (let k = 0; k < count; k++) {
    const from = 3 * order[k];
    moved[3 * k] = positions[from];
    moved[3 * k + 1] = positions[from + 1];
    moved[3 * k + 2] = positions[from + 2];
  }
  const columns: { [name: string]: Float32Array } = Object.create(null);
  for (const [name, values] of Object.entries(fields)) columns[name] = picked(values, order);
  return { pass: { indices: picked(indices, order), positions: moved, fields: columns }, starts, bounds };
}

function picked<Values extends Float32Array | Int32Array>(values: Values, order: Uint32Array): Values {
  const into = values.slice() as Values;
  for (let k = 0; k < order.length; k++) into[k] = values[order[k]];
  return into;
}
