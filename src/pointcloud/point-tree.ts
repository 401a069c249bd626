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
  /** The axis, 0 to 2, along which each node before the leaves is split: no point of its left child is beyond one of its right. */
  readonly axis: Uint8Array;
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
  const leafStart = new Int32Array(leaves + 1);
  for (let i = 0; i <= leaves; i++) leafStart[i] = Math.floor((i * count) / leaves);
  const bounds = new Float32Array(12 * leaves);
  const axis = new Uint8Array(leaves);
  const columns = columnsOf(points, stride);
  const { order, x, y, z } = columns;

  const split = (node: number, firstLeaf: number, leafCount: number): void => {
    const start = leafStart[firstLeaf];
    const end = leafStart[firstLeaf + leafCount];
    measure(columns, { start, end, bounds, at: 6 * node });
    if (leafCount === 1) {
      sortRange(order, start, end);
      return;
    }
    const half = leafCount / 2;
    axis[node] = widestAxis(bounds, node);
    const values = [x, y, z][axis[node]];
    select(columns, values, { start, end, nth: leafStart[firstLeaf + half] });
    split(2 * node, firstLeaf, half);
    split(2 * node + 1, firstLeaf + half, half);
  };
  split(1, 0, leaves);

  // The leaves were sorted by index, so their coordinates are copied anew.
  for (let position = 0; position < count; position++) {
    const at = order[position] * stride;
    x[position] = points[at];
    y[position] = points[at + 1];
    z[position] = points[at + 2];
  }
  return { count, leaves, leafStart, order, x, y, z, bounds, axis };
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
  const dx = x < bounds[at] ? bounds[at] - x : x > bounds[at + 3] ? x - bounds[at + 3] : 0;
  const dy = y < bounds[at + 1] ? bounds[at + 1] - y : y > bounds[at + 4] ? y - bounds[at + 4] : 0;
  const dz = z < bounds[at + 2] ? bounds[at + 2] - z : z > bounds[at + 5] ? z - bounds[at + 5] : 0;
  return dx * dx + dy * dy + dz * dz;
}

/** Points and their coordinates, each in an array of its own, so that what is read in sequence lies in sequence. */
interface Columns {
  readonly order: Int32Array;
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly z: Float32Array;
}

function columnsOf(points: Float32Array, stride: number): Columns {
  const count = points.length / stride;
  const order = new Int32Array(count);
  const [x, y, z] = [new Float32Array(count), new Float32Array(count), new Float32Array(count)];
  for (let i = 0, at = 0; i < count; i++, at += stride) {
    order[i] = i;
    x[i] = points[at];
    y[i] = points[at + 1];
    z[i] = points[at + 2];
  }
  return { order, x, y, z };
}

/** Writes the box of the points from `start` up to `end`: the least x, y and z to `bounds[at]`, the largest behind them. */
function measure(
  { x, y, z }: Columns,
  range: { readonly start: number; readonly end: number; readonly bounds: Float32Array; readonly at: number },
): void {
  const { start, end, bounds, at } = range;
  let lowX = Infinity;
  let lowY = Infinity;
  let lowZ = Infinity;
  let highX = -Infinity;
  let highY = -Infinity;
  let highZ = -Infinity;
  for (let i = start; i < end; i++) {
    if (x[i] < lowX) lowX = x[i];
    if (x[i] > highX) highX = x[i];
    if (y[i] < lowY) lowY = y[i];
    if (y[i] > highY) highY = y[i];
    if (z[i] < lowZ) lowZ = z[i];
    if (z[i] > highZ) highZ = z[i];
  }
  bounds[at] = lowX;
  bounds[at + 1] = lowY;
  bounds[at + 2] = lowZ;
  bounds[at + 3] = highX;
  bounds[at + 4] = highY;
  bounds[at + 5] = highZ;
}

function widestAxis(bounds: Float32Array, node: number): number {
  const at = 6 * node;
  const alongX = bounds[at + 3] - bounds[at];
  const alongY = bounds[at + 4] - bounds[at + 1];
  const alongZ = bounds[at + 5] - bounds[at + 2];
  if (alongX >= alongY && alongX >= alongZ) return 0;
  return alongY >= alongZ ? 1 : 2;
}

/**
 * Reorders the columns from `start` up to `end` so that the values before `nth` are not above, and those after not below
 * the one at `nth` (Hoare's quickselect); `values` is one of the columns.
 */
function select(
  { order, x, y, z }: Columns,
  values: Float32Array,
  range: { readonly start: number; readonly end: number; readonly nth: number },
): void {
  let left = range.start;
  let right = range.end - 1;
  for (let round = 1; left < right; round++) {
    // A pivot from anywhere, so that no usual arrangement of points is a bad one.
    const anywhere = (Math.imul(round, 0x9e3779b1) >>> 0) / 2 ** 32;
    const pivot = values[left + Math.floor(anywhere * (right - left + 1))];
    let i = left;
    let j = right;
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i > j) break;
      const point = order[i];
      const px = x[i];
      const py = y[i];
      const pz = z[i];
      order[i] = order[j];
      x[i] = x[j];
      y[i] = y[j];
      z[i] = z[j];
      order[j] = point;
      x[j] = px;
      y[j] = py;
      z[j] = pz;
      i++;
      j--;
    }
    if (range.nth <= j) right = j;
    else if (range.nth >= i) left = i;
    else return;
  }
}

/** Sorts `indices[start … end-1]`, which are few, by insertion. */
function sortRange(indices: Int32Array, start: number, end: number): void {
  for (let i = start + 1; i < end; i++) {
    const index = indices[i];
    let at = i;
    while (at > start && indices[at - 1] > index) {
      indices[at] = indices[at - 1];
      at--;
    }
    indices[at] = index;
  }
}
