/** Points by cell of a grid, and in a cell by height: layers between which there is a gap. */
export interface Layers {
  readonly count: number;
  /** Points that are in a cell, cell by cell, from the lowest up. */
  readonly order: Int32Array;
  /** Layer l is `order[start[l]]` up to `order[start[l + 1]]`, the end exclusive. */
  readonly start: Int32Array;
  /** The layers of cell c are `firstOfCell[c]` up to `firstOfCell[c + 1]`, the end exclusive. */
  readonly firstOfCell: Int32Array;
  /** Cells with points, ascending. */
  readonly occupied: readonly number[];
}

/** The layers of points (rows of x, y, z, reflectance) in cells 0 … cells-1, or -1: a step in height of `gapAt` metres or more in a cell begins another layer. */
export function layersOf(
  points: Float32Array,
  cellOf: Int32Array,
  options: { readonly cells: number; readonly gapAt: (cell: number) => number },
): Layers {
  const { cells, gapAt } = options;
  const ends = new Int32Array(cells);
  for (const cell of cellOf) if (cell >= 0) ends[cell]++;
  const occupied: number[] = [];
  let total = 0;
  for (let cell = 0; cell < cells; cell++) {
    if (ends[cell] > 0) occupied.push(cell);
    const size = ends[cell];
    ends[cell] = total;
    total += size;
  }
  const order = new Int32Array(total);
  for (let i = 0; i < cellOf.length; i++) if (cellOf[i] >= 0) order[ends[cellOf[i]]++] = i;

  const start = new Int32Array(total + 1);
  const firstOfCell = new Int32Array(cells + 1);
  let count = 0;
  let from = 0;
  let filled = 0;
  for (const cell of occupied) {
    firstOfCell.fill(count, filled, cell + 1);
    filled = cell + 1;
    const inCell = order.subarray(from, ends[cell]);
    inCell.sort((a, b) => points[4 * a + 2] - points[4 * b + 2] || a - b);
    const gap = gapAt(cell);
    inCell.forEach((point, k) => {
      if (k === 0 || points[4 * point + 2] - points[4 * inCell[k - 1] + 2] >= gap) start[count++] = from + k;
    });
    from = ends[cell];
  }
  firstOfCell.fill(count, filled);
  start[count] = total;
  return { count, order, start: start.subarray(0, count + 1), firstOfCell, occupied };
}
