import { float32, type HostTensor } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import type { LevelTables } from '../pointcloud/sample-levels.ts';
import { collateCandidates, collateTargets } from '../views/collate-candidates.ts';
import { stackFloats, stackPointViews, stackTables } from '../views/stack-points.ts';
import type { PointDetectorConfig } from './point-config.ts';
import type { PointSample } from './point-sample.ts';

/**
 * Stacks samples to a batch: `points` as an encoder takes them, `places` float32 [R, 3] of all R candidates, `nearest`
 * int32 and `nearestWeights` float32 [R·3], and, where the configuration or the samples have them, `surroundings` (the balls around
 * candidates), `ground` float32 [R, 1] and `targets`.
 */
export function collatePoints(
  samples: readonly PointSample[],
  config: PointDetectorConfig,
): Tree<HostTensor> {
  const { levels } = config.pointEncoder;
  const candidates = collateCandidates(samples, levels);
  const [rows] = candidates.places.shape;
  const batch = {
    // The head needs coordinates for its balls and offsets, whether the encoder sees them or not.
    points: stackPointViews(samples, {
      levels,
      useXyz: config.pointEncoder.useXyz || config.surroundings !== null || config.lastLevel === 'offsets',
    }),
    ...candidates,
    ...(config.surroundings === null ? {} : { surroundings: surroundingsOf(samples) }),
    ...(config.heightFrom === 'ground'
      ? {
          ground: float32(
            stackFloats(samples, (sample) => sample.ground!),
            [rows, 1],
          ),
        }
      : {}),
  };
  const targets = samples.flatMap((sample) => sample.targets ?? []);
  return targets.length < samples.length ? batch : { ...batch, targets: collateTargets(targets) };
}

/** The balls around the candidates, counting through the stacked points. */
function surroundingsOf(samples: readonly PointSample[]): Tree<HostTensor> {
  const count = samples[0].points.length / 4;
  const tables = (part: (tables: LevelTables) => Int32Array) =>
    stackTables(
      samples.map(({ surroundings }) => part(surroundings!)),
      count,
    );
  return {
    centers: tables(({ centers }) => centers),
    neighbors: Object.fromEntries(
      samples[0].surroundings!.neighbors.map((_, s) => [`${s}`, tables(({ neighbors }) => neighbors[s])]),
    ),
  };
}
