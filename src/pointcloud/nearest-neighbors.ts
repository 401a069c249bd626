import { checkWhole, countRows } from './point-rows.ts';
import { buildPointTree } from './point-tree.ts';

const leafSize = 16;

/** The nearest points of every query, nearest first: both arrays are (queries, count). */
export interface Neighbors {
  readonly indices: Int32Array<ArrayBuffer>;
  readonly squaredDistances: Float32Array<ArrayBuffer>;
}

/**
 * The `count` nearest points of every query (rows of `queryStride` floats, 3), by
 * d² = (dx·dx + dy·dy) + dz·dz in float64 (given rounded to float32), of equals the lowest index first.
 * Exact, over a k-d tree, whatever the spread of the points. InputError unless 1 <= count <= points and all coordinates are finite.
 *
 * @example
 * const points = Float32Array.of(0, 0, 0, 2, 0, 0, 5, 0, 0);
 * const { indices, squaredDistances } = nearestNeighbors(points, Float32Array.of(4, 0, 0), { count: 2 });
 * indices; // [2, 1]
 * squaredDistances; // [1, 4]
 */
export function nearestNeighbors(
  points: Float32Array,
  queries: Float32Array,
  options: { readonly count: number; readonly stride?: number; readonly queryStride?: number },
): Neighbors {
  const name = 'nearestNeighbors';
  const { count, stride = 3, queryStride = 3 } = options;
  const total = countRows(points, stride, name);
  const queryCount = countRows(queries, queryStride, `${name} queries`);
  checkWhole(count, name, { place: 'count', min: 1, max: total });
  const indices = new Int32Array(queryCount * count);
  const squaredDistances = new Float32Array(queryCount * count);
  const { leaves, leafStart, order, x, y, z, bounds, axis } = buildPointTree(points, { stride, leafSize });
  // The best so far, sorted by distance, then index.
  const distances = new Float64Array(count);
  const found = new Int32Array(count);
  // Nodes still to be seen, at most one a level, and the square of how far they are along the axis that split them off.
  const nodes = new Int32Array(32);
  const squaredGaps = new Float64Array(32);
  for (let query = 0; query < queryCount; query++) {
    const qx = queries[query * queryStride];
    const qy = queries[query * queryStride + 1];
    const qz = queries[query * queryStride + 2];
    let filled = 0;
    let worst = Infinity;
    nodes[0] = 1;
    for (let waiting = 1; waiting > 0; ) {
      // A node as far as the worst may still hold an equal of lower index.
      if (squaredGaps[--waiting] > worst) continue;
      let node = nodes[waiting];
      while (node < leaves) {
        const along = axis[node];
        const q = along === 0 ? qx : along === 1 ? qy : qz;
        const left = 2 * node;
        const beyondLeft = q - bounds[6 * left + 3 + along];
        const beforeRight = bounds[6 * left + 6 + along] - q;
        const near = beyondLeft > beforeRight ? left + 1 : left;
        const gap = Math.max(0, beyondLeft, beforeRight);
        nodes[waiting] = near ^ 1;
        squaredGaps[waiting++] = gap * gap;
        node = near;
      }
      for (let i = leafStart[node - leaves], end = leafStart[node - leaves + 1]; i < end; i++) {
        const dx = x[i] - qx;
        const dy = y[i] - qy;
        const dz = z[i] - qz;
        const distance = dx * dx + dy * dy + dz * dz;
        if (distance > worst || (distance === worst && order[i] > found[count - 1])) continue;
        insert({ distances, found }, filled < count ? filled++ : count - 1, distance, order[i]);
        if (filled === count) worst = distances[count - 1];
      }
    }
    indices.set(found, query * count);
    squaredDistances.set(distances, query * count);
  }
  return { indices, squaredDistances };
}

/** Puts a point where it belongs by distance, then index, at `place` or before it; those behind it move up by one. */
function insert(
  { distances, found }: { readonly distances: Float64Array; readonly found: Int32Array },
  place: number,
  distance: number,
  index: number,
): void {
  let at = place;
  while (
    at > 0 &&
    (distances[at - 1] > distance || (distances[at - 1] === distance && found[at - 1] > index))
  ) {
    distances[at] = distances[at - 1];
    found[at] = found[at - 1];
    at--;
  }
  distances[at] = distance;
  found[at] = index;
}
