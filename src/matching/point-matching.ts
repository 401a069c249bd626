import { InputError } from '../engine/input-error.ts';
import { AssignmentSolver } from './linear-sum-assignment.ts';

/** Which points are paired, and which pairs are kept. */
export interface PointMatchingOptions {
  /** Points of `a` that count, from its start; all by default. */
  readonly countA?: number;
  /** Points of `b` that count, from its start; all by default. */
  readonly countB?: number;
  /** Pairs farther apart are not kept; without it every pair is (Li et al. 2022). */
  readonly maxDistanceM?: number;
}

/** Pairs of two point sets, one entry for each point of the first. */
export interface PointMatches {
  /** Index of the partner in the second set, or -1 where the second set is too small to give one. */
  readonly partner: Int32Array;
  /** Distance to the partner in metres; Infinity without a partner. */
  readonly distanceM: Float32Array;
  /** 1 where there is a partner within `maxDistanceM`, else 0. */
  readonly kept: Uint8Array;
}

/** Above this many pairs (1 GiB of costs) a dense assignment is refused. */
const MAX_PAIRS = 2 ** 27;

/** The matcher of `matchPoints`, which keeps its memory from one pair of sets to the next. */
export class PointMatcher {
  private readonly solver = new AssignmentSolver();
  private cost = new Float64Array(0);

  /** As `matchPoints`; the result is the caller's own. */
  match(a: Float32Array, b: Float32Array, options: PointMatchingOptions = {}): PointMatches {
    const rows = checkedCount('a', a, options.countA);
    const columns = checkedCount('b', b, options.countB);
    const maxDistanceM = options.maxDistanceM ?? Infinity;
    if (!(maxDistanceM >= 0)) {
      throw new InputError({
        file: 'maxDistanceM',
        expected: 'a distance of 0 m or more',
        found: `${maxDistanceM}`,
      });
    }
    if (rows * columns > MAX_PAIRS) {
      throw new InputError({
        file: 'point sets to match',
        expected: `at most ${MAX_PAIRS} pairs`,
        found: `${rows} x ${columns}`,
      });
    }
    if (this.cost.length < rows * columns) this.cost = new Float64Array(rows * columns);
    const cost = this.cost.subarray(0, rows * columns);
    fillDistances(cost, a, b, rows, columns);

    const partner = this.solver.solve(cost, rows, columns).columnOfRow;
    const distanceM = new Float32Array(rows).fill(Infinity);
    const kept = new Uint8Array(rows);
    for (let i = 0; i < rows; i++) {
      if (partner[i] < 0) continue;
      const distance = cost[i * columns + partner[i]];
      distanceM[i] = distance;
      kept[i] = distance <= maxDistanceM ? 1 : 0;
    }
    return { partner, distanceM, kept };
  }
}

/**
 * Pairs two point sets (rows of x, y, z in metres, both in one frame) one to one at the least sum of Euclidean
 * distances, the correspondence of Li et al. 2022. Throws InputError for coordinates that are not finite and for counts
 * that the arrays do not hold. Repeated calls are cheaper through a `PointMatcher`.
 *
 * @example
 * const a = Float32Array.of(0, 0, 0, 10, 0, 0);
 * const b = Float32Array.of(10, 0, 2, 0, 1, 0);
 * const { partner, distanceM, kept } = matchPoints(a, b, { maxDistanceM: 1.5 });
 * partner; // [1, 0]
 * distanceM; // [1, 2]
 * kept; // [1, 0]
 */
export function matchPoints(
  a: Float32Array,
  b: Float32Array,
  options: PointMatchingOptions = {},
): PointMatches {
  return new PointMatcher().match(a, b, options);
}

function checkedCount(name: string, points: Float32Array, given: number | undefined): number {
  const held = points.length / 3;
  const count = given ?? held;
  if (!Number.isInteger(held) || !Number.isInteger(count) || count < 0 || count > held) {
    throw new InputError({
      file: `points ${name}`,
      expected: given === undefined ? 'rows of 3 numbers' : `${given} rows of 3 numbers`,
      found: `${points.length} numbers`,
    });
  }
  for (let k = 0; k < count * 3; k++) {
    if (!Number.isFinite(points[k])) {
      throw new InputError({
        file: `points ${name}`,
        place: `row ${Math.floor(k / 3)}, column ${k % 3}`,
        expected: 'a finite coordinate',
        found: `${points[k]}`,
      });
    }
  }
  return count;
}

function fillDistances(
  cost: Float64Array,
  a: Float32Array,
  b: Float32Array,
  rows: number,
  columns: number,
): void {
  let at = 0;
  for (let i = 0; i < rows; i++) {
    const x = a[3 * i];
    const y = a[3 * i + 1];
    const z = a[3 * i + 2];
    for (let j = 0; j < columns; j++) {
      const dx = b[3 * j] - x;
      const dy = b[3 * j + 1] - y;
      const dz = b[3 * j + 2] - z;
      cost[at++] = Math.sqrt(dx * dx + dy * dy + dz * dz);
    }
  }
}
