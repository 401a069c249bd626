import { InputError } from '../engine/input-error.ts';
import { AssignmentSolver } from '../matching/linear-sum-assignment.ts';
import { displacement, type SegmentShape, shapesOf } from '../pointcloud/segments/segment-shapes.ts';

/** Points of two moments in one frame, each with a feature. */
export interface FeaturedPoints {
  /** Rows of x, y, z: where the points asked for are if nothing but the sensor moves. */
  readonly queries: Float32Array;
  /** A row of numbers for each query. */
  readonly queryFeatures: Float32Array;
  /** Rows of x, y, z: the points of the other moment. */
  readonly candidates: Float32Array;
  /** A row for each candidate, as long as those of the queries. */
  readonly candidateFeatures: Float32Array;
  /** Only what lies this near may be the same, metres. */
  readonly gateM: number;
}

/**
 * For each query the place (rows of x, y, z) of the candidate whose feature is the most alike by cosine, of equals the
 * first, among those within the gate; its own place where there is none. InputError for rows that do not come out even.
 *
 * @example
 * const places = featureAssociation({
 *   queries: Float32Array.of(0, 0, 0),
 *   queryFeatures: Float32Array.of(1, 0),
 *   candidates: Float32Array.of(0.1, 0, 0, 1, 0, 0, 9, 0, 0),
 *   candidateFeatures: Float32Array.of(0, 1, 2, 1, 1, 0),
 *   gateM: 3,
 * });
 * places; // [1, 0, 0]
 */
export function featureAssociation(points: FeaturedPoints): Float32Array<ArrayBuffer> {
  const { queries, candidates, gateM } = points;
  const { queryRows, candidateRows, width } = directionsOf(points);
  const places = queries.slice();
  for (let q = 0; q < queries.length; q += 3) {
    let best = -Infinity;
    for (let c = 0; c < candidates.length; c += 3) {
      const [dx, dy, dz] = [0, 1, 2].map((axis) => candidates[c + axis] - queries[q + axis]);
      if (dx * dx + dy * dy + dz * dz > gateM * gateM) continue;
      const likeness = dot(queryRows, q / 3, candidateRows, c / 3, width);
      if (likeness <= best) continue;
      best = likeness;
      places.set(candidates.subarray(c, c + 3), q);
    }
  }
  return places;
}

/**
 * As `featureAssociation`, by segments: the mean directions of the features of segments are matched one to one at the
 * least sum of 1 - cosine + `distanceWeight` · distance / gate, among those whose centroids lie within the gate and whose
 * cosine is above 0, and a point moves along x and y as its segment does (`displacement`). To have no partner costs what one
 * of cosine 0 at the gate does. What is of no segment (-1), or of one without a partner, keeps its place.
 */
