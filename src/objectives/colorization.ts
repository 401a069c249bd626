import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels, imageEncoderStride } from '../encoders/encoder-config.ts';
import { imageMapsNet } from '../encoders/encoders.ts';
import { chain, initializeAll, linearNet, normNet, reluNet, running } from '../encoders/net.ts';
import type { Tensors } from '../encoders/trainable.ts';
import { float32, scalar } from '../engine/host-tensor.ts';
import { InputError } from '../engine/input-error.ts';
import { allReduceMean, overCount } from '../engine/ranks/collectives.ts';
import { greyOf, labOfNormalized } from '../image/lab-tensors.ts';
import { leafAt } from '../nn/layer.ts';
import { normalizationOf } from '../views/canvas.ts';
import { cifarRun, imageEncoderOf, oneViewSchema, pictureView, weakView } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { annealedMean, colourBins, encodedColours, rarityWeights } from './parts/colour-bins.ts';
import { logSoftmax } from './parts/cross-entropy.ts';

const whole = z.int().positive();

const schema = z.strictObject({
  view: oneViewSchema,
  /** Pixels along each side of a cell whose mean colour is predicted. */
  cell: whole,
  /** The width of the layer between encoder and colours. */
  hidden: whole,
  /** Bins that a colour is spread over, and the deviation of the Gaussian that spreads it. */
  neighbours: whole.max(313),
  sigma: z.number().positive(),
  /** How much of an even distribution is mixed into that of colours before rare ones are made to count more. */
  uniform: z.number().min(0).max(1),
  /** Pictures none of whose cells has an |a*| or |b*| above this do not count. */
  greyBelow: z.number().min(0),
  /** How sharp a distribution becomes before its mean is the colour. */
  temperature: z.number().positive(),
});

type ColorizationConfig = z.infer<typeof schema>;

/**
 * Colorization: says of a picture without colour how it was coloured, as a distribution over 313 colours for each cell. Loss: the
 * cross-entropy with the cell's colour, spread over its nearest bins, times how rare that colour is; ln 313 by chance. Released
 * is a network of dilated convolutions that sees lightness alone on one channel; here the run's encoder sees the grey of the
 * same lightness on its three channels, so that it takes coloured pictures as well, and two layers on each place of its last
 * map say the colours of the cells below. How often colours are is what the run has seen so far, where the authors count ImageNet.
 */
export const colorization = system<ColorizationConfig>({
  name: 'colorization',
  citation: 'Zhang et al., Colorful Image Colorization, ECCV 2016, arXiv 1603.08511',
  summary: 'Says of each place of a picture without colour which colour it had, rare colours counting more.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    cell: { means: 'pixels along each side of a cell whose colour is predicted', paper: '4' },
    hidden: { means: 'the width of the layer between encoder and colours', paper: 'not stated' },
    neighbours: { means: 'bins that a colour is spread over', paper: '?', code: '10' },
    sigma: { means: 'the deviation of the Gaussian that spreads it', paper: '?', code: '5' },
    uniform: {
      means: 'how much of an even distribution is mixed in before weighing',
      paper: '?',
      code: '0.5',
    },
    greyBelow: {
      means: 'the |a*| and |b*| up to which a picture is grey and does not count',
      paper: '?',
      code: '5',
    },
    temperature: { means: 'divides logits before the mean colour is decoded', paper: '0.38' },
  },
  gradient: 'The predictions carry a gradient; colours, weights and the decoded colour do not.',
  presets: {
    'colorization-cifar': {
      about: 'Colorization on some thousand photographs of 32 pixels.',
      run: cifarRun(
        {
          colorization: {
            view: { ...weakView, crop: { area: [0.3, 1] }, jitter: undefined, grey: undefined },
            cell: 4,
            hidden: 128,
            neighbours: 10,
            sigma: 5,
            uniform: 0.5,
            greyBelow: 5,
            temperature: 0.38,
          },
        },
        { steps: 450 },
      ),
    },
  },
  make,
});

