/**
 * A balanced k-d tree over points, for exact searches that skip whole boxes.
 * Nodes lie in heap order (root 1, children 2n and 2n+1); the last `leaves` nodes are leaves of nearly equal size.
 * Points are copied in the order of the leaves, by ascending index within a leaf.
 */
export interface PointTree {
  readonly count: number;
  /** Leaves, a power of two; leaf i is node `leaves + i` and holds positions `leafStart[i]` up to `leafStart[i + 1]`. */
  readonly leaves: number;
  readonly leafStart: Int32Array;
  /** The point at each position. */
  readonly order: Int32Array;
  /** Coordinates by position. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly z: Float32Array;
  /** Bounds of each node: min x, y, z, max x, y, z. */
  readonly bounds: Float32Array;
}

/** Builds the tree of finite points (rows of `stride` floats, at least one row); leaves hold at most `leafSize` points. */
export function buildPointTree(
  points: Float32Array,
  options: { readonly stride: number; readonly leafSize: number },
): PointTree {
  const { stride, leafSize } = options;
  const count = points.length / stride;
  let leaves = 1;
  while (leaves * leafSize < count) leaves *= 2;
  const leafStart = Int32Array.from({ length: leaves + 1 }, (_, i) => Math.floor((i * count) / leaves));
  const order = Int32Array.from({ length: count }, (_, i) => i);
  const bounds = new Float32Array(12 * leaves);

  const split = (node: number, firstLeaf: number, leafCount: number): void => {
    const start = leafStart[firstLeaf];
    const end = leafStart[firstLeaf + leafCount];
    measure(points, stride, { order, start, end, bounds, node });
    if (leafCount === 1) {
      order.subarray(start, end).sort();
      return;
    }
    const half = leafCount / 2;
    select(points, {
      order,
      start,
      end,
      nth: leafStart[firstLeaf + half],
      stride,
      axis: widestAxis(bounds, node),
    });
    split(2 * node, firstLeaf, half);
    split(2 * node + 1, firstLeaf + half, half);
  };
  split(1, 0, leaves);

  const x = new Float32Array(count);
  const y = new Float32Array(count);
  const z = new Float32Array(count);
  for (let position = 0; position < count; position++) {
    const at = order[position] * stride;
    x[position] = points[at];
    y[position] = points[at + 1];
    z[position] = points[at + 2];
  }
  return { count, leaves, leafStart, order, x, y, z, bounds };
}

/**
 * The squared distance from a place to a node's box, never more than the computed squared distance to any point in it:
 * rounding is monotonic, and the terms are added in the same order.
 */
export function squaredDistanceToNode(
  bounds: Float32Array,
  node: number,
  x: number,
  y: number,
  z: number,
): number {
  const at = 6 * node;
  const dx = Math.max(bounds[at] - x, x - bounds[at + 3], 0);
  const dy = Math.max(bounds[at + 1] - y, y - bounds[at + 4], 0);
  const dz = Math.max(bounds[at + 2] - z, z - bounds[at + 5], 0);
  return dx * dx + dy * dy + dz * dz;
}

function measure(
  points: Float32Array,
  stride: number,
  range: {
    readonly order: Int32Array;
    readonly start: number;
    readonly end: number;
    readonly bounds: Float32Array;
    readonly node: number;
  },
): void {
  const { order, start, end, bounds, node } = range;
  for (let axis = 0; axis < 3; axis++) {
    let low = Infinity;
    let high = -Infinity;
    for (let i = start; i < end; i++) {
      const value = points[order[i] * stride + axis];
      if (value < low) low = value;
      if (value > high) high = value;
    }
    bounds[6 * node + axis] = low;
    bounds[6 * node + 3 + axis] = high;
  }
}

function widestAxis(bounds: Float32Array, node: number): number {
  const at = 6 * node;
  const width = [0, 1, 2].map((axis) => bounds[at + 3 + axis] - bounds[at + axis]);
  if (width[0] >= width[1] && width[0] >= width[2]) return 0;
  return width[1] >= width[2] ? 1 : 2;
}

/** Reorders `order[start … end-1]` so that those before `nth` are not above, and those after not below it (Hoare's quickselect). */
function select(
  points: Float32Array,
  range: {
    readonly order: Int32Array;
    readonly start: number;
    readonly end: number;
    readonly nth: number;
    readonly stride: number;
    readonly axis: number;
  },
): void {
  const { order, nth, stride, axis } = range;
  let left = range.start;
  let right = range.end - 1;
  for (let round = 1; left < right; round++) {
    // A pivot from anywhere, so that no usual arrangement of points is a bad one.
    const anywhere = (Math.imul(round, 0x9e3779b1) >>> 0) / 2 ** 32;
    const pivot = points[order[left + Math.floor(anywhere * (right - left + 1))] * stride + axis];
    let i = left;
    let j = right;
    while (i <= j) {
      while (points[order[i] * stride + axis] < pivot) i++;
      while (points[order[j] * stride + axis] > pivot) j--;
      if (i > j) break;
      const swapped = order[i];
      order[i++] = order[j];
      order[j--] = swapped;
    }
    if (nth <= j) right = j;
    else if (nth >= i) left = i;
    else return;
  }
}
