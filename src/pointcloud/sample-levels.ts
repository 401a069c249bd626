import { ballQueries } from './ball-query.ts';
import { farthestPointSample, resampleFarthest } from './farthest-points.ts';
import { gatherRows } from './point-rows.ts';
import { buildPointTree } from './point-tree.ts';
import type { PointNet2Level } from './pointnet2-encoder.ts';

/** The tables of one set abstraction for one sample: rows of the level before. */
export interface LevelTables {
  readonly centers: Int32Array;
  /** For each scale, the neighbours of each centre one after the other. */
  readonly neighbors: readonly Int32Array[];
}

/** Points of a leaf of the tree that sampling and ball queries share. */
const leafSize = 32;

/**
 * Samples and neighbours of every level of an encoder for a cloud (rows of x, y, z, reflectance), and the rows of the last
 * centres: one tree a level for sampling and all balls, and points that are sampled once and resampled from then on.
 * `dilated` balls leave out that of the scale before.
 */
export function sampleLevels(
  points: Float32Array,
  options: {
    readonly levels: ReadonlyArray<Pick<PointNet2Level, 'points' | 'radii' | 'neighbors'>>;
    readonly dilated: boolean;
  },
): { readonly levels: readonly LevelTables[]; readonly last: Float32Array } {
  const levels: LevelTables[] = [];
  let rows: Float32Array = points;
  for (const { points: count, radii, neighbors } of options.levels) {
    const tree = buildPointTree(rows, { stride: 4, leafSize });
    const before = levels.at(-1);
    const centers =
      before === undefined
        ? farthestPointSample(rows, count, { stride: 4, tree })
        : resampleFarthest(before.centers, count);
    const centerRows = gatherRows(rows, centers);
    const scales = radii.map((radiusM, scale) => ({
      radiusM,
      minRadiusM: options.dilated && scale > 0 ? radii[scale - 1] : 0,
      maxNeighbors: neighbors[scale],
    }));
    levels.push({
      centers,
      neighbors: ballQueries(rows, centerRows, scales, { stride: 4, centerStride: 4, tree }),
    });
    rows = centerRows;
  }
  return { levels, last: rows };
}
