import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { weightedSum } from '../detection/losses.ts';
import { initPointHead, type PointHeadConfig, pointHead, pointLosses } from '../detection/point-head.ts';
import { batchNormSchema, widthsSchema } from '../encoders/encoder-config.ts';
import { encodePoints } from '../encoders/encoders.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { clusterClasses } from '../pointcloud/segments/cluster-boxes.ts';
import { type Given, type Objective, system } from './objective.ts';
import {
  candidateEncoderOf,
  smallSweep,
  sweepFields,
  sweepOptions,
  sweepRun,
  sweepView,
} from './sweep-run.ts';

const weight = z.number().min(0);

const schema = z.strictObject({
  ...sweepFields,
  /** In boxes of a lower score candidates count neither as of an object nor as of none. */
  leastScore: z.number().min(0).max(1),
  /** Candidates this far outside of a box still count as of it, metres; up to `ignoreMarginM` they are neither. */
  insideMarginM: z.number().min(0),
  ignoreMarginM: z.number().min(0),
  /** Bins of the heading over half a turn. */
  headingBins: z.int().min(2),
  /** The widths of the layers over a candidate's features. */
  head: widthsSchema,
  headBatchNorm: batchNormSchema,
  lossWeights: z.strictObject({
    classes: weight,
    offset: weight,
    size: weight,
    heading: weight,
    quality: weight,
  }),
});

type PseudoBoxesConfig = z.infer<typeof schema>;

const small: PseudoBoxesConfig = {
  ...smallSweep,
  leastScore: 0.3,
  insideMarginM: 0.2,
  ignoreMarginM: 0.6,
  headingBins: 6,
  head: [256, 256],
  headBatchNorm: { eps: 1e-3, momentum: 0.1 },
  lossWeights: { classes: 1, offset: 1, size: 1, heading: 0.5, quality: 0.5 },
};

/**
 * Boxes of clusters as targets: the ground is taken off, what is left is clustered, and a cluster of the size of a thing gets a box. Each
 * candidate says whether it is of one, and where its centre is, how large it is and how it lies, with the head and the losses of `point3d`, but
 * of the encoder's features alone, which therefore have to know it. The boxes are turned, scaled and mirrored with the points: what is said
 * has to turn with them, where a contrast of two views asks for features that do not.
 */
export const pseudoBoxes = system<PseudoBoxesConfig>({
  name: 'pseudo-boxes',
  citation:
    'after Zhang et al., Towards Unsupervised Object Detection from LiDAR Point Clouds (OYSTER), CVPR 2023, without its tracks and rounds; boxes by Zhang et al., Efficient L-Shape Fitting, IV 2017',
  summary:
    'Says where the centre of the box of a cluster is, how large it is and how it lies, in sweeps that are turned, scaled and mirrored.',
  needs: ['points'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    ...sweepOptions,
    leastScore: {
      means: 'boxes of a lower score, 1 - exp(-points / 30), are neither right nor wrong',
      paper: '?',
    },
    insideMarginM: { means: 'how far outside of a box candidates count as of it, metres', paper: '?' },
    ignoreMarginM: { means: 'up to how far they are neither, metres', paper: '?' },
    headingBins: {
      means: 'bins of the heading over half a turn: which end is the front is not known',
      paper: '?',
    },
    head: { means: "widths of the layers over a candidate's features", paper: '?' },
    'lossWeights.offset': { means: 'the weight of the offset to the centre', paper: '?' },
  },
  gradient:
    'All terms reach the encoder through the features of the candidates; how near a said centre is, which `quality` learns, carries none.',
  presets: {
    'pseudo-boxes-small': {
      about:
        "On generated scenes and KITTI, with the points and the encoder of point3d-small, which takes it as it is. What the terms are when nothing is learned follows from the boxes that there are; the metric centerDistanceM is the error in metres of one that takes each candidate for its object's centre, beside centerErrorM.",
      run: sweepRun({ 'pseudo-boxes': small }),
    },
  },
  make,
});

function make(config: PseudoBoxesConfig, { encoders }: Given): Objective {
  const encoder = candidateEncoderOf(encoders, 'pseudo-boxes', config);
  const { candidateLevel, headingBins, headBatchNorm, leastScore, insideMarginM, ignoreMarginM } = config;
  const head: PointHeadConfig = {
    classes: [...clusterClasses],
    pointEncoder: encoder,
    candidateLevel,
    // With balls of its own a head would not need the encoder.
    surroundings: null,
    lastLevel: 'weighted',
    heightFrom: 'candidate',
    headWidths: config.head,
    headBatchNorm,
    headingBins,
  };
  const boxes = { headingBins, insideMarginM, ignoreMarginM, leastScore };
  return {
    views: { sweep: sweepView(config, encoder, { boxes }) },
    chance: { classes: null, offset: null, size: null, heading: null, quality: null },
    termWeights: config.lossWeights,
    initialize: (random) => {
      const { params, stats } = initPointHead(random.fork('head'), head);
      return { params: { head: params }, stats: { head: stats }, memory: {} };
    },

    loss: ({ params, stats }, batch, { training }) => {
      const sweep = branchAt(batch, 'sweep');
      const encoded = encodePoints(
        { params: branchAt(params, 'pointEncoder'), stats: branchAt(stats, 'pointEncoder') },
        branchAt(sweep, 'points'),
        { encoder, training },
      );
      const said = pointHead(branchAt(params, 'head'), branchAt(stats, 'head'), encoded, {
        config: head,
        batch: sweep,
        training,
      });
      const targets = branchAt(sweep, 'targets');
      const { terms, metrics } = pointLosses(said.predictions, targets);
      const positive = leafAt(targets, 'positive'); // [R]
      const away = tf.sqrt(tf.sum(tf.square(leafAt(targets, 'offset')), 1)); // [R]
      return {
        terms,
        metrics: {
          ...(metrics as { readonly [name: string]: tf.Scalar }),
          centerDistanceM: weightedSum(away, positive, tf.sum(positive)),
        },
        stats: { pointEncoder: encoded.stats, head: said.stats },
      };
    },
  };
}
