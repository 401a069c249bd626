import { InputError } from '../engine/input-error.ts';
import { IndexSet } from './index-set.ts';
import { nearestNeighbors } from './nearest-neighbors.ts';
import { checkWhole, countRows, gatherRows } from './point-rows.ts';
import { buildPointTree, type PointTree, squaredDistanceToNode } from './point-tree.ts';

const leafSize = 16;

/** What counts as a neighbour, and how many are kept. */
export interface BallScale {
  /** Neighbours are nearer than this, in metres. */
  readonly radiusM: number;
  /** Makes the ball a shell: neighbours are at least this far, or exactly at the centre; 0. */
  readonly minRadiusM?: number;
  /** Neighbours of every centre. */
  readonly maxNeighbors: number;
}

/** How points and centres lie, and what is known of the points already. */
export interface BallQueryRows {
  /** Floats per row of the points; 3. */
  readonly stride?: number;
  /** Floats per row of the centres; 3. */
  readonly centerStride?: number;
  /** The tree of these points, where the caller has it. */
  readonly tree?: PointTree;
}

/** One ball, and the rows it is asked of. */
export type BallQueryOptions = BallScale & BallQueryRows;

/**
 * The neighbours of every centre, (centers, maxNeighbors): the first `maxNeighbors` points in index order with
 * d² < radius² and (d² >= minRadius² or d² = 0), where d² = (dx·dx + dy·dy) + dz·dz in float64. Where there are fewer,
 * the first of them fills the rest (the ball query of PointNet++ and 3DSSD); where there is none, the nearest point of
 * all fills the row (the reference leaves index 0 there, wherever that point lies).
 * InputError for rows that are not whole or not finite, no points, and radii that are no range.
 *
 * @example
 * const points = Float32Array.of(0, 0, 0, 0.5, 0, 0, 3, 0, 0);
 * const center = Float32Array.of(0, 0, 0);
 * ballQuery(points, center, { radiusM: 1, maxNeighbors: 3 }); // [0, 1, 0]
 */
export function ballQuery(
  points: Float32Array,
  centers: Float32Array,
  options: BallQueryOptions,
): Int32Array<ArrayBuffer> {
  return ballQueries(points, centers, [options], options)[0];
}

/** `ballQuery` for several balls around the same centres, in one search for the largest; one table a scale. */
export function ballQueries(
  points: Float32Array,
  centers: Float32Array,
  scales: readonly BallScale[],
  options: BallQueryRows = {},
): Int32Array<ArrayBuffer>[] {
  const name = 'ballQuery';
  const { stride = 3, centerStride = 3 } = options;
  const total = countRows(points, stride, name);
  const centerCount = countRows(centers, centerStride, `${name} centers`);
  checkWhole(total, name, { place: 'points', min: 1 });
  const balls = scales.map((scale) => openBall(scale, { name, total, centerCount }));
  if (centerCount === 0 || balls.length === 0) return balls.map(({ neighbors }) => neighbors);

  const { leaves, leafStart, order, x, y, z, bounds } =
    options.tree ?? buildPointTree(points, { stride, leafSize });
  const farthest = balls.reduce((largest, { far }) => Math.max(largest, far), 0);
  const visit = (node: number, cx: number, cy: number, cz: number): void => {
    if (squaredDistanceToNode(bounds, node, cx, cy, cz) >= farthest) return;
    if (node < leaves) {
      visit(2 * node, cx, cy, cz);
      visit(2 * node + 1, cx, cy, cz);
      return;
    }
    for (let i = leafStart[node - leaves], end = leafStart[node - leaves + 1]; i < end; i++) {
      const dx = x[i] - cx;
      const dy = y[i] - cy;
      const dz = z[i] - cz;
      const distance = dx * dx + dy * dy + dz * dz;
      if (distance >= farthest) continue;
      for (let s = 0; s < balls.length; s++) {
        const { near, far, found } = balls[s];
        if (distance < far && (distance >= near || distance === 0)) found.add(order[i]);
      }
    }
  };

  for (let center = 0, at = 0; center < centerCount; center++, at += centerStride) {
    visit(1, centers[at], centers[at + 1], centers[at + 2]);
    for (let s = 0; s < balls.length; s++) takeFound(balls[s], center);
  }
  for (const ball of balls) fillEmpty(ball, { points, centers, stride, centerStride });
  return balls.map(({ neighbors }) => neighbors);
}

/** One scale at work. */
interface Ball {
  /** Squares of the radii. */
  readonly near: number;
  readonly far: number;
  readonly maxNeighbors: number;
  /** The neighbours of the centre whose turn it is. */
  readonly found: IndexSet;
  readonly neighbors: Int32Array<ArrayBuffer>;
  /** Centres without any neighbour. */
  readonly empty: number[];
}

function openBall(
  { radiusM, minRadiusM = 0, maxNeighbors }: BallScale,
  options: { readonly name: string; readonly total: number; readonly centerCount: number },
): Ball {
  const { name, total, centerCount } = options;
  checkWhole(maxNeighbors, name, { place: 'maxNeighbors', min: 1 });
  if (!(radiusM > 0 && Number.isFinite(radiusM) && minRadiusM >= 0 && minRadiusM < radiusM))
    throw new InputError({
      file: name,
      place: 'radii',
      expected: '0 <= minRadiusM < radiusM, finite',
      found: `${minRadiusM} and ${radiusM}`,
    });
  return {
    near: minRadiusM * minRadiusM,
    far: radiusM * radiusM,
    maxNeighbors,
    found: new IndexSet(total),
    neighbors: new Int32Array(centerCount * maxNeighbors),
    empty: [],
  };
}

/** Writes a centre's row, and empties the set for the next one. */
function takeFound({ found, neighbors, maxNeighbors, empty }: Ball, center: number): void {
  const base = center * maxNeighbors;
  const count = found.drain(neighbors, base, maxNeighbors);
  if (count === 0) empty.push(center);
  else for (let i = base + count; i < base + maxNeighbors; i++) neighbors[i] = neighbors[base];
}

function fillEmpty(
  { empty, neighbors, maxNeighbors }: Ball,
  rows: {
    readonly points: Float32Array;
    readonly centers: Float32Array;
    readonly stride: number;
    readonly centerStride: number;
  },
): void {
  if (empty.length === 0) return;
  const { points, centers, stride, centerStride } = rows;
  const lost = gatherRows(centers, empty, { stride: centerStride });
  const nearest = nearestNeighbors(points, lost, { count: 1, stride, queryStride: centerStride });
  empty.forEach((center, i) => {
    const base = center * maxNeighbors;
    neighbors.fill(nearest.indices[i], base, base + maxNeighbors);
  });
}