function make(config: ColorizationConfig, { encoders }: Given): Objective {
  const { cell, hidden, uniform, greyBelow, temperature } = config;
  const image = imageEncoderOf(encoders, 'colorization');
  const view = pictureView(config.view, image);
  const finer = finerBy(view, { cell, stride: imageEncoderStride(image) });
  const encoder = imageMapsNet(image);
  const bins = colourBins.length;
  const head = chain(
    linearNet({ inputs: imageEncoderChannels(image), outputs: hidden, bias: false }),
    normNet(hidden, image.batchNorm),
    reluNet,
    linearNet({ inputs: hidden, outputs: finer ** 2 * bins }),
  );
  const normalization = normalizationOf(image.input);
  return {
    views: { picture: view },
    chance: { colour: Math.log(bins) },

    initialize: (random) => ({
      ...initializeAll(random, { head }),
      memory: { seen: float32(new Float32Array(bins), [1, bins]), batches: scalar(0) },
    }),

    loss: (model, batch, how) => {
      const nets = running(model, how);
      const { ab, luminance } = labOfNormalized(leafAt(batch, 'picture'), normalization);
      const grey = greyOf(luminance, normalization);
      const maps = nets.of('imageEncoder', encoder, grey); // [B, C, h, w]
      const [count, channels, rows, columns] = maps.shape as [number, number, number, number];
      const places = tf.reshape(tf.transpose(maps, [0, 2, 3, 1]), [count * rows * columns, channels]);
      const predicted = nets.of('head', head, places); // [B·h·w, f·f·313]
      const logits = tf.reshape(
        tf.transpose(tf.reshape(predicted, [count * rows, columns, finer, finer * bins]), [0, 2, 1, 3]),
        [-1, bins],
      ); // [P, 313], cells in the order of a picture's rows
      const colours = cellMeans(ab, cell); // [P, 2]
      const { target, nearest } = encodedColours(colours, config);
      // This batch is counted first, so that no colour of it has never been seen.
      const now = allReduceMean(tf.mean(target, 0, true)); // [1, 313]
      const rarity = tf.reshape(rarityWeights(counted(model.memory, now).seen, uniform), [bins]);
      const counts = colouredPictures(colours, { pictures: count, greyBelow }); // [P]
      const weights = tf.mul(tf.gather(rarity, nearest), counts);
      const losses = tf.neg(tf.sum(tf.mul(target, logSoftmax(logits)), 1)); // [P]
      const away = tf.sqrt(tf.sum(tf.squaredDifference(annealedMean(logits, temperature), colours), 1));
      return {
        terms: { colour: overCount(tf.sum(tf.mul(losses, weights)), tf.sum(counts)) },
        metrics: { colourError: tf.mean(away) },
        stats: nets.stats,
        kept: { means: { seen: now } },
      };
    },

    after: ({ memory }, { means }) => counted(memory, leafAt(means!, 'seen')),
  };
}

/** How often colours were seen, as a mean over batches, with one batch more. */
function counted(memory: Tensors, now: tf.Tensor): { readonly seen: tf.Tensor; readonly batches: tf.Tensor } {
  const [seen, batches] = [leafAt(memory, 'seen'), tf.add(leafAt(memory, 'batches'), 1)];
  return { seen: tf.add(seen, tf.div(tf.sub(now, seen), batches)), batches };
}

/** How many cells there are along a place of the encoder's map. Throws an InputError where they do not fit. */
function finerBy(
  { width, height }: { readonly width: number; readonly height: number },
  { cell, stride }: { readonly cell: number; readonly stride: number },
): number {
  const fault = (place: string, expected: string, found: string) =>
    new InputError({ file: 'configuration', place: `objectives.colorization.${place}`, expected, found });
  if (stride % cell !== 0) throw fault('cell', `a divisor of the encoder's stride, ${stride}`, `${cell}`);
  if (width % stride !== 0 || height % stride !== 0)
    throw fault(
      'view',
      `sides that are multiples of the encoder's stride, ${stride}`,
      `${width} x ${height}`,
    );
  return stride / cell;
}

/** The means over cells of pixels [B, H, W, C]: rows [B·H/cell·W/cell, C]. */
export function cellMeans(pixels: tf.Tensor, cell: number): tf.Tensor {
  const [count, height, width, channels] = pixels.shape as [number, number, number, number];
  const [rows, columns] = [height / cell, width / cell];
  const cells = tf.reshape(pixels, [count * rows, cell, columns, cell * channels]);
  const summed = tf.reshape(tf.sum(cells, 1), [count * rows * columns, cell, channels]);
  return tf.div(tf.sum(summed, 1), cell ** 2);
}

/** 1 for the cells [P] of pictures that have a colour, 0 for those of grey ones. */
export function colouredPictures(
  colours: tf.Tensor,
  { pictures, greyBelow }: { readonly pictures: number; readonly greyBelow: number },
): tf.Tensor {
  const all = tf.reshape(tf.abs(colours), [pictures, colours.size / pictures]);
  const coloured = tf.cast(tf.greater(tf.max(all, 1, true), greyBelow), 'float32'); // [B, 1]
  const [cells] = colours.shape;
  return tf.reshape(tf.tile(coloured, [1, cells / pictures]), [cells]);
}
