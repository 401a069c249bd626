/**
 * Point cloud files, sampling, neighbour search and point encoders:
 * `import { ballQuery, farthestPointSample, readPcd } from 'pointpair/pointcloud'`.
 */

// Sampling and neighbours.
export {
  type BallQueryOptions,
  type BallQueryRows,
  type BallScale,
  ballQueries,
  ballQuery,
} from '../src/pointcloud/ball-query.ts';
export { farthestPointSample, resampleFarthest } from '../src/pointcloud/farthest-points.ts';
// Encoders.
export { type GroupingTables, gatherRows } from '../src/pointcloud/grouping.ts';
// Files.
export { readKittiBin, writeKittiBin } from '../src/pointcloud/kitti-bin.ts';
export { type Neighbors, nearestNeighbors } from '../src/pointcloud/nearest-neighbors.ts';
export { readPcd, writePcd } from '../src/pointcloud/pcd.ts';
export type { PcdEncoding } from '../src/pointcloud/pcd-header.ts';
export { readPly, writePly } from '../src/pointcloud/ply.ts';
export type { PlyEncoding } from '../src/pointcloud/ply-header.ts';
// Clouds with named fields.
export {
  cloudFromRows,
  fieldOf,
  type PointCloud,
  type PointField,
  rowsOf,
  type Viewpoint,
  xyzOf,
} from '../src/pointcloud/point-cloud.ts';
export type { RowOptions } from '../src/pointcloud/point-rows.ts';
export {
  initPointNet,
  orthogonalityOf,
  type PointNetFeatures,
  type PointNetOptions,
  pointNet,
  withGlobalFeatures,
} from '../src/pointcloud/pointnet.ts';
export {
  halvedPointEncoder,
  initPointNet2,
  type PointNet2Features,
  type PointNet2Input,
  type PointNet2Level,
  type PointNet2Options,
  pointNet2,
  releasedPointEncoder,
} from '../src/pointcloud/pointnet2-encoder.ts';
export { filterRange, indicesInRange, type PointRange, sampleRows } from '../src/pointcloud/range-filter.ts';
export { type RayQueries, type RayQueryOptions, rayQueries } from '../src/pointcloud/ray-queries.ts';
export { type LevelTables, sampleLevels } from '../src/pointcloud/sample-levels.ts';
export type { ScalarArray, ScalarType } from '../src/pointcloud/scalar-type.ts';
// Segments over time.
export { type AboveGroundOptions, pointsAboveGround } from '../src/pointcloud/segments/above-ground.ts';
export { type ClusterBox, clusterBoxes } from '../src/pointcloud/segments/cluster-boxes.ts';
export { type ClusterOptions, clusterPoints } from '../src/pointcloud/segments/cluster-points.ts';
export {
  type FollowedSegment,
  type FollowedSegments,
  type FollowOptions,
  followSegments,
  type TrackMoment,
} from '../src/pointcloud/segments/follow-segments.ts';
export type { Sweep } from '../src/pointcloud/segments/sweep.ts';
export {
  type SweepParts,
  type SweepPartsOptions,
  sweepClusters,
  sweepParts,
} from '../src/pointcloud/segments/sweep-parts.ts';
export { type TrackedBox, trackBoxes } from '../src/pointcloud/segments/track-boxes.ts';
export {
  initSetAbstraction,
  type SetAbstractionInput,
  type SetAbstractionOptions,
  setAbstraction,
} from '../src/pointcloud/set-abstraction.ts';
