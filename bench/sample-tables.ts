import { float32, type HostTensor } from '../src/engine/host-tensor.ts';
import type { Tree } from '../src/engine/tree.ts';
import { PointMatcher } from '../src/matching/point-matching.ts';
import { sampleLevels } from '../src/pointcloud/sample-levels.ts';
import type { RunConfig } from '../src/training/config.ts';
import type { PointPair } from '../src/views/point-pair.ts';
import { timed } from './alternate.ts';
import { compare } from './compare.ts';
import type { Row } from './measurement.ts';
import { Peer, type PeerPython } from './peer.ts';

/** How often the tables are made, and who makes them too. */
export interface SampleTablesOptions {
  readonly config: RunConfig;
  readonly runs: number;
  readonly warmup: number;
  readonly threads: number;
  readonly python?: PeerPython;
}

/**
 * `sample tables`: what is settled of the coordinates of point pairs beforehand. Farthest points and ball queries of every
 * level in both views, and the assignment between their last centres; ours in one thread.
 */
export async function compareSampleTables(
  samples: readonly PointPair[],
  { config, python, ...options }: SampleTablesOptions,
): Promise<Row[]> {
  const points = config.encoders.points!;
  const matcher = new PointMatcher();
  const run = timed(() => {
    for (const { alpha, beta } of samples) {
      for (const view of [alpha, beta]) sampleLevels(view.points, points);
      matcher.match(alpha.centers, beta.centers);
    }
  });
  const peer = await Peer.startIfNamed({
    python,
    script: 'data_side.py',
    settings: { threads: options.threads, pointEncoder: points },
    tensors: stackedViews(samples, points.input.count),
  });
  try {
    const shape = `${samples.length} x 2 x ${points.input.count} points`;
    const work = { name: 'sample tables', shape, run, peerWork: 'sample tables', ownThreads: 1 };
    return await compare(work, peer, options);
  } finally {
    peer?.stop();
  }
}

/** All views [views, points, 4], and the centres to assign [samples, centers, 3] of each side. */
function stackedViews(samples: readonly PointPair[], count: number): Tree<HostTensor> {
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
      [count, 4],
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
