import type { Graph, Value } from '../engine/graph.ts';
import { handMade } from '../engine/hand-made.ts';
import { loop } from '../engine/loop.ts';
import type { BallScale } from './ball-query.ts';

/**
 * What is settled with a sample where a batch is made (`sampleLevels`, `ballQueries`, `nearestNeighbors`, `groundHeights`), as
 * operations of a graph, to the same results: distances are in double precision from float32 coordinates, of equals the first counts.
 */

/** Coordinates of rows, float64 [rows] each. */
export interface Columns {
  readonly x: Value;
  readonly y: Value;
  readonly z: Value;
}

/** Distances between so many pairs are held at a time. */
const MOST_PAIRS = 2 ** 20;
/** Points of a sweep, about, where their number is not known. */
export const SWEEP = 20011;

/** The columns of rows float32 [rows, 3 or more]. */
export function columnsOf(graph: Graph, rows: Value): Columns {
  const { cast, part, shaped } = handMade(graph);
  const [count] = rows.shape;
  const column = (k: number) => cast(shaped(part(rows, 1, k, k + 1), [-1], count), 'float64');
  return { x: column(0), y: column(1), z: column(2) };
}

/** The same of some rows, by number. */
export function takenColumns(graph: Graph, { x, y, z }: Columns, rows: Value): Columns {
  const { taken } = handMade(graph);
  return { x: taken(x, rows), y: taken(y, rows), z: taken(z, rows) };
}

/** `farthestPointSample` of a known number of points: int64 [count]. */
export function farthestInGraph(graph: Graph, { x, y, z }: Columns, count: number): Value {
  const { add, sub, square, min, largestAt, taken, equal, where, cast } = handMade(graph);
  const none = graph.fill(0, 'int64', [count]);
  const far = graph.fill(Number.POSITIVE_INFINITY, 'float64', x.shape);
  const places = graph.constant(
    BigInt64Array.from({ length: count }, (_, i) => BigInt(i)),
    'int64',
    [count],
  );
  const [chosen] = loop(graph, {
    rounds: count,
    carried: [none, far, graph.shape([0])],
    given: [x, y, z],
    body: (round, [before, nearest, next], given) => {
      const [dx, dy, dz] = given.map((column) => square(sub(column, taken(column, next))));
      const nearer = min(nearest, add(add(dx, dy), dz));
      return {
        carried: [where(equal(places, cast(round, 'int64')), next, before), nearer, largestAt(nearer, 0)],
      };
    },
  });
  return chosen;
}

/** `resampleFarthest`: of a sample int64 [rows] its first `count`, int64. */
export function resampledInGraph(graph: Graph, sample: Value, count: number): Value {
  const { part, equal, cast, runningSums, where, atLeast } = handMade(graph);
  const places = graph.constant(
    BigInt64Array.from({ length: count }, (_, i) => BigInt(i)),
    'int64',
    [count],
  );
  const again = cast(equal(part(sample, 0, 0, count), part(sample, 0, 0, 1)), 'int32');
  // The first is the same as itself: from the second such place on, the sample has run out.
  const ranOut = atLeast(runningSums(again, 0), 2);
  return where(ranOut, graph.shape([0]), places);
}

/** Squares of the distances from each centre to each point, float64 [centers, points]. */
function squaredDistances(graph: Graph, points: Columns, centers: Columns): Value {
  const { add, sub, square, shaped } = handMade(graph);
  const away = (axis: keyof Columns) => {
    const [rows, columns] = [centers[axis].shape[0], points[axis].shape[0]];
    return square(sub(shaped(points[axis], [1, -1], columns), shaped(centers[axis], [-1, 1], rows)));
  };
  return add(add(away('x'), away('y')), away('z'));
}

/** Parts of rows so small that each can be held against so many points, one after the other. */
function inParts(graph: Graph, centers: Columns, points: number, work: (part: Columns) => Value[]): Value[] {
  const { part, join } = handMade(graph);
  const [count] = centers.x.shape;
  const each = Math.max(1, Math.floor(MOST_PAIRS / points));
  const parts: Value[][] = [];
  for (let from = 0; from < count; from += each) {
    const own = (column: Value) => part(column, 0, from, Math.min(count, from + each));
    parts.push(work({ x: own(centers.x), y: own(centers.y), z: own(centers.z) }));
  }
  return parts[0].map((_, k) =>
    join(
      parts.map((values) => values[k]),
      0,
    ),
  );
}