export function segmentAssociation(
  points: FeaturedPoints & {
    /** The segment of each query and of each candidate; -1 is none. */
    readonly querySegments: Int32Array;
    readonly candidateSegments: Int32Array;
    /** What the distance of centroids counts beside likeness: 0 (features alone) by default; infinite, distance alone. */
    readonly distanceWeight?: number;
  },
): Float32Array<ArrayBuffer> {
  const { queries, candidates, gateM, querySegments, candidateSegments, distanceWeight = 0 } = points;
  const { queryRows, candidateRows, width } = directionsOf(points);
  for (const [place, segments, rows] of [
    ['querySegments', querySegments, queries],
    ['candidateSegments', candidateSegments, candidates],
  ] as const)
    if (segments.length !== rows.length / 3)
      throw fault(place, `${rows.length / 3} numbers of segments`, `${segments.length}`);
  const asked = segmentsOf(queries, querySegments, queryRows, width);
  const offered = segmentsOf(candidates, candidateSegments, candidateRows, width);
  const [rows, columns] = [asked.shapes.length, offered.shapes.length + asked.shapes.length];
  if (!(distanceWeight >= 0)) throw fault('distanceWeight', 'a number from 0 on', `${distanceWeight}`);
  // Distance alone is all of the cost without the likeness.
  const [forLikeness, forDistance] = distanceWeight === Infinity ? [0, 1] : [1, distanceWeight];
  // A column of its own for each row: it has no partner.
  const cost = new Float64Array(rows * columns).fill(Infinity);
  asked.shapes.forEach(({ centroid }, i) => {
    cost[i * columns + offered.shapes.length + i] = forLikeness + forDistance;
    offered.shapes.forEach((other, j) => {
      const [dx, dy, dz] = [0, 1, 2].map((axis) => other.centroid[axis] - centroid[axis]);
      const share = Math.hypot(dx, dy, dz) / gateM;
      if (share > 1) return;
      const cosine = dot(asked.means, i, offered.means, j, width);
      if (cosine > 0 || forLikeness === 0)
        cost[i * columns + j] = forLikeness * (1 - cosine) + forDistance * share;
    });
  });
  const { columnOfRow } = new AssignmentSolver().solve(cost, rows, columns);
  const places = queries.slice();
  asked.labels.forEach((segment, q) => {
    const partner = segment < 0 ? undefined : offered.shapes[columnOfRow[segment]];
    if (partner === undefined) return;
    const [dx, dy] = displacement(asked.shapes[segment], partner);
    places[3 * q] += dx;
    places[3 * q + 1] += dy;
  });
  return places;
}

/** Segments numbered from 0 on by their first points, their shapes, and the directions of the sums of their features' directions. */
function segmentsOf(points: Float32Array, segments: Int32Array, directions: Float64Array, width: number) {
  const numbers = new Map<number, number>();
  for (const segment of segments)
    if (segment >= 0 && !numbers.has(segment)) numbers.set(segment, numbers.size);
  const labels = segments.map((segment) => (segment < 0 ? -1 : numbers.get(segment)!));
  const shapes: SegmentShape[] = shapesOf(points, labels, 3);
  const sums = new Float64Array(shapes.length * width);
  labels.forEach((label, i) => {
    if (label >= 0) for (let k = 0; k < width; k++) sums[label * width + k] += directions[i * width + k];
  });
  return { labels, shapes, means: unitRows(sums, width) };
}

function directionsOf({ queries, queryFeatures, candidates, candidateFeatures, gateM }: FeaturedPoints) {
  if (!(gateM > 0)) throw fault('gateM', 'a length above 0 m', `${gateM}`);
  for (const [place, rows] of Object.entries({ queries, candidates }))
    if (rows.length % 3 !== 0) throw fault(place, 'rows of x, y, z', `${rows.length} numbers`);
  const [queryCount, candidateCount] = [queries.length / 3, candidates.length / 3];
  const width =
    queryCount > 0 ? queryFeatures.length / queryCount : candidateFeatures.length / candidateCount || 0;
  if (!Number.isInteger(width) || queryFeatures.length !== width * queryCount)
    throw fault('queryFeatures', `${queryCount} rows of equal length`, `${queryFeatures.length} numbers`);
  if (candidateFeatures.length !== width * candidateCount)
    throw fault(
      'candidateFeatures',
      `${candidateCount} rows of ${width} numbers`,
      `${candidateFeatures.length} numbers`,
    );
  return {
    width,
    queryRows: unitRows(Float64Array.from(queryFeatures), width),
    candidateRows: unitRows(Float64Array.from(candidateFeatures), width),
  };
}

/** Rows at length 1; rows of zeros stay. */
function unitRows(rows: Float64Array, width: number): Float64Array {
  for (let at = 0; at < rows.length; at += width) {
    const length = Math.hypot(...rows.subarray(at, at + width));
    if (length > 0) for (let k = 0; k < width; k++) rows[at + k] /= length;
  }
  return rows;
}

function dot(a: Float64Array, i: number, b: Float64Array, j: number, width: number): number {
  let sum = 0;
  for (let k = 0; k < width; k++) sum += a[i * width + k] * b[j * width + k];
  return sum;
}

function fault(place: string, expected: string, found: string): InputError {
  return new InputError({ file: 'association', place, expected, found });
}
