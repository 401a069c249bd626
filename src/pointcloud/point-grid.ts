/** Cells along an axis at most, so that a cell's key is exact in float64; wider clouds get larger cells. */
const maxCellsPerAxis = 2 ** 17;

/** Where the cells of a grid lie. */
export interface GridFrame {
  /** Edge of a cell in metres. */
  readonly cellM: number;
  readonly origin: readonly [number, number, number];
  /** Cells along x, y, z. */
  readonly size: readonly [number, number, number];
}

/**
 * A uniform grid over points of which only the occupied cells are kept, in a hash table.
 * Points are copied cell by cell, by ascending index within a cell.
 */
export interface PointGrid {
  readonly frame: GridFrame;
  /** Cell c holds positions `cellStart[c]` up to `cellStart[c + 1]`. */
  readonly cellStart: Int32Array;
  /** The point at each position. */
  readonly order: Int32Array;
  /** Coordinates by position. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly z: Float32Array;
  /** Open addressing: the key of each slot (-1 where it is free) and its cell. */
  readonly slotKey: Float64Array;
  readonly slotCell: Int32Array;
}

/** The frame around finite points (rows of `stride` floats, at least one row); cells are larger than asked where the cloud is very wide. */
export function gridFrameOf(
  points: Float32Array,
  options: { readonly stride: number; readonly cellM: number },
): GridFrame {
  const origin: [number, number, number] = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let at = 0; at < points.length; at += options.stride)
    for (let axis = 0; axis < 3; axis++) {
      const value = points[at + axis];
      if (value < origin[axis]) origin[axis] = value;
      if (value > high[axis]) high[axis] = value;
    }
  const extent = Math.max(high[0] - origin[0], high[1] - origin[1], high[2] - origin[2]);
  const cellM = Math.max(options.cellM, extent / (maxCellsPerAxis - 1));
  const cells = (axis: number) => Math.floor((high[axis] - origin[axis]) / cellM) + 1;
  return { cellM, origin, size: [cells(0), cells(1), cells(2)] };
}

/** Sorts points (rows of `stride` floats) into the cells of the frame; those outside it go to the cells at its border. */
export function buildPointGrid(
  points: Float32Array,
  options: { readonly stride: number; readonly frame: GridFrame },
): PointGrid {
  const { stride, frame } = options;
  const { size } = frame;
  const count = points.length / stride;
  let slots = 16;
  while (slots < 2 * count) slots *= 2;
  const slotKey = new Float64Array(slots).fill(-1);
  const slotCell = new Int32Array(slots);
  const cellOfPoint = new Int32Array(count);
  const cellCount = new Int32Array(count + 1);
  let occupied = 0;
  for (let i = 0, at = 0; i < count; i++, at += stride) {
    const ix = cellAlong(frame, 0, points[at]);
    const iy = cellAlong(frame, 1, points[at + 1]);
    const iz = cellAlong(frame, 2, points[at + 2]);
    const key = (iz * size[1] + iy) * size[0] + ix;
    let slot = slotOf(ix, iy, iz) & (slots - 1);
    while (slotKey[slot] !== key && slotKey[slot] !== -1) slot = (slot + 1) & (slots - 1);
    if (slotKey[slot] === -1) {
      slotKey[slot] = key;
      slotCell[slot] = occupied++;
    }
    cellOfPoint[i] = slotCell[slot];
    cellCount[slotCell[slot]]++;
  }

  const cellStart = new Int32Array(occupied + 1);
  for (let cell = 0; cell < occupied; cell++) cellStart[cell + 1] = cellStart[cell] + cellCount[cell];
  const next = cellStart.slice();
  const order = new Int32Array(count);
  const x = new Float32Array(count);
  const y = new Float32Array(count);
  const z = new Float32Array(count);
  for (let i = 0, at = 0; i < count; i++, at += stride) {
    const position = next[cellOfPoint[i]]++;
    order[position] = i;
    x[position] = points[at];
    y[position] = points[at + 1];
    z[position] = points[at + 2];
  }
  return { frame, cellStart, order, x, y, z, slotKey, slotCell };
}

/** The cell at a place of the grid, which must lie within its size, or -1 where it holds no point. */
export function cellAt(grid: PointGrid, ix: number, iy: number, iz: number): number {
  const { frame, slotKey, slotCell } = grid;
  const { size } = frame;
  const mask = slotKey.length - 1;
  const key = (iz * size[1] + iy) * size[0] + ix;
  let slot = slotOf(ix, iy, iz) & mask;
  while (slotKey[slot] !== -1) {
    if (slotKey[slot] === key) return slotCell[slot];
    slot = (slot + 1) & mask;
  }
  return -1;
}

/** The cell number along an axis of a coordinate, kept within the frame; it never decreases as the coordinate grows. */
export function cellAlong(frame: GridFrame, axis: number, value: number): number {
  const cell = Math.floor((value - frame.origin[axis]) / frame.cellM);
  return Math.min(Math.max(cell, 0), frame.size[axis] - 1);
}

function slotOf(ix: number, iy: number, iz: number): number {
  const mixed = Math.imul(ix, 0x9e3779b1) ^ Math.imul(iy, 0x85ebca6b) ^ Math.imul(iz, 0xc2b2ae35);
  return Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 4;
}
