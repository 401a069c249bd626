import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { pointEncoderChannels } from '../encoders/encoder-config.ts';
import { chain, initializeAll, linearNet, type Net, normNet, reluNet, running } from '../encoders/net.ts';
import { scalar } from '../engine/host-tensor.ts';
import { gatherRows as gatherRanks, meanCount, ownIdentity } from '../engine/ranks/collectives.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import { gatherRows } from '../pointcloud/grouping.ts';
import { driveRun, pointClip, pointClipFields, pointEncoderOf } from './drive-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { followed, followerIn, followerOf } from './parts/momentum.ts';
import { spreadOf } from './parts/spread.ts';
import { encodeSweeps, pooledRows } from './parts/sweep-rows.ts';

const whole = z.int().positive();

const schema = z.strictObject({
  ...pointClipFields,
  /** Which places of the two sweeps are compared. */
  pairs: z.strictObject({
    /** At most so many segments in a pair of sweeps. */
    most: whole,
    /** At most so many places of a segment on either side. */
    perPair: whole,
    segments: z.literal('all'),
  }),
  /** The widths of the projector's and the predictor's two layers. */
  hidden: whole,
  dimensions: whole,
  temperature: z.number().positive(),
  momentum: z.number().min(0).max(1),
});

type TrackContrastConfig = z.infer<typeof schema>;

/** What fits the point encoder of runs on drives. */
export const smallTrackContrast: TrackContrastConfig = {
  frames: 4,
  gapS: 0.2,
  view: { maxRotation: Math.PI, pivot: [0, 0, 0], scale: [0.95, 1.05], flipProbability: 0.5 },
  groundShare: 0.1,
  pairs: { most: 24, perPair: 6, segments: 'all' },
  hidden: 256,
  dimensions: 128,
  temperature: 0.1,
  momentum: 0.99,
};

/**
 * Tracking without labels: every place of a segment says what the mean of the same segment is at another time, as an encoder
 * that follows slowly sees it. Loss: cross-entropy over the segments of the batch, both ways in time, all rows of length one.
 */
export const trackContrast = system<TrackContrastConfig>({
  name: 'track-contrast',
  citation:
    'Nunes et al., Temporal Consistent 3D LiDAR Representation Learning for Semantic Perception in Autonomous Driving, CVPR 2023',
  summary:
    'Each place of a segment that was followed without labels finds the mean of the same segment at another time, as a slow copy of the encoder sees it.',
  needs: ['points'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    frames: {
      means: 'sweeps of a clip; segments are followed over all, the first and the last are compared',
      paper: '?',
      code: '12, of which two are compared',
    },
    gapS: { means: 'the time from each to the next, seconds', paper: '?', code: '0.1' },
    'pairs.most': { means: 'segments of a pair of sweeps', paper: '?', code: '50' },
    'pairs.perPair': { means: 'places of a segment', paper: '?', code: '300 points' },
    'pairs.segments': {
      means: 'those that are followed, whether they move or stand',
      paper: '?',
      code: 'all',
    },
    hidden: { means: 'the width of the hidden layers of projector and predictor', paper: '?' },
    dimensions: { means: 'the width of what is compared', paper: '?' },
    temperature: { means: 'divides the similarities', paper: '?', code: '0.1' },
    momentum: { means: 'how much of the slow encoder stays in a step', paper: '?', code: '0.999' },
    groundShare: {
      means: 'the most of the drawn points that may be ground',
      paper: '?',
      code: 'none is used',
    },
  },
  gradient:
    "Each place's prediction carries a gradient; the means do not, and the slow encoder is never trained.",
  presets: {
    'track-contrast-small': {
      about:
        'Segments over 0.6 s, as the point encoder of simipu-small sees them. The slow encoder follows faster than published, because runs are short.',
      run: driveRun(
        {
          'track-contrast': smallTrackContrast,
        },
        { sweeps: true },
      ),
    },
  },
  make,
});

/** The networks that the slow side has a copy of. */
const SLOW = ['pointEncoder', 'projector'];