/** `ballQueries` around centres that are among the points: a table int32 [centers·maxNeighbors] for each scale. */
export function ballsInGraph(
  graph: Graph,
  points: Columns,
  centers: Columns,
  scales: readonly BallScale[],
): Value[] {
  const { less, atLeast, equal, and, or, where, least, part, shaped, cast } = handMade(graph);
  const [count] = points.x.shape;
  const numbers = graph.constant(
    Float32Array.from({ length: count }, (_, i) => i),
    'float32',
    [1, count],
  );
  return inParts(graph, centers, count, (some) => {
    const distances = squaredDistances(graph, points, some);
    return scales.map(({ radiusM, minRadiusM = 0, maxNeighbors }) => {
      const near = less(distances, radiusM * radiusM);
      const beyond = or(atLeast(distances, minRadiusM * minRadiusM), equal(distances, 0));
      const inside = minRadiusM > 0 ? and(near, beyond) : near;
      // What is outside comes after all others, and is filled with the first.
      const rank = where(inside, numbers, count);
      const kept = Math.min(maxNeighbors, count);
      const [first] = least(rank, graph.shape([kept]), kept);
      const filled = where(less(first, count), first, part(first, 1, 0, 1));
      const [rows] = some.x.shape;
      return cast(shaped(padded(graph, filled, maxNeighbors), [rows * maxNeighbors]), 'int32');
    });
  });
}

/** Rows with their first entry again behind them, up to a width. */
function padded(graph: Graph, rows: Value, width: number): Value {
  const { part, join } = handMade(graph);
  const missing = width - rows.shape[1];
  return missing <= 0 ? rows : join([rows, ...new Array<Value>(missing).fill(part(rows, 1, 0, 1))], 1);
}

/** `nearestNeighbors`: places int32 [queries·count], and squared distances rounded to float32, [queries, count]. */
export function nearestInGraph(graph: Graph, points: Columns, queries: Columns, count: number) {
  const { least, shaped, cast } = handMade(graph);
  const [rows] = queries.x.shape;
  const [indices, squares] = inParts(graph, queries, points.x.shape[0], (some) => {
    const [distances, places] = least(squaredDistances(graph, points, some), graph.shape([count]), count);
    return [places, cast(distances, 'float32')];
  });
  return { indices: cast(shaped(indices, [rows * count]), 'int32'), squaredDistances: squares };
}

/** `groundHeights` with its own defaults under places that are among the points, whose number is not known: float32 [places]. */
export function groundInGraph(
  graph: Graph,
  points: Columns,
  places: Columns,
  { radiusM, share }: { readonly radiusM: number; readonly share: number },
): Value {
  const {
    least,
    lengths,
    taken,
    sub,
    square,
    add,
    atMost,
    atLeast,
    cast,
    runningSums,
    sum,
    mul,
    floor,
    largestAt,
    shaped,
  } = handMade(graph);
  // By rising height, so that of those near a place the k-th is where k have been counted.
  const [heights, order] = least(points.z, lengths(points.z), SWEEP);
  const [x, y] = [taken(points.x, order), taken(points.y, order)];
  const [ground] = inParts(graph, places, SWEEP, (some) => {
    const [rows] = some.x.shape;
    const away = (all: Value, own: Value) =>
      square(sub(shaped(all, [1, -1], SWEEP), shaped(own, [-1, 1], rows)));
    const near = cast(atMost(add(away(x, some.x), away(y, some.y)), radiusM ** 2), 'float32'); // [rows, points]
    const before = floor(mul(sub(cast(sum(near, 1), 'float64'), 1), share)); // [rows, 1]
    const reached = atLeast(runningSums(near, 1), cast(add(before, 1), 'float32'));
    return [taken(heights, shaped(largestAt(cast(reached, 'int32'), 1), [-1], rows))];
  });
  return cast(ground, 'float32');
}
