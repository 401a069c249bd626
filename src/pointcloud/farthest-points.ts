import { checkWhole, countRows } from './point-rows.ts';
import { buildPointTree, type PointTree, squaredDistanceToNode } from './point-tree.ts';

const leafSize = 32;

/**
 * Farthest-point sampling: the indices of `count` points, of which each is the farthest from those before it.
 *
 * The first is `start` (0). Each next one has the largest minimum over the chosen c of
 * d²(p, c) = (dx·dx + dy·dy) + dz·dz, computed in float64 from the float32 coordinates; of equals the lowest index. Once
 * every point coincides with a chosen one, all minima are 0 and index 0 comes again and again.
 *
 * Boxes of a k-d tree that a new choice cannot come closer to are skipped (as in bucket-based sampling, Han et al.,
 * QuickFPS, 2023), with exactly the result of the definition.
 * `tree` is the tree of these points, where the caller has it.
 * InputError unless 0 <= count <= points and all coordinates are finite.
 *
 * @example
 * const onALine = Float32Array.of(0, 0, 0, 1, 0, 0, 9, 0, 0, 5, 0, 0);
 * farthestPointSample(onALine, 3); // [0, 2, 3]
 */
export function farthestPointSample(
  points: Float32Array,
  count: number,
  options: { readonly stride?: number; readonly start?: number; readonly tree?: PointTree } = {},
): Int32Array<ArrayBuffer> {
  const name = 'farthestPointSample';
  const { stride = 3, start = 0 } = options;
  const total = countRows(points, stride, name);
  checkWhole(count, name, { place: 'count', min: 0, max: total });
  const chosen = new Int32Array(count);
  if (count === 0) return chosen;
  checkWhole(start, name, { place: 'start', min: 0, max: total - 1 });

  const { leaves, leafStart, order, x, y, z, bounds } =
    options.tree ?? buildPointTree(points, { stride, leafSize });
  const nearest = new Float64Array(total).fill(Infinity);
  // Of each node: the largest minimum in it, and the lowest index that has it.
  const farthest = new Float64Array(2 * leaves).fill(Infinity);
  const farthestIndex = new Int32Array(2 * leaves);

  const approach = (node: number, px: number, py: number, pz: number): void => {
    if (squaredDistanceToNode(bounds, node, px, py, pz) >= farthest[node]) return;
    if (node >= leaves) {
      let largest = -1;
      let largestAt = 0;
      for (let i = leafStart[node - leaves], end = leafStart[node - leaves + 1]; i < end; i++) {
        const dx = x[i] - px;
        const dy = y[i] - py;
        const dz = z[i] - pz;
        const distance = dx * dx + dy * dy + dz * dz;
        let minimum = nearest[i];
        if (distance < minimum) {
          minimum = distance;
          nearest[i] = distance;
        }
        if (minimum > largest) {
          largest = minimum;
          largestAt = i;
        }
      }
      farthest[node] = largest;
      farthestIndex[node] = order[largestAt];
      return;
    }
    const left = 2 * node;
    const right = left + 1;
    approach(left, px, py, pz);
    approach(right, px, py, pz);
    const leftWins =
      farthest[left] > farthest[right] ||
      (farthest[left] === farthest[right] && farthestIndex[left] < farthestIndex[right]);
    farthest[node] = leftWins ? farthest[left] : farthest[right];
    farthestIndex[node] = leftWins ? farthestIndex[left] : farthestIndex[right];
  };

  farthestIndex[1] = start;
  for (let i = 0; i < count; i++) {
    const next = farthestIndex[1];
    chosen[i] = next;
    approach(1, points[next * stride], points[next * stride + 1], points[next * stride + 2]);
  }
  return chosen;
}

/**
 * What `farthestPointSample` finds among the points of a sample that began at index 0, in the order of that sample: its
 * first `count`. Each of them is the farthest from those before it among all points, and so among the sampled ones. Where a sample ran
 * out of places and repeats its first point, index 0 comes again and again here as well.
 * InputError unless 0 <= count <= sample length.
 */
export function resampleFarthest(sample: Int32Array, count: number): Int32Array<ArrayBuffer> {
  checkWhole(count, 'resampleFarthest', { place: 'count', min: 0, max: sample.length });
  const chosen = new Int32Array(count);
  for (let i = 1; i < count && sample[i] !== sample[0]; i++) chosen[i] = i;
  return chosen;
}
