import { checkWhole, countRows } from './point-rows.ts';
import { buildPointTree, squaredDistanceToNode } from './point-tree.ts';

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
  const { leaves, leafStart, order, x, y, z, bounds } = buildPointTree(points, { stride, leafSize });
  // The best so far, sorted by distance, then index.
  const distances = new Float64Array(count);
  const found = new Int32Array(count);
  let filled = 0;
  let worst = Infinity;

  const insert = (distance: number, index: number): void => {
    let at = filled < count ? filled++ : count - 1;
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
    if (filled === count) worst = distances[count - 1];
  };

  const visit = (node: number, qx: number, qy: number, qz: number): void => {
    if (node < leaves) {
      const left = squaredDistanceToNode(bounds, 2 * node, qx, qy, qz);
      const right = squaredDistanceToNode(bounds, 2 * node + 1, qx, qy, qz);
      const [near, far] = left <= right ? [2 * node, 2 * node + 1] : [2 * node + 1, 2 * node];
      // A box as far as the worst may still hold an equal of lower index.
      if (Math.min(left, right) <= worst) visit(near, qx, qy, qz);
      if (Math.max(left, right) <= worst) visit(far, qx, qy, qz);
      return;
    }
    for (let i = leafStart[node - leaves], end = leafStart[node - leaves + 1]; i < end; i++) {
      const dx = x[i] - qx;
      const dy = y[i] - qy;
      const dz = z[i] - qz;
      const distance = dx * dx + dy * dy + dz * dz;
      if (distance < worst || filled < count || (distance === worst && order[i] < found[count - 1]))
        insert(distance, order[i]);
    }
  };

  for (let query = 0; query < queryCount; query++) {
    filled = 0;
    worst = Infinity;
    const at = query * queryStride;
    visit(1, queries[at], queries[at + 1], queries[at + 2]);
    indices.set(found, query * count);
    squaredDistances.set(distances, query * count);
  }
  return { indices, squaredDistances };
}
