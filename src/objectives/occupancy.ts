import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { candidateChannels, candidateFeatures } from '../detection/candidate-features.ts';
import { binaryCrossEntropy } from '../detection/losses.ts';
import { widthsSchema } from '../encoders/encoder-config.ts';
import { encodePoints } from '../encoders/encoders.ts';
import { chain, initializeAll, linearNet, type Net, reluNet, running } from '../encoders/net.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { gatherRows } from '../pointcloud/grouping.ts';
import { type Given, type Objective, system } from './objective.ts';
import {
  candidateEncoderOf,
  smallSweep,
  sweepFields,
  sweepOptions,
  sweepRun,
  sweepView,
} from './sweep-run.ts';

const positive = z.number().positive();
const whole = z.int().positive();

const schema = z.strictObject({
  ...sweepFields,
  /** The places along rays that are asked for. */
  rays: z.strictObject({
    /** So many a sweep, a third each behind a point, before it, and anywhere on its ray. */
    count: whole.multipleOf(3),
    /** How far behind and before its point a place lies at most, metres. */
    marginM: positive,
    /** Rays end at points that lie this near to a candidate, metres. */
    reachM: positive,
    /** So many candidates, the nearest ones, say something of a place, each by itself. */
    neighbors: whole,
    /** Where the sensor is in the LiDAR frame, metres. */
    sensor: z.tuple([z.number(), z.number(), z.number()]),
  }),
  /** The width of what the decoder gets of a candidate. */
  latent: whole,
  /** The widths of the decoder's layers, ReLU behind each. */
  decoder: widthsSchema,
  /** The weight of the reflectance of points that places lie just behind or before; 0 leaves it out. */
  intensity: z.number().min(0),
});

type OccupancyConfig = z.infer<typeof schema>;

const small: OccupancyConfig = {
  ...smallSweep,
  rays: { count: 768, marginM: 0.1, reachM: 1, neighbors: 1, sensor: [0, 0, 0] },
  latent: 128,
  decoder: [128, 128],
  intensity: 0,
};

/** The cross-entropy of one that says of every place that it is occupied with probability a third, as often as it is. */
const THIRDS = Math.log(3) - (2 / 3) * Math.log(2);

/**
 * Occupancy along rays: what lies just behind a point is inside of something, what lies between it and the sensor is empty. A small decoder
 * says which from the features of a candidate near a place and where the place lies from it; the sensor moves with the points, so that what
 * is said turns with them.
 */
export const occupancy = system<OccupancyConfig>({
  name: 'occupancy',
  citation:
    'Boulch et al., ALSO: Automotive Lidar Self-supervision by Occupancy Estimation, CVPR 2023, arXiv 2212.05867',
  summary:
    'Says of places along the rays of a sweep whether there is something, from the features of the nearest centres.',
  needs: ['points'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    ...sweepOptions,
    'view.maxRotation': {
      means: 'how far a sweep is turned about the LiDAR, radians',
      paper: '?',
      code: 'π',
    },
    'rays.count': { means: 'places along rays, a sweep', paper: '?', code: '4096' },
    'rays.marginM': {
      means: 'how far behind and before its point a place lies at most, metres',
      paper: '?',
      code: '0.1',
    },
    'rays.reachM': {
      means: 'rays end at points that are this near to a centre, metres',
      paper: '?',
      code: 'every point; centres within 1.0 m say something',
    },
    'rays.neighbors': {
      means: 'nearest centres that say something of a place',
      paper: '?',
      code: 'all within 1.0 m',
    },
    latent: { means: 'the width of what the decoder gets of a centre', paper: '?', code: '128' },
    decoder: { means: "widths of the decoder's layers", paper: '?', code: '128 128 128' },
    intensity: { means: 'the weight of the reflectance (mean absolute error)', paper: '?', code: '1' },
  },
  gradient: 'Every place reaches the encoder through the features of its nearest centres.',
  presets: {
    'occupancy-small': {
      about:
        'On generated scenes and KITTI, with the points and the encoder of point3d-small, which takes it as it is. How far a place is from the nearest centre tells much without any feature: on ten generated scenes the best that can be said from the distance alone makes a loss of 0.51. The metric surface, how often the two thirds at surfaces are told apart, is 0.5 until features say something.',
      run: sweepRun({ occupancy: small }),
    },
  },
  make,
});

function make(config: OccupancyConfig, { encoders }: Given): Objective {
  const { candidateLevel, rays, intensity, latent: latentWidth } = config;
  const encoder = candidateEncoderOf(encoders, 'occupancy', config);
  const at = {
    candidateLevel,
    pointEncoder: encoder,
    lastLevel: 'weighted',
    headBatchNorm: encoder.batchNorm,
  } as const;
  const latent = linearNet({ inputs: candidateChannels(at), outputs: latentWidth });
  const decoder = decoderOf(latentWidth + 3, config.decoder, intensity > 0 ? 2 : 1);
  return {
    views: { sweep: sweepView(config, encoder, { rays }) },
    chance: { occupancy: THIRDS, ...(intensity > 0 && { intensity: null }) },
    termWeights: { intensity },
    initialize: (random) => ({ ...initializeAll(random, { latent, decoder }), memory: {} }),

    loss: (model, batch, how) => {
      const { params, stats } = model;
      const sweep = branchAt(batch, 'sweep');
      const encoded = encodePoints(
        { params: branchAt(params, 'pointEncoder'), stats: branchAt(stats, 'pointEncoder') },
        branchAt(sweep, 'points'),
        { encoder, training: how.training },
      );
      const { y: rows } = candidateFeatures({}, {}, encoded, {
        config: at,
        batch: sweep,
        training: how.training,
      });
      const nets = running(model, how);
      const queries = branchAt(sweep, 'queries');
      const near = gatherRows(nets.of('latent', latent, rows), leafAt(queries, 'nearest')); // [Q·K, L]
      const asked = tf.concat([near, leafAt(queries, 'offsets')], 1); // [Q·K, L + 3]
      const said = nets.of('decoder', decoder, asked); // [Q·K, 1 or 2]
      const column = (index: number) => tf.reshape(tf.slice(said, [0, index], [-1, 1]), [-1, rays.neighbors]);
      const known = (name: string) => tf.reshape(leafAt(queries, name), [-1, 1]); // [Q, 1]
      const logits = column(0); // [Q, K]
      const occupied = known('occupied');
      const surface = known('surface');
      const right = tf.cast(tf.equal(tf.cast(tf.greater(logits, 0), 'float32'), occupied), 'float32');
      // As many in every sweep.
      const atSurface = (values: tf.Tensor) => tf.mul(tf.mean(tf.mul(values, surface)), 3 / 2) as tf.Scalar;
      return {
        terms: {
          occupancy: tf.mean(binaryCrossEntropy(logits, occupied)),
          ...(intensity > 0 && {
            intensity: atSurface(tf.abs(tf.sub(column(1), known('reflectance')))),
          }),
        },
        metrics: { accuracy: tf.mean(right), surface: atSurface(right) },
        stats: { ...nets.stats, pointEncoder: encoded.stats },
      };
    },
  };
}

/** Linear layers with ReLU behind each but the last, which says `outputs` numbers. */
function decoderOf(inputs: number, widths: readonly number[], outputs: number): Net {
  const hidden = widths.flatMap((width, l) => [
    linearNet({ inputs: l === 0 ? inputs : widths[l - 1], outputs: width }),
    reluNet,
  ]);
  return chain(...hidden, linearNet({ inputs: widths[widths.length - 1], outputs }));
}
