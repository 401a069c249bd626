import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { pointEncoderChannels } from '../encoders/encoder-config.ts';
import { chain, initializeAll, linearNet, type Net, reluNet, running } from '../encoders/net.ts';
import { meanCount } from '../engine/ranks/collectives.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { driveRun, pointClip, pointClipFields, pointEncoderOf } from './drive-run.ts';
import { infoNce } from './info-nce.ts';
import { type Given, type Objective, system } from './objective.ts';
import { spreadOf } from './parts/spread.ts';
import { encodeSweeps, pooledRows } from './parts/sweep-rows.ts';

const whole = z.int().positive();

const schema = z.strictObject({
  ...pointClipFields,
  /** Which places of the two sweeps are compared. */
  pairs: z.strictObject({
    /** The side of a bird's-eye cell, metres. */
    cellM: z.number().positive(),
    /** At most so many pairs of cells in a pair of sweeps. */
    most: whole,
    /** The mean is taken over at most so many places of a cell. */
    perPair: whole,
    /** `moving`: up to half of the pairs are segments that were followed while they moved. */
    segments: z.literal('moving').optional(),
  }),
  temperature: z.number().positive(),
  /** The widths of a head behind the cells' means, ReLU between them; empty, the means themselves are compared. */
  head: z.array(whole),
});

type BevContrastConfig = z.infer<typeof schema>;

/** What fits the point encoder of runs on drives: cells are large, because features stand at 128 places of a sweep. */
export const smallBevContrast: BevContrastConfig = {
  frames: 4,
  gapS: 0.2,
  view: { maxRotation: Math.PI, pivot: [0, 0, 0], scale: [0.95, 1.05], flipProbability: 0.5 },
  groundShare: 0.3,
  pairs: { cellM: 2, most: 64, perPair: 4, segments: 'moving' },
  temperature: 0.07,
  head: [128],
};

/**
 * Frame contrast of sweeps: the mean of the features in a bird's-eye cell finds that of the same cell, the car's own motion
 * undone, in a sweep at another time. Loss: InfoNCE over all cells of the batch, rows of length one.
 */
export const bevContrast = system<BevContrastConfig>({
  name: 'bev-contrast',
  citation:
    'Sautier et al., BEVContrast: Self-Supervision in BEV Space for Automotive Lidar Point Clouds, 3DV 2024, arXiv 2310.17281',
  summary: "Finds a bird's-eye cell of one sweep in a sweep at another time, the car's own motion undone.",
  needs: ['points'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    frames: { means: 'sweeps of a clip; the first and the last are compared', paper: '2' },
    gapS: { means: 'the time from each to the next, seconds', paper: '?', code: '6 frames, some 0.6' },
    'view.maxRotation': { means: 'how far each sweep is turned', paper: '?', code: 'about z alone' },
    'pairs.cellM': { means: 'the side of a cell, metres', paper: '?', code: '0.2' },
    'pairs.most': { means: 'cells of a pair of sweeps', paper: '?', code: '4096' },
    'pairs.perPair': { means: 'places of a cell that the mean is taken over', paper: '?', code: 'all' },
    'pairs.segments': {
      means: 'whether half of the pairs may be what moves, followed without labels',
      paper: '?',
      code: 'none',
    },
    temperature: { means: 'divides the similarities', paper: '?', code: '0.07' },
    head: { means: 'widths of a head behind the means', paper: '?', code: 'none' },
    groundShare: { means: 'the most of the drawn points that may be ground', paper: '?', code: 'all points' },
  },
  gradient: 'Both sweeps carry a gradient.',
  presets: {
    'bev-contrast-small': {
      about:
        'Sweeps 0.6 s apart, as the point encoder of simipu-small sees them. Cells are larger than published, because features stand at 128 places of a sweep and not at every point.',
      run: driveRun(
        {
          'bev-contrast': smallBevContrast,
        },
        { sweeps: true },
      ),
    },
  },
  make,
});

function make(config: BevContrastConfig, { encoders, batchSize }: Given): Objective {
  const { pairs, temperature, head: widths } = config;
  const encoder = pointEncoderOf(encoders, 'bev-contrast');
  const head = headOf(widths, pointEncoderChannels(encoder));
  return {
    views: { pair: pointClip(config, encoder) },
    chance: { contrast: Math.log(batchSize * pairs.most) },
    initialize: (random) => ({ ...initializeAll(random, { head }), memory: {} }),

    loss: (model, batch, how) => {
      const pair = branchAt(batch, 'pair');
      const tables = branchAt(pair, 'pairs');
      const there = leafAt(tables, 'there'); // [R]
      const [rows, clips] = [there.size, there.size / pairs.most];
      const encoded = encodeSweeps(model, branchAt(pair, 'sweeps'), { encoder, training: how.training });
      const nets = running({ params: model.params, stats: encoded.stats }, how);
      const [first, second] = (['first', 'second'] as const).map((side, moment) =>
        l2Normalize(
          nets.of('head', head, pooledRows(encoded.features[moment], branchAt(tables, side), rows)),
        ),
      ); // [R, D]
      const moving = leafAt(tables, 'moving');
      const found = infoNce(first, second, { temperature, weights: there, absent: true });
      const count = meanCount(tf.sum(there));
      return {
        // As many candidates more or fewer as there are cells: nothing learned is the same loss in every batch.
        terms: { contrast: tf.add(found.loss, tf.log(tf.div(rows, count))) },
        metrics: {
          top1: found.top1,
          top5: found.top5,
          pairs: tf.div(count, clips),
          moving: tf.div(tf.sum(moving), clips),
          spread: spreadOf(first),
        },
        stats: nets.stats,
      };
    },
  };
}

function headOf(widths: readonly number[], inputs: number): Net {
  const layers = widths.flatMap((outputs, l) => {
    const linear = linearNet({ inputs: l === 0 ? inputs : widths[l - 1], outputs });
    return l === 0 ? [linear] : [reluNet, linear];
  });
  return chain(...layers);
}