function make(config: TrackContrastConfig, { encoders, batchSize }: Given): Objective {
  const { pairs, hidden, dimensions, temperature, momentum } = config;
  const encoder = pointEncoderOf(encoders, 'track-contrast');
  const projector = twoLayers(pointEncoderChannels(encoder), hidden, dimensions);
  const predictor = twoLayers(dimensions, hidden, dimensions);
  const nets = { projector, predictor };
  return {
    views: { pair: pointClip(config, encoder) },
    chance: { follow: Math.log(batchSize * pairs.most) },

    initialize: (random, { encoders: shared }) => {
      const own = initializeAll(random, nets);
      const model = { params: { ...shared.params, ...own.params }, stats: { ...shared.stats, ...own.stats } };
      return { ...own, memory: { slow: followerOf(model, SLOW) } };
    },

    inputs: () => ({ momentum: scalar(momentum) }),

    before: ({ params, memory }, inputs) => ({
      memory: {
        slow: followed(followerIn(memory, 'slow'), { params }, leafAt(inputs, 'momentum') as tf.Scalar),
      },
    }),

    loss: (model, batch, how) => {
      const pair = branchAt(batch, 'pair');
      const tables = branchAt(pair, 'pairs');
      const there = leafAt(tables, 'there'); // [S]
      const [segments, clips] = [there.size, there.size / pairs.most];
      const places = { encoder, training: how.training };
      const quick = encodeSweeps(model, branchAt(pair, 'sweeps'), places);
      const quickNets = running({ params: model.params, stats: quick.stats }, how);
      const slow = followerIn(model.memory, 'slow');
      const still = encodeSweeps(slow, branchAt(pair, 'sweeps'), places);
      const slowNets = running({ params: slow.params, stats: still.stats }, how);

      const sides = [branchAt(tables, 'first'), branchAt(tables, 'second')];
      // Of each side the places' predictions [M, D], and the segments' means [S, D].
      const predicted = quick.features.map((features) =>
        l2Normalize(quickNets.of('predictor', predictor, quickNets.of('projector', projector, features))),
      );
      const means = still.features.map((features, side) =>
        stopGradient(
          l2Normalize(pooledRows(slowNets.of('projector', projector, features), sides[side], segments)),
        ),
      );
      const ways = [0, 1].map((side) =>
        placesToSegments(predicted[side], means[1 - side], { side: sides[side], there, temperature }),
      );
      const count = meanCount(tf.sum(there));
      const both = (part: 'loss' | 'top1') => tf.div(tf.add(ways[0][part], ways[1][part]), 2) as tf.Scalar;
      return {
        // As many candidates more or fewer as there are segments: nothing learned is the same loss in every batch.
        terms: { follow: tf.add(both('loss'), tf.log(tf.div(segments, count))) },
        metrics: {
          top1: both('top1'),
          segments: tf.div(count, clips),
          moving: tf.div(tf.sum(leafAt(tables, 'moving')), clips),
          spread: spreadOf(means[0]),
        },
        stats: quickNets.stats,
        kept: { means: { stats: slowNets.stats } },
      };
    },

    after: ({ memory }, { means }) => ({
      slow: { ...followerIn(memory, 'slow'), stats: branchAt(means!, 'stats') },
    }),
  };
}

/** Linear, batch norm, ReLU, linear. */
function twoLayers(inputs: number, hidden: number, outputs: number): Net {
  return chain(
    linearNet({ inputs, outputs: hidden }),
    normNet(hidden),
    reluNet,
    linearNet({ inputs: hidden, outputs }),
  );
}

/**
 * The mean over the places of all segments (each as `side` weighs it, so that every segment counts alike) of
 * -log softmax(place·means/τ) at the place's own segment, and how often that is the highest. Segments that are not there are no
 * candidates. Over ranks those of all are.
 */
export function placesToSegments(
  predicted: tf.Tensor,
  means: tf.Tensor,
  {
    side,
    there,
    temperature,
  }: {
    readonly side: Parameters<typeof pooledRows>[1];
    readonly there: tf.Tensor;
    readonly temperature: number;
  },
): { readonly loss: tf.Scalar; readonly top1: tf.Scalar } {
  const segments = there.size;
  const weights = leafAt(side, 'weights'); // [S·K]
  const rows = gatherRows(predicted, leafAt(side, 'rows')); // [S·K, D]
  const perSegment = weights.size / segments;
  const [candidates, present] = [gatherRanks(means), gatherRanks(there)];
  const logits = tf.sub(
    tf.div(tf.matMul(rows, candidates, false, true), temperature),
    tf.mul(tf.sub(1, present), 1e9),
  ); // [S·K, S]
  const own = tf.reshape(tf.tile(tf.expandDims(ownIdentity(segments), 1), [1, perSegment, 1]), [
    weights.size,
    present.size,
  ]);
  const right = tf.sum(tf.mul(logits, own), 1); // [S·K]
  const highest = stopGradient(tf.max(logits, 1, true));
  const normalizers = tf.add(tf.log(tf.sum(tf.exp(tf.sub(logits, highest)), 1)), tf.reshape(highest, [-1]));
  const count = meanCount(tf.sum(there));
  const mean = (values: tf.Tensor) => tf.div(tf.sum(tf.mul(values, weights)), count) as tf.Scalar;
  const others = tf.max(tf.sub(logits, tf.mul(own, 1e9)), 1);
  const found = tf.cast(tf.greater(right, tf.add(others, 1e-4)), 'float32');
  return { loss: mean(tf.sub(normalizers, right)), top1: mean(found) };
}
