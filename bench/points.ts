import * as tf from '@tensorflow/tfjs-core';
import type { EncodersConfig } from '../src/encoders/encoder-config.ts';
import { encodePoints, initEncoders } from '../src/encoders/encoders.ts';
import type { Step } from '../src/engine/capture.ts';
import type { Device } from '../src/engine/device.ts';
import { float32, scalar } from '../src/engine/host-tensor.ts';
import { InputError } from '../src/engine/input-error.ts';
import { Random } from '../src/engine/random.ts';
import { branchAt } from '../src/nn/layer.ts';
import { initOptimizer, type ParameterGroup, updateParameters } from '../src/nn/parameter-groups.ts';
import { valueAndGrad } from '../src/nn/value-and-grad.ts';
import { ballQueries } from '../src/pointcloud/ball-query.ts';
import { farthestPointSample } from '../src/pointcloud/farthest-points.ts';
import { nearestNeighbors } from '../src/pointcloud/nearest-neighbors.ts';
import { gatherRows } from '../src/pointcloud/point-rows.ts';
import { parameterGroups, type RunConfig } from '../src/training/config.ts';
import { placesView } from '../src/training/export-features.ts';
import { drawPlaces } from '../src/views/point-pair.ts';
import { stackPointViews } from '../src/views/stack-points.ts';
import { timed } from './alternate.ts';
import { compare } from './compare.ts';
import { generatedFrame } from './generated-frames.ts';
import type { Row } from './measurement.ts';
import { Peer, type PeerPython } from './peer.ts';
import { repeatedStep } from './repeated-step.ts';
import { requireSameSize } from './same-work.ts';

/** The encoder, the batch and the cloud. */
export interface PointsBenchOptions {
  readonly preset: string;
  readonly config: RunConfig;
  /** Points of the cloud that is sampled, and how many of them stay. */
  readonly cloud: number;
  readonly samples: number;
  readonly threads: number;
  readonly device: Device;
  /** Whether the step may compute in blocks of channels. */
  readonly blocked?: boolean;
  readonly runs: number;
  readonly warmup: number;
  readonly python?: PeerPython;
}

/** Neighbours of a point that are looked for. */
const nearest = 16;
/** The balls of the first level of the released point encoder (Li et al. 2022). */
const balls = [
  { radiusM: 0.2, maxNeighbors: 32 },
  { radiusM: 0.4, maxNeighbors: 32 },
  { radiusM: 0.8, maxNeighbors: 64 },
];

/**
 * The point encoder of a preset on sweeps of generated scenes, `training step`: forward, backward of the mean of the
 * squared features, and an update; and what is done with coordinates alone: `farthest points`, `ball query` (three
 * balls around the same centres) and `nearest neighbours` (16), trees included, ours in one thread. Throws an InputError for a preset without
 * a point encoder.
 */
export async function benchPoints(options: PointsBenchOptions): Promise<Row[]> {
  const random = Random.fromSeed('points bench');
  return [...(await encoderRows(random, options)), ...(await searchRows(random.fork('cloud'), options))];
}

async function encoderRows(random: Random, options: PointsBenchOptions): Promise<Row[]> {
  const { config, preset, device, threads, blocked, python } = options;
  const { points: encoder } = config.encoders;
  const { points: optimizer } = config.optimizers;
  if (encoder === undefined || optimizer === undefined) {
    const expected = 'a preset with a point encoder, such as simipu-small';
    throw new InputError({ file: '--preset', expected, found: preset });
  }
  const drawn = Array.from({ length: config.batchSize }, (_, i) =>
    drawPlaces(
      generatedFrame(random.fork('frame', i)),
      random.fork('sample', i),
      placesView({ points: encoder }),
    ),
  );
  const view = stackPointViews(
    drawn.map(({ alpha }) => alpha),
    encoder,
  );
  const begun = initEncoders(random.fork('initialize'), { points: encoder });
  const { params } = begun;
  const stats = branchAt(begun.stats, 'pointEncoder');
  const groups = parameterGroups(config, []);
  const initial = { params, stats, optimizer: initOptimizer(groups, params) };
  const batch = { view, learningRates: { points: scalar(optimizer.learningRate) } };
  const settings = { pointEncoder: encoder, optimizer, threads };
  const peer = await Peer.startIfNamed({ python, script: 'points.py', settings, tensors: view });
  try {
    if (peer !== undefined) requireSameSize(params, peer);
    const data = { state: initial, batch };
    const step = await repeatedStep(encoderStep(encoder, groups), data, { device, threads, blocked });
    const run = timed(() => step.run());
    const shape = `${preset}, ${config.batchSize} x ${encoder.input.count} points`;
    const rows = await compare({ name: 'training step', shape, run, peerWork: 'step' }, peer, options);
    await step.dispose();
    return rows;
  } finally {
    peer?.stop();
  }
}

function encoderStep(
  encoder: NonNullable<EncodersConfig['points']>,
  groups: readonly ParameterGroup[],
): Step {
  return (state, batch) => {
    const [params, stats, moments] = ['params', 'stats', 'optimizer'].map((part) => branchAt(state, part));
    const { loss, aux, grads } = valueAndGrad((current) => {
      const own = { params: branchAt(current, 'pointEncoder'), stats };
      const encoded = encodePoints(own, branchAt(batch, 'view'), { encoder, training: true });
      return { loss: tf.mean(tf.square(encoded.features)) as tf.Scalar, aux: encoded.stats };
    }, params);
    const learningRates = branchAt(batch, 'learningRates');
    const updated = updateParameters(groups, params, grads, moments, { learningRates });
    return [{ params: updated.params, stats: aux, optimizer: updated.state }, { loss }];
  };
}

async function searchRows(random: Random, options: PointsBenchOptions): Promise<Row[]> {
  const { cloud: size, samples, threads, python } = options;
  const sweep = generatedFrame(random).points;
  const order = random.permutation(sweep.length / 4).subarray(0, size);
  const cloud = new Float32Array(3 * order.length);
  order.forEach((from, to) => {
    cloud.set(sweep.subarray(4 * from, 4 * from + 3), 3 * to);
  });
  const centers = gatherRows(cloud, farthestPointSample(cloud, samples), { stride: 3 });
  const peer = await Peer.startIfNamed({
    python,
    script: 'data_side.py',
    settings: {
      radii: balls.map(({ radiusM }) => radiusM),
      neighbors: balls.map(({ maxNeighbors }) => maxNeighbors),
      nearest,
      count: samples,
      threads,
    },
    tensors: { cloud: float32(cloud, [order.length, 3]), centers: float32(centers, [samples, 3]) },
  });
  const works = {
    'farthest points': () => farthestPointSample(cloud, samples),
    'ball query': () => {
      ballQueries(cloud, centers, balls);
    },
    'nearest neighbours': () => nearestNeighbors(cloud, centers, { count: nearest }),
  };
  try {
    const rows: Row[] = [];
    for (const [name, work] of Object.entries(works)) {
      const shape = `${order.length} to ${samples} points`;
      const compared = { name, shape, run: timed(work), peerWork: name, ownThreads: 1 };
      rows.push(...(await compare(compared, peer, options)));
    }
    return rows;
  } finally {
    peer?.stop();
  }
}
