import { float32, type HostTensor } from '../src/engine/host-tensor.ts';
import type { Tree } from '../src/engine/tree.ts';
import { PointMatcher } from '../src/matching/point-matching.ts';
import type { SimipuConfig } from '../src/objectives/simipu-config.ts';
import type { LevelTables, PointView, SimipuSample } from '../src/objectives/simipu-sample.ts';
import { ballQueries } from '../src/pointcloud/ball-query.ts';
import { farthestPointSample, resampleFarthest } from '../src/pointcloud/farthest-points.ts';
import { gatherRows } from '../src/pointcloud/point-rows.ts';
import { buildPointTree } from '../src/pointcloud/point-tree.ts';
import type { RunConfig } from '../src/training/config.ts';
import { timed } from './alternate.ts';
import { compare } from './compare.ts';
import type { Row } from './measurement.ts';
import { Peer } from './peer.ts';

/** How often the tables are made, and who makes them too. */
export interface SampleTablesOptions {
  readonly config: RunConfig;
  readonly runs: number;
  readonly warmup: number;
  readonly threads: number;
  readonly python?: string;
}

/** Points of a leaf of the trees, as in training. */
const leafSize = 32;

/**
 * `sample tables`: what SimIPU settles of a batch's coordinates beforehand. Farthest points and ball queries of every
 * level in both views, and the assignment between their last centres; ours in one thread.
 */
export async function compareSampleTables(
  samples: readonly SimipuSample[],
  { config, python, ...options }: SampleTablesOptions,
): Promise<Row[]> {
  const { simipu } = config;
  const matcher = new PointMatcher();
  const run = timed(() => {
    for (const { alpha, beta } of samples) {
      for (const { points } of [alpha, beta]) makeTables(points, simipu);
      matcher.match(alpha.centers, beta.centers);
    }
  });
  const peer =
    python === undefined
      ? undefined
      : await Peer.start({
          python,
          script: 'data_side.py',
          settings: { threads: options.threads, pointEncoder: simipu.pointEncoder },
          tensors: stackedViews(samples, simipu),
        });
  try {
    const shape = `${samples.length} x 2 x ${simipu.points.count} points`;
    const work = { name: 'sample tables', shape, run, peerWork: 'sample tables', ownThreads: 1 };
    return await compare(work, peer, options);
  } finally {
    peer?.stop();
  }
}

/**
 * The tables of every level of one view, made as SimIPU's samples are: one tree a level for sampling and all balls, and
 * points that are sampled once and resampled at the levels after the first.
 */
export function makeTables(points: Float32Array, config: SimipuConfig): PointView['levels'] {
  const { levels, dilated } = config.pointEncoder;
  const made: LevelTables[] = [];
  let rows = points;
  for (const { points: count, radii, neighbors } of levels) {
    const tree = buildPointTree(rows, { stride: 4, leafSize });
    const before = made.at(-1);
    const centers =
      before === undefined
        ? farthestPointSample(rows, count, { stride: 4, tree })
        : resampleFarthest(before.centers, count);
    const centerRows = gatherRows(rows, centers);
    const scales = radii.map((radiusM, scale) => ({
      radiusM,
      minRadiusM: dilated && scale > 0 ? radii[scale - 1] : 0,
      maxNeighbors: neighbors[scale],
    }));
    const options = { stride: 4, centerStride: 4, tree };
    made.push({ centers, neighbors: ballQueries(rows, centerRows, scales, options) });
    rows = centerRows;
  }
  return made;
}

/** All views [views, points, 4], and the centres to assign [samples, centers, 3] of each side. */
function stackedViews(samples: readonly SimipuSample[], { points }: SimipuConfig): Tree<HostTensor> {
  const stack = (parts: readonly Float32Array[], shape: readonly number[]) => {
    const data = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((at, part) => {
      data.set(part, at);
      return at + part.length;
    }, 0);
    return float32(data, [parts.length, ...shape]);
  };
  const centers = samples[0].alpha.centers.length / 3;
  return {
    views: stack(
      samples.flatMap(({ alpha, beta }) => [alpha.points, beta.points]),
      [points.count, 4],
    ),
    from: stack(
      samples.map(({ alpha }) => alpha.centers),
      [centers, 3],
    ),
    to: stack(
      samples.map(({ beta }) => beta.centers),
      [centers, 3],
    ),
  };
}
