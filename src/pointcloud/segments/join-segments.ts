import { AssignmentSolver } from '../../matching/linear-sum-assignment.ts';
import type { SegmentShape } from './segment-shapes.ts';

/** A segment as it was last seen, and where it is expected. */
export interface ExpectedSegment {
  readonly shape: SegmentShape;
  /** Rows of x, y, z, reflectance that the shape's rows are of, in the fixed frame. */
  readonly points: Float32Array;
  /** How far it is expected to have moved since, metres. */
  readonly shiftM: readonly [x: number, y: number];
  /** How far from there its centroid may be, metres. */
  readonly gateM: number;
}

/** Squares in which the parts of a shape are compared. */
const CELL_M = 0.5;
/** With so much in common, a centroid may lie anywhere: of a long wall another part is seen. */
const OVERLAP_ENOUGH = 0.3;
/** What a pair may cost at most: a segment is rather lost and a new one begun. */
const COST_OF_NONE = 1.6;

/**
 * For each expected segment the found shape that is the same, or -1: the assignment of least cost. A pair costs what its
 * outlines do not share, the centroid's distance from where it is expected as a share of the gate, and what the numbers
 * of points and the sizes differ.
 */
export function joinSegments(
  expected: readonly ExpectedSegment[],
  found: readonly SegmentShape[],
  points: Float32Array,
): Int32Array {
  if (expected.length === 0) return new Int32Array(0);
  const shared = sharedCells(expected, found, points);
  const columns = found.length + expected.length;
  const cost = new Float64Array(expected.length * columns).fill(Infinity);
  expected.forEach(({ shape, shiftM, gateM }, i) => {
    const [x, y] = [shape.centroid[0] + shiftM[0], shape.centroid[1] + shiftM[1]];
    found.forEach((other, j) => {
      const distance = Math.hypot(other.centroid[0] - x, other.centroid[1] - y);
      const overlap = shared[i * found.length + j];
      if (distance > gateM && overlap < OVERLAP_ENOUGH) return;
      const number = Math.abs(Math.log(other.rows.length / shape.rows.length));
      const size = Math.abs(Math.log((1 + lengthOf(other)) / (1 + lengthOf(shape))));
      cost[i * columns + j] = 1 - overlap + Math.min(1, distance / gateM) + 0.25 * number + 0.5 * size;
    });
    cost[i * columns + found.length + i] = COST_OF_NONE;
  });
  const { columnOfRow } = new AssignmentSolver().solve(cost, expected.length, columns);
  return columnOfRow.map((column) => (column < found.length ? column : -1));
}

function lengthOf({ min, max }: SegmentShape): number {
  return Math.hypot(max[0] - min[0], max[1] - min[1], max[2] - min[2]);
}

/** (expected, found): the squares that both cover, as a share of those that the smaller one covers. */
function sharedCells(
  expected: readonly ExpectedSegment[],
  found: readonly SegmentShape[],
  points: Float32Array,
): Float64Array {
  const coveredBy = new Map<number, number[]>();
  const sizes = found.map((shape, j) => {
    const cells = cellsOf(points, shape.rows, [0, 0]);
    for (const cell of cells) {
      const known = coveredBy.get(cell);
      if (known === undefined) coveredBy.set(cell, [j]);
      else known.push(j);
    }
    return cells.size;
  });
  const shared = new Float64Array(expected.length * found.length);
  expected.forEach(({ shape, points: own, shiftM }, i) => {
    const cells = cellsOf(own, shape.rows, shiftM);
    for (const cell of cells) for (const j of coveredBy.get(cell) ?? []) shared[i * found.length + j]++;
    for (let j = 0; j < found.length; j++) shared[i * found.length + j] /= Math.min(cells.size, sizes[j]);
  });
  return shared;
}

function cellsOf(
  points: Float32Array,
  rows: readonly number[],
  [dx, dy]: readonly [x: number, y: number],
): Set<number> {
  const cells = new Set<number>();
  for (const row of rows) {
    const column = Math.floor((points[4 * row] + dx) / CELL_M);
    cells.add(column * 2 ** 26 + Math.floor((points[4 * row + 1] + dy) / CELL_M));
  }
  return cells;
}
