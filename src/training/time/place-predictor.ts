import type { PlacePredictor } from '../../evaluation/association.ts';
import { byEgoMotion } from '../../evaluation/association-baselines.ts';
import { segmentAssociation } from '../../evaluation/feature-association.ts';
import { nearestNeighbors } from '../../pointcloud/nearest-neighbors.ts';
import { gatherRows } from '../../pointcloud/point-rows.ts';
import type { Sweep } from '../../pointcloud/segments/sweep.ts';
import { sweepParts } from '../../pointcloud/segments/sweep-parts.ts';

/** The places of a sweep, rows of x, y, z in its LiDAR frame, with a row of features each. */
export interface PlacesWithFeatures {
  readonly places: Float32Array;
  readonly features: Float32Array;
}

/** Stands for an encoder where distance alone decides. */
export const withoutFeatures = (): PlacesWithFeatures => ({
  places: new Float32Array(3),
  features: Float32Array.of(1),
});

/**
 * Follows points by what an encoder says of them: the clusters of both sweeps are matched one to one by their mean features, within
 * what `fastestMps` reaches, and a point moves as its cluster does. Every point has the features of the nearest place.
 * `distanceWeight` is that of `segmentAssociation`.
 */
export function byFeatures(
  placesOf: (sweep: Sweep) => PlacesWithFeatures,
  { fastestMps, distanceWeight }: { readonly fastestMps: number; readonly distanceWeight: number },
): PlacePredictor {
  return (rows, pair) => {
    const { sweeps, from, to } = pair;
    const [asked, offered] = [sweeps[from], sweeps[to]].map(clustersOf);
    const all = byEgoMotion(asked.rows, pair);
    const moved = segmentAssociation({
      queries: all,
      queryFeatures: featuresAt(asked.xyz, placesOf(sweeps[from])),
      querySegments: asked.labels,
      candidates: offered.xyz,
      candidateFeatures: featuresAt(offered.xyz, placesOf(sweeps[to])),
      candidateSegments: offered.labels,
      gateM: fastestMps * Math.abs(sweeps[to].timeS - sweeps[from].timeS),
      distanceWeight,
    });
    const places = byEgoMotion(rows, pair);
    const placeOf = new Map(Array.from(asked.rows, (row, i) => [row, i]));
    rows.forEach((row, i) => {
      const at = placeOf.get(row);
      if (at !== undefined) places.set(moved.subarray(3 * at, 3 * at + 3), 3 * i);
    });
    return places;
  };
}

/** The points of a sweep that are in a cluster: their rows, where they are, and the cluster of each. */
function clustersOf({ points, parts = sweepParts(points) }: Sweep) {
  const labels = parts.clusters;
  const rows = Int32Array.from(Array.from(labels.keys()).filter((row) => labels[row] >= 0));
  const xyz = Float32Array.from(
    { length: 3 * rows.length },
    (_, i) => points[4 * rows[Math.floor(i / 3)] + (i % 3)],
  );
  return { rows, xyz, labels: Int32Array.from(rows, (row) => labels[row]) };
}

/** For each point the features of the nearest place. */
function featuresAt(xyz: Float32Array, { places, features }: PlacesWithFeatures): Float32Array {
  const width = features.length / (places.length / 3);
  const { indices } = nearestNeighbors(places, xyz, { count: 1, stride: 3 });
  return gatherRows(features, indices, { stride: width });
}
