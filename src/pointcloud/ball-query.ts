import { InputError } from '../engine/input-error.ts';
import { IndexSet } from './index-set.ts';
import { nearestNeighbors } from './nearest-neighbors.ts';
import { buildPointGrid, cellAlong, cellAt, gridFrameOf, type PointGrid } from './point-grid.ts';
import { checkWhole, countRows, gatherRows } from './point-rows.ts';

/** What counts as a neighbour, and how many are kept. */
export interface BallQueryOptions {
  /** Neighbours are nearer than this, in metres. */
  readonly radiusM: number;
  /** Makes the ball a shell: neighbours are at least this far, or exactly at the centre; 0. */
  readonly minRadiusM?: number;
  /** Neighbours of every centre. */
  readonly maxNeighbors: number;
  /** Floats per row of the points; 3. */
  readonly stride?: number;
  /** Floats per row of the centres; 3. */
  readonly centerStride?: number;
}

/**
 * The neighbours of every centre, (centers, maxNeighbors): the first `maxNeighbors` points in index order with
 * d² < radius² and (d² >= minRadius² or d² = 0), where d² = (dx·dx + dy·dy) + dz·dz in float64. Where there are fewer,
 * the first of them fills the rest (the ball query of PointNet++ and 3DSSD); where there is none, the nearest point of
 * all fills the row (the reference leaves index 0 there, wherever that point lies).
 * InputError for rows that are not whole or not finite, no points, and radii that are no range.
 */
export function ballQuery(
  points: Float32Array,
  centers: Float32Array,
  options: BallQueryOptions,
): Int32Array<ArrayBuffer> {
  const name = 'ballQuery';
  const { radiusM, minRadiusM = 0, maxNeighbors, stride = 3, centerStride = 3 } = options;
  const total = countRows(points, stride, name);
  const centerCount = countRows(centers, centerStride, `${name} centers`);
  checkWhole(total, name, { place: 'points', min: 1 });
  checkWhole(maxNeighbors, name, { place: 'maxNeighbors', min: 1 });
  if (!(radiusM > 0 && Number.isFinite(radiusM) && minRadiusM >= 0 && minRadiusM < radiusM))
    throw new InputError({
      file: name,
      place: 'radii',
      expected: '0 <= minRadiusM < radiusM, finite',
      found: `${minRadiusM} and ${radiusM}`,
    });

  const neighbors = new Int32Array(centerCount * maxNeighbors);
  if (centerCount === 0) return neighbors;
  const frame = gridFrameOf(points, { stride, cellM: radiusM });
  const grid = buildPointGrid(points, { stride, frame });
  // Centres of one cell share one ascending list of candidates.
  const groups = buildPointGrid(centers, { stride: centerStride, frame });
  const nearby = new IndexSet(total);
  const candidates = new Int32Array(total);
  const near = minRadiusM * minRadiusM;
  const far = radiusM * radiusM;
  const empty: number[] = [];

  for (let group = 0; group + 1 < groups.cellStart.length; group++) {
    const firstCenter = groups.cellStart[group];
    const lastCenter = groups.cellStart[group + 1];
    addCellsAround(grid, nearby, { groups, group, radiusM });
    const candidateCount = nearby.drain(candidates);
    for (let position = firstCenter; position < lastCenter; position++) {
      const cx = groups.x[position];
      const cy = groups.y[position];
      const cz = groups.z[position];
      const base = groups.order[position] * maxNeighbors;
      let found = 0;
      for (let i = 0; i < candidateCount && found < maxNeighbors; i++) {
        const at = candidates[i] * stride;
        const dx = points[at] - cx;
        const dy = points[at + 1] - cy;
        const dz = points[at + 2] - cz;
        const distance = dx * dx + dy * dy + dz * dz;
        if (distance < far && (distance >= near || distance === 0)) neighbors[base + found++] = candidates[i];
      }
      if (found === 0) empty.push(groups.order[position]);
      else neighbors.fill(neighbors[base], base + found, base + maxNeighbors);
    }
  }

  if (empty.length > 0) {
    const lost = gatherRows(centers, empty, { stride: centerStride });
    const nearest = nearestNeighbors(points, lost, { count: 1, stride, queryStride: centerStride });
    empty.forEach((center, i) => {
      const base = center * maxNeighbors;
      neighbors.fill(nearest.indices[i], base, base + maxNeighbors);
    });
  }
  return neighbors;
}

/** Adds the points of all cells that a ball around any centre of the group can touch. */
function addCellsAround(
  grid: PointGrid,
  nearby: IndexSet,
  options: { readonly groups: PointGrid; readonly group: number; readonly radiusM: number },
): void {
  const { groups, group } = options;
  // A little more than the radius, so that rounding never leaves a cell out.
  const reach = options.radiusM * (1 + 1e-8);
  const [start, end] = [groups.cellStart[group], groups.cellStart[group + 1]];
  const [x0, x1] = cellSpan(grid, 0, { values: groups.x, start, end, reach });
  const [y0, y1] = cellSpan(grid, 1, { values: groups.y, start, end, reach });
  const [z0, z1] = cellSpan(grid, 2, { values: groups.z, start, end, reach });
  for (let iz = z0; iz <= z1; iz++)
    for (let iy = y0; iy <= y1; iy++)
      for (let ix = x0; ix <= x1; ix++) {
        const cell = cellAt(grid, ix, iy, iz);
        if (cell >= 0) nearby.addRange(grid.order, grid.cellStart[cell], grid.cellStart[cell + 1]);
      }
}

/** The first and the last cell along an axis within reach of the values. */
function cellSpan(
  grid: PointGrid,
  axis: number,
  options: {
    readonly values: Float32Array;
    readonly start: number;
    readonly end: number;
    readonly reach: number;
  },
): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (let i = options.start; i < options.end; i++) {
    if (options.values[i] < low) low = options.values[i];
    if (options.values[i] > high) high = options.values[i];
  }
  return [
    cellAlong(grid.frame, axis, low - options.reach),
    cellAlong(grid.frame, axis, high + options.reach),
  ];
}
