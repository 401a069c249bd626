import type { Pass, StreamHeader } from '../../point-stream.ts';
import type { CloudTiles } from '../scene/detail.ts';
import type { TiledPass, TileGrid } from './tiles.ts';

/**
 * A sweep as it arrives: rows in the order of the stream, of which the first `filled` are there. Row numbers are the page's
 * own; `fileIndex` leads to the point's number in its file, and `rowOf` back.
 */
export class Sweep {
  readonly frame: number;
  readonly header: StreamHeader;
  /** Rows of x, y, z in the LiDAR frame from `origin`, metres; NaN for points without a place. */
  readonly positions: Float32Array;
  readonly fileIndex: Int32Array;
  /** The file's other fields by name, from their columns' origins. */
  readonly fields: ReadonlyMap<string, Float32Array>;
  filled = 0;
  private readonly begins: readonly number[];
  private grown: { readonly tiles: CloudTiles; readonly passes: Uint32Array[] } | undefined;

  constructor(frame: number, header: StreamHeader) {
    const { count, columns, stride, firsts } = header;
    this.frame = frame;
    this.header = header;
    this.positions = new Float32Array(3 * count);
    this.fileIndex = new Int32Array(count);
    this.fields = new Map(columns.slice(3).map(({ name }) => [name, new Float32Array(count)]));
    let begin = 0;
    this.begins = firsts.map((first) => {
      const at = begin;
      begin += Math.ceil((count - first) / stride);
      return at;
    });
  }

  get count(): number {
    return this.header.count;
  }

  /** The place of the file's frame that positions are counted from; (0, 0, 0) but for places of a map. */
  get origin(): readonly [x: number, y: number, z: number] {
    const [x, y, z] = this.header.columns;
    return [x.origin, y.origin, z.origin];
  }

  /** Whether positions are about the sensor, so that distances from it mean something. */
  get isAboutSensor(): boolean {
    return this.origin.every((value) => value === 0);
  }

  get complete(): boolean {
    return this.filled === this.count;
  }

  /** The tiles of a large sweep, in whose order the rows of each pass are; they grow as it comes. */
  get tiles(): CloudTiles | undefined {
    return this.grown?.tiles;
  }

  /** Takes a pass whose points are in the order of a grid's tiles. */
  appendTiled({ pass, starts, bounds }: TiledPass, grid: TileGrid): void {
    this.grown ??= emptyTiles(grid);
    const { tiles, passes } = this.grown;
    const from = this.filled;
    passes.push(starts.map((start) => start + from));
    for (let at = 0; at < bounds.length; at += 6) {
      for (let axis = 0; axis < 3; axis++) {
        tiles.bounds[at + axis] = Math.min(tiles.bounds[at + axis], bounds[at + axis]);
        tiles.bounds[at + 3 + axis] = Math.max(tiles.bounds[at + 3 + axis], bounds[at + 3 + axis]);
      }
    }
    this.append(pass);
  }

  append({ indices, positions, fields }: Pass): void {
    this.positions.set(positions, 3 * this.filled);
    this.fileIndex.set(indices, this.filled);
    for (const [name, values] of this.fields) values.set(fields[name], this.filled);
    this.filled += indices.length;
  }

  /** The row of a point of the file; undefined where it has not come yet or there is none. */
  rowOf(point: number): number | undefined {
    if (!(point >= 0 && point < this.count)) return undefined;
    const { stride, firsts } = this.header;
    const first = point % stride;
    const begin = this.begins[firsts.indexOf(first)];
    const row = begin + (point - first) / stride;
    if (this.grown !== undefined) {
      const found = this.fileIndex.subarray(
        begin,
        Math.min(begin + Math.ceil(this.count / stride), this.filled),
      );
      const at = found.indexOf(point);
      return at < 0 ? undefined : begin + at;
    }
    return row < this.filled ? row : undefined;
  }

  /** x, y, z of a row. */
  position(row: number): [x: number, y: number, z: number] {
    const at = 3 * row;
    return [this.positions[at], this.positions[at + 1], this.positions[at + 2]];
  }
}

function emptyTiles({ columns, rows, lowX, lowY, sideM }: TileGrid) {
  const count = columns * rows;
  const middles = new Float32Array(2 * count);
  const bounds = new Float32Array(6 * count);
  for (let t = 0; t < count; t++) {
    middles[2 * t] = lowX + ((t % columns) + 0.5) * sideM;
    middles[2 * t + 1] = lowY + (Math.floor(t / columns) + 0.5) * sideM;
    bounds.fill(Infinity, 6 * t, 6 * t + 3).fill(-Infinity, 6 * t + 3, 6 * t + 6);
  }
  const passes: Uint32Array[] = [];
  return { tiles: { count, middles, sideM, bounds, passes }, passes };
}
