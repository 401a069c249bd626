import { InputError } from '../../engine/input-error.ts';
import { checkWhole, countRows } from '../point-rows.ts';
import { type Layers, layersOf } from './point-layers.ts';

/** Which points are of one cluster. */
export interface ClusterOptions {
  /** Points nearer than this to each other along the ground are neighbours, metres. */
  readonly radiusM: number;
  /** The radius grows to this share of the range, for beams spread with the range (0): at 0.02, one of 0.5 m grows from 25 m on. */
  readonly radiusPerM?: number;
  /** Neighbours differ in height by less than this, metres; the radius by default. */
  readonly heightM?: number;
  /** As `radiusPerM`, of the height (0). */
  readonly heightPerM?: number;
  /** Clusters of fewer points are none (1). */
  readonly leastPoints?: number;
  /** Clusters of more points are none (Infinity). */
  readonly mostPoints?: number;
  /** Points nearer along the ground are of no cluster, metres (0). */
  readonly fromM?: number;
  /** Points farther away along the ground are of no cluster, metres (100). */
  readonly reachM?: number;
  /** 1 for each point that takes part; all by default. */
  readonly among?: Uint8Array;
}

/**
 * For each point (rows of x, y, z, reflectance in the LiDAR frame) the number of its cluster, from 0 on in the order of
 * their first points, or -1: the connected parts of the graph of neighbours. Two points are neighbours where they lie
 * nearer than the radius along the ground and differ less than the height; both grow with the range, which is taken at the
 * middle of a point's cell (a square of side radius / √2 of a grid through the origin), and is the smaller one of the two.
 * Exact and deterministic. InputError for rows that are not whole or not finite, and for options that are no lengths or counts.
 *
 * @example
 * const points = Float32Array.of(5, 0, 0, 0, 5.3, 0, 0, 0, 9, 0, 0, 0);
 * clusterPoints(points, { radiusM: 0.5 }); // [0, 0, 1]
 */
export function clusterPoints(points: Float32Array, options: ClusterOptions): Int32Array<ArrayBuffer> {
  const { radiusM, radiusPerM = 0, heightM = radiusM, heightPerM = 0 } = options;
  const { leastPoints = 1, mostPoints = Infinity, fromM = 0, reachM = 100, among } = options;
  const name = 'clusterPoints';
  const count = countRows(points, 4, name);
  checkWhole(leastPoints, name, { place: 'leastPoints', min: 1 });
  for (const [place, value] of Object.entries({ radiusM, heightM, reachM }))
    if (!(value > 0 && Number.isFinite(value)))
      throw new InputError({ file: name, place, expected: 'a length above 0 m', found: `${value}` });
  for (const [place, value] of Object.entries({ radiusPerM, heightPerM, fromM }))
    if (!(value >= 0 && Number.isFinite(value)))
      throw new InputError({ file: name, place, expected: 'a number from 0 on', found: `${value}` });
  if (among !== undefined && among.length !== count)
    throw new InputError({
      file: name,
      place: 'among',
      expected: `${count} marks`,
      found: `${among.length}`,
    });

  const cellM = radiusM / Math.SQRT2;
  const half = Math.ceil(reachM / cellM) + 1;
  const side = 2 * half;
  const cellOf = new Int32Array(count).fill(-1);
  for (let i = 0; i < count; i++) {
    if (among !== undefined && among[i] === 0) continue;
    const x = points[4 * i];
    const y = points[4 * i + 1];
    const squared = x * x + y * y;
    if (squared < fromM * fromM || squared > reachM * reachM) continue;
    cellOf[i] = (Math.floor(x / cellM) + half) * side + Math.floor(y / cellM) + half;
  }
  const rangeAt = (cell: number): number =>
    cellM * Math.hypot(Math.floor(cell / side) - half + 0.5, (cell % side) - half + 0.5);
  const tallAt = (range: number): number => Math.max(heightM, heightPerM * range);
  const layers = layersOf(points, cellOf, { cells: side * side, gapAt: (cell) => tallAt(rangeAt(cell)) });
  const sets = Int32Array.from({ length: layers.count }, (_, layer) => layer);

  const joinCells = (cell: number, other: number): void => {
    if (layers.firstOfCell[other] === layers.firstOfCell[other + 1]) return;
    const range = Math.min(rangeAt(cell), rangeAt(other));
    const near = Math.max(radiusM, radiusPerM * range);
    const tall = tallAt(range);
    for (let a = layers.firstOfCell[cell]; a < layers.firstOfCell[cell + 1]; a++)
      for (let b = layers.firstOfCell[other]; b < layers.firstOfCell[other + 1]; b++) {
        const one = rootOf(sets, a);
        const two = rootOf(sets, b);
        if (one !== two && haveNeighbors(points, layers, a, b, near, tall))
          sets[Math.max(one, two)] = Math.min(one, two);
      }
  };
  for (const cell of layers.occupied) {
    const span = Math.ceil(Math.max(radiusM, radiusPerM * rangeAt(cell)) / cellM);
    const row = Math.floor(cell / side);
    const column = cell % side;
    // The nearest cells first: what they make one need not be compared from farther ones.
    for (let ring = 1; ring <= span; ring++)
      for (let r = 0; r <= ring; r++)
        for (let c = -ring; c <= ring; c += r === ring || ring === 0 ? 1 : 2 * ring) {
          if (r === 0 && c < 0) continue;
          if (row + r >= side || column + c < 0 || column + c >= side) continue;
          joinCells(cell, cell + r * side + c);
        }
  }
  return numbered(layers, sets, { count, leastPoints, mostPoints });
}

/** Whether any two points of two layers are neighbours. */
function haveNeighbors(
  points: Float32Array,
  { order, start }: Layers,
  a: number,
  b: number,
  near: number,
  tall: number,
): boolean {
  let from = start[b];
  for (let k = start[a]; k < start[a + 1]; k++) {
    const p = 4 * order[k];
    const z = points[p + 2];
    while (from < start[b + 1] && z - points[4 * order[from] + 2] >= tall) from++;
    for (let m = from; m < start[b + 1]; m++) {
      const q = 4 * order[m];
      if (points[q + 2] - z >= tall) break;
      const dx = points[p] - points[q];
      const dy = points[p + 1] - points[q + 1];
      if (dx * dx + dy * dy < near * near) return true;
    }
  }
  return false;
}

function rootOf(parents: Int32Array, index: number): number {
  let at = index;
  while (parents[at] !== at) {
    parents[at] = parents[parents[at]];
    at = parents[at];
  }
  return at;
}

/** Each point's number of its set, for the sets of a size within bounds, in the order of their first points. */
function numbered(
  { order, start, count: layerCount }: Layers,
  sets: Int32Array,
  options: { readonly count: number; readonly leastPoints: number; readonly mostPoints: number },
): Int32Array<ArrayBuffer> {
  const { count, leastPoints, mostPoints } = options;
  const setOf = new Int32Array(count).fill(-1);
  const sizes = new Int32Array(layerCount);
  for (let layer = 0; layer < layerCount; layer++) {
    const root = rootOf(sets, layer);
    sizes[root] += start[layer + 1] - start[layer];
    for (let k = start[layer]; k < start[layer + 1]; k++) setOf[order[k]] = root;
  }
  const numbers = new Int32Array(layerCount).fill(-1);
  let clusters = 0;
  return setOf.map((root) => {
    if (root < 0 || sizes[root] < leastPoints || sizes[root] > mostPoints) return -1;
    if (numbers[root] < 0) numbers[root] = clusters++;
    return numbers[root];
  });
}
