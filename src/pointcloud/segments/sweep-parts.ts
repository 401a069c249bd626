import { type AboveGroundOptions, pointsAboveGround } from './above-ground.ts';
import { type ClusterOptions, clusterPoints } from './cluster-points.ts';
import { type RangeImage, rangeImageOf } from './range-image.ts';

/** How the segments of one sweep are made. */
export interface SweepPartsOptions {
  readonly ground?: AboveGroundOptions;
  /** `sweepClusters` by default. */
  readonly clusters?: Omit<ClusterOptions, 'among'>;
}

/** What following needs of a sweep, whatever clip it is in. Each part is worked out when it is first asked for, and kept. */
export interface SweepParts {
  /** For each point its cluster above the ground, from 0 on; -1 is none. */
  readonly clusters: Int32Array;
  readonly image: RangeImage;
}

/** Clusters of a sweep above its ground. The radius grows fast with the range: of a car seen from behind, points on the side lie that far apart. */
export const sweepClusters: Omit<ClusterOptions, 'among'> = {
  radiusM: 0.3,
  radiusPerM: 0.035,
  heightM: 0.6,
  heightPerM: 0.02,
  leastPoints: 10,
  fromM: 2,
  reachM: 80,
};

/** The parts of a sweep, of rows of x, y, z, reflectance in the LiDAR frame. */
export function sweepParts(
  points: Float32Array,
  { ground, clusters = sweepClusters }: SweepPartsOptions = {},
): SweepParts {
  let found: Int32Array | undefined;
  let image: RangeImage | undefined;
  return {
    get clusters() {
      found ??= clusterPoints(points, { ...clusters, among: pointsAboveGround(points, ground) });
      return found;
    },
    get image() {
      image ??= rangeImageOf(points);
      return image;
    },
  };
}
