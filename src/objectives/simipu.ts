import * as tf from '@tensorflow/tfjs-core';
import { type EncodersConfig, imageEncoderStride } from '../encoders/encoder-config.ts';
import { InputError } from '../engine/input-error.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import type { PointPairView } from '../views/point-pair.ts';
import { infoNce } from './info-nce.ts';
import { type Given, type Objective, system } from './objective.ts';
import { type SimipuConfig, type SimipuEncoders, simipuSchema } from './simipu-config.ts';
import { embed, initSimipuHeads, project } from './simipu-model.ts';
import { simipuPresets } from './simipu-presets.ts';

/**
 * SimIPU (Li et al., AAAI 2022): a point encoder learns to find the same place in two views of a sweep, and an image
 * encoder to say what the point encoder says of the place that it sees. No labels.
 */
export const simipu = system<SimipuConfig>({
  name: 'simipu',
  citation:
    'Li et al., SimIPU: Simple 2D Image and 3D Point Cloud Unsupervised Pre-Training, AAAI 2022, arXiv 2112.04680',
  summary:
    'Finds the same place in two views of a sweep (matched by the Hungarian algorithm), and in the picture that sees it.',
  needs: ['image', 'points'],
  ranks: { batchNorm: 'synchronised' },
  schema: simipuSchema,
  // The paper was not at hand: `?` is what it says, whatever that is.
  options: {
    temperature: { means: 'divides the similarities', paper: '?', code: '0.07' },
    stopGradient: { means: 'what the cross-modal loss does not reach', paper: '?', code: 'point-output' },
    matchGateM: { means: 'matched pairs farther apart, metres, do not count', paper: '?', code: 'none' },
    validityMask: { means: 'places outside of the picture do not count', paper: '?', code: 'false' },
    crossFactor: { means: 'the weight of the cross-modal loss', paper: '?', code: '1' },
    groundShare: { means: 'the most of the drawn points that may be ground', paper: '?', code: 'none' },
    sameStart: {
      means: 'farthest points begin at the same point in both views, so that centres coincide',
      paper: '?',
      code: 'no',
    },
    imageScale: {
      means: 'how large the picture is, of what fits the canvas',
      paper: '?',
      code: '0.51 to 1.92',
    },
    'heads.intraPoints': { means: 'widths of the head within points', paper: '?', code: '1024 1024 128' },
    'heads.crossImage': { means: 'widths of the head of the picture', paper: '?', code: '2048 2048 128' },
    'heads.crossPoints': {
      means: 'widths of the head of points that pictures ask',
      paper: '?',
      code: '1024 1024 128',
    },
  },
  gradient:
    'Queries carry a gradient, keys of the intra-modal loss do not; the cross-modal loss reaches the image branch, and the point branch as `stopGradient` says.',
  presets: simipuPresets,
  // Heads were drawn by this label before there were other objectives.
  drawnAs: 'heads',
  make,
});

function make(config: SimipuConfig, given: Given): Objective {
  const encoders = bothOf(given.encoders);
  const { image, points } = encoders;
  const { temperature, validityMask, crossFactor } = config;
  const { count, range, cropToImage } = points.input;
  const view: PointPairView = {
    kind: 'point-pair',
    points: { count, range, cropToImage },
    groundShare: config.groundShare,
    sameStart: config.sameStart,
    view: config.view,
    image: { ...image.input, scale: config.imageScale },
    featureStride: imageEncoderStride(image),
    pointEncoder: { levels: points.levels, useXyz: points.useXyz, dilated: points.dilated },
    matchGateM: config.matchGateM,
  };
  const pool = given.batchSize * points.levels[points.levels.length - 1].points;
  // With nothing learned every key is as likely as any other.
  const columns = Math.log(pool);
  const evaluated = { training: false, headBatchNorm: config.headBatchNorm };

  return {
    views: { pair: view },
    chance: { intra: columns, cross: columns },
    termWeights: { cross: crossFactor },
    // The head of the image branch is trained with the image encoder, as released.
    groups: [{ match: ['crossImage'], as: 'image' }],
    initialize: (random) => ({ ...initSimipuHeads(random, config, encoders), memory: {} }),

    loss: (model, batch, { training }) => {
      const pair = branchAt(batch, 'pair');
      const rows = embed(model, pair, { config, encoders, training });
      const inside = leafAt(pair, 'inside');
      const intra = infoNce(rows.intraQueries, rows.intraKeys, {
        temperature,
        weights: leafAt(pair, 'matched'),
      });
      const cross = infoNce(rows.crossQueries, rows.crossKeys, {
        temperature,
        weights: validityMask ? inside : tf.onesLike(inside),
      });
      return {
        terms: { intra: intra.loss, cross: cross.loss },
        metrics: {
          intraTop1: intra.top1,
          intraTop5: intra.top5,
          crossTop1: cross.top1,
          crossTop5: cross.top5,
          matchDistanceM: tf.mean(leafAt(pair, 'distanceM')),
          insideFraction: tf.mean(inside),
        },
        stats: rows.stats,
      };
    },

    comparison: {
      view,
      places: (model, rows) => ({
        within: project(model, { head: 'intraPoints', rows }, evaluated).rows,
        across: project(model, { head: 'crossPoints', rows }, evaluated).rows,
      }),
      pixels: (model, rows) => project(model, { head: 'crossImage', rows }, evaluated).rows,
      retrieval: (gateM) => ({
        objective: make({ ...config, validityMask: true, matchGateM: config.matchGateM ?? gateM }, given),
        pool,
        tasks: [
          { task: 'intra-modal', places: 1, metric: 'intraTop1' },
          { task: 'intra-modal', places: 5, metric: 'intraTop5' },
          { task: 'cross-modal', places: 1, metric: 'crossTop1' },
          { task: 'cross-modal', places: 5, metric: 'crossTop5' },
        ],
      }),
    },
  };
}

function bothOf({ image, points }: EncodersConfig): SimipuEncoders {
  if (image !== undefined && points !== undefined) return { image, points };
  const found = image === undefined ? 'points alone' : 'image alone';
  throw new InputError({
    file: 'configuration',
    place: 'encoders',
    expected: 'image and points, for simipu',
    found,
  });
}
