import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels, imageEncoderStride } from '../encoders/encoder-config.ts';
import { imageMapsNet } from '../encoders/encoders.ts';
import {
  chain,
  initializeAll,
  linearNet,
  type Net,
  normNet,
  plainNet,
  reluNet,
  running,
} from '../encoders/net.ts';
import { InputError } from '../engine/input-error.ts';
import { overCount } from '../engine/ranks/collectives.ts';
import { mapTree } from '../engine/tree.ts';
import { doubled } from '../image/fpn.ts';
import type { ImageNormalization } from '../image/normalize-image.ts';
import type { BatchNormOptions } from '../nn/batch-norm.ts';
import { conv2d, initConv2d } from '../nn/conv2d.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import { normalizationOf } from '../views/canvas.ts';
import { hiddenSchema } from '../views/image-view-config.ts';
import { cifarRun, imageEncoderOf, oneViewSchema, pictureView, weakView } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';

const whole = z.int().positive();

const schema = z.strictObject({
  view: oneViewSchema,
  hidden: hiddenSchema,
  /** Pixels along the edge of what is hidden that stay visible, are predicted all the same, and count `edgeWeight` times. */
  edge: z.int().min(0),
  edgeWeight: z.number().positive(),
  /** The width between encoder and decoder. */
  bottleneck: whole,
  /** Channels of the decoder's map before each doubling of its size; the last is halved from there on. */
  decoder: whole,
  /** Channels of the discriminator's convolutions, each at half of the size before. */
  discriminator: z.array(whole).min(1),
  /** The weight of the reconstruction; what is left to 1 is that of the adversarial term. */
  reconstruction: z.number().min(0).max(1),
  /** What the learning rate of the discriminator is multiplied by, 1 by default. */
  discriminatorRate: z.number().positive().optional(),
});

type ContextEncoderConfig = z.infer<typeof schema>;

/**
 * Context encoder: paints what is hidden of a picture. Loss: λ times the squared error where it is hidden, plus 1 - λ times what it
 * takes to pass for real with a discriminator, which learns in the same step, by an optimizer state of its own, to tell the two
 * apart. What is hidden has the mean colour; the decoder paints the whole picture, by a tanh for values from -1 to 1, and the
 * discriminator sees of a picture and of its painting what is hidden alone. Released are convolutions of stride 2 where here
 * the run's encoder is, and a discriminator that is updated before the painter instead of with it.
 */
export const contextEncoder = system<ContextEncoderConfig>({
  name: 'context-encoder',
  citation: 'Pathak et al., Context Encoders: Feature Learning by Inpainting, CVPR 2016, arXiv 1604.07379',
  summary:
    'Paints what is hidden of a picture, so that it is near and passes for real with a second network.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    edge: {
      means: 'pixels along the edge of what is hidden that stay visible and are predicted too',
      paper: '?',
      code: '4',
    },
    edgeWeight: { means: 'how much they count', paper: '?', code: '10' },
    bottleneck: { means: 'the width between encoder and decoder', paper: '?', code: '4000' },
    decoder: { means: "channels of the decoder's first map", paper: '?', code: '512' },
    discriminator: { means: "channels of the discriminator's convolutions", paper: '?' },
    reconstruction: {
      means: 'the weight of the reconstruction; what is left to 1 is that of the adversarial term',
      paper: '0.999',
      code: '0 if not given; 0.999 in its instructions',
    },
    discriminatorRate: {
      means: "what the discriminator's learning rate is multiplied by",
      paper: '?',
      code: '0.1 (the others have ten times its rate)',
    },
  },
  gradient:
    'Reconstruction and adversarial term carry a gradient into encoder and decoder alone, the discriminator has one from its own term alone.',
  presets: {
    'context-encoder-cifar': {
      about: 'A context encoder on some thousand photographs of 32 pixels, blocks of which are hidden.',
      run: cifarRun(
        {
          'context-encoder': {
            view: { ...weakView, crop: { area: [0.5, 1] }, jitter: undefined, grey: undefined },
            hidden: { shape: 'blocks', coverage: [0.25, 0.4], side: [6, 12] },
            edge: 1,
            edgeWeight: 10,
            bottleneck: 256,
            decoder: 64,
            discriminator: [16, 32, 64],
            reconstruction: 0.999,
            discriminatorRate: 0.1,
          },
        },
        { steps: 350 },
      ),
    },
  },
  make,
});

/** max(x, x/5). */
function leaky(x: tf.Tensor): tf.Tensor {
  return tf.maximum(x, tf.mul(x, 0.2));
}

const leakyNet = plainNet(leaky);

/** A convolution of maps [B, inputs, H, W]; `halves` takes 4x4 at a stride of 2, else 3x3. */
function convNet(inputs: number, outputs: number, halves = false): Net {
  const kernel = halves ? 4 : 3;
  return {
    initialize: (random) => ({ params: initConv2d(random, { inputs, outputs, kernel }), stats: {} }),
    apply: (params, stats, x) => ({
      y: conv2d(params, x, { stride: halves ? 2 : 1, padding: 1 }),
      stats,
    }),
  };
}

/** Maps [B, C, h, w] to pictures [B, 3, h·stride, w·stride], -1 to 1. */
function decoderOf(
  { bottleneck, decoder: width }: ContextEncoderConfig,
  {
    channels,
    rows,
    columns,
    stride,
    norm,
  }: {
    readonly channels: number;
    readonly rows: number;
    readonly columns: number;
    readonly stride: number;
    readonly norm: BatchNormOptions;
  },
): Net {
  const layers: Net[] = [
    plainNet((x) => tf.reshape(x, [x.shape[0], channels * rows * columns])),
    linearNet({ inputs: channels * rows * columns, outputs: bottleneck, bias: false }),
    normNet(bottleneck, norm),
    leakyNet,
    linearNet({ inputs: bottleneck, outputs: width * rows * columns, bias: false }),
    plainNet((x) => tf.reshape(x, [x.shape[0], width, rows, columns])),
    normNet(width, norm),
    reluNet,
  ];
  let before = width;
  for (let side = 1; side < stride; side *= 2) {
    const after = Math.max(8, before / 2);
    layers.push(plainNet(doubled), convNet(before, after), normNet(after, norm), reluNet);
    before = after;
  }
  return chain(...layers, convNet(before, 3), plainNet(tf.tanh));
}

/** Pictures [B, 3, H, W] to one logit each, [B, 1]: high for real ones. */
function discriminatorOf(
  widths: readonly number[],
  {
    width,
    height,
    norm,
  }: { readonly width: number; readonly height: number; readonly norm: BatchNormOptions },
): Net {
  const layers = widths.flatMap((outputs, i) => [
    convNet(i === 0 ? 3 : widths[i - 1], outputs, true),
    ...(i === 0 ? [] : [normNet(outputs, norm)]),
    leakyNet,
  ]);
  const halved = (side: number) => widths.reduce((length) => Math.floor(length / 2), side);
  const inputs = widths[widths.length - 1] * halved(width) * halved(height);
  return chain(
    ...layers,
    plainNet((x) => tf.reshape(x, [x.shape[0], inputs])),
    linearNet({ inputs, outputs: 1 }),
  );
}

function make(config: ContextEncoderConfig, { encoders }: Given): Objective {
  const { hidden, edge, edgeWeight, reconstruction, discriminatorRate } = config;
  const image = imageEncoderOf(encoders, 'context-encoder');
  const view = pictureView(config.view, image);
  const stride = imageEncoderStride(image);
  requireFit(config, { ...view, stride });
  const { width, height } = view;
  const encoder = imageMapsNet(image);
  const map = { channels: imageEncoderChannels(image), rows: height / stride, columns: width / stride };
  const decoder = decoderOf(config, { ...map, stride, norm: image.batchNorm });
  const discriminator = discriminatorOf(config.discriminator, { width, height, norm: image.batchNorm });
  const normalization = normalizationOf(image.input);
  return {
    views: { picture: { ...view, kind: 'mask', hidden } },
    chance: {
      // Colours as far apart as those of ImageNet, all painted as their mean.
      reconstruction:
        normalization.std.reduce((sum, deviation) => sum + (2 * deviation) ** 2 / 3, 0) / 255 ** 2,
      adversarial: Math.log(2),
      discriminator: Math.log(2),
    },
    termWeights: { reconstruction, adversarial: 1 - reconstruction },
    groups: [{ match: ['discriminator'], as: 'heads', rate: discriminatorRate }],
    initialize: (random) => ({ ...initializeAll(random, { decoder, discriminator }), memory: {} }),

    loss: (model, batch, how) => {
      const nets = running(model, how);
      const pictures = leafAt(branchAt(batch, 'picture'), 'image'); // [B, H, W, 3]
      const mask = leafAt(branchAt(batch, 'picture'), 'mask'); // [B, H, W]
      const inside = eroded(mask, edge);
      const seen = tf.mul(pictures, tf.sub(1, tf.expandDims(inside, 3)));
      const painted = nets.of('decoder', decoder, nets.of('imageEncoder', encoder, seen)); // [B, 3, H, W]
      const real = tf.transpose(signedValues(pictures, normalization), [0, 3, 1, 2]);
      const weights = tf.add(tf.mul(inside, 1 - edgeWeight), tf.mul(mask, edgeWeight)); // [B, H, W]
      const part = tf.expandDims(mask, 1); // [B, 1, H, W]
      const fake = tf.mul(painted, part);
      const onReal = nets.of('discriminator', discriminator, tf.mul(real, part));
      const onFake = nets.of('discriminator', discriminator, stopGradient(fake));
      // As a constant: what is painted learns from the discriminator, which does not learn from this.
      const held = {
        discriminator: mapTree(branchAt(model.params, 'discriminator'), (leaf) => stopGradient(leaf)),
      };
      const judged = running({ params: held, stats: model.stats }, how).of(
        'discriminator',
        discriminator,
        fake,
      );
      return {
        terms: {
          reconstruction: paintingError(painted, real, weights),
          adversarial: logisticLoss(judged, 1),
          discriminator: tf.div(tf.add(logisticLoss(onReal, 1), logisticLoss(onFake, 0)), 2) as tf.Scalar,
        },
        metrics: { foundOut: tf.mean(tf.cast(tf.less(onFake, 0), 'float32')) as tf.Scalar },
        stats: nets.stats,
      };
    },
  };
}

/** Throws an InputError where picture, encoder, hole and discriminator do not fit together. */
function requireFit(
  { hidden, discriminator }: ContextEncoderConfig,
  { width, height, stride }: { readonly width: number; readonly height: number; readonly stride: number },
): void {
  const fault = (place: string, expected: string, found: string) =>
    new InputError({ file: 'configuration', place: `objectives.context-encoder.${place}`, expected, found });
  const size = `${width} x ${height}`;
  if (width % stride !== 0 || height % stride !== 0)
    throw fault('view', `sides that are multiples of the encoder's stride, ${stride}`, size);
  if (hidden.shape === 'centre' && (hidden.width > width || hidden.height > height))
    throw fault('hidden', `a rectangle inside of the view, ${size}`, `${hidden.width} x ${hidden.height}`);
  if (Math.min(width, height) < 2 ** discriminator.length)
    throw fault('discriminator', `as many convolutions as ${size} can be halved`, `${discriminator.length}`);
}

/** Normalised pictures [B, H, W, 3] on a scale from -1 to 1. */
export function signedValues(pictures: tf.Tensor, { mean, std }: ImageNormalization): tf.Tensor {
  const factors = tf.tensor1d(std.map((deviation) => deviation / 127.5));
  return tf.add(tf.mul(pictures, factors), tf.tensor1d(mean.map((level) => level / 127.5 - 1)));
}

/** A mask [B, H, W] without what is less than so many pixels inside of its edge; the picture's own edge is none. */
export function eroded(mask: tf.Tensor, pixels: number): tf.Tensor {
  const [count, height, width] = mask.shape as [number, number, number];
  const shifts = Array.from({ length: 2 * pixels + 1 }, (_, shift) => shift);
  const least = (parts: readonly tf.Tensor[]) => parts.reduce((one, other) => tf.minimum(one, other));
  const tall = tf.pad(
    mask as tf.Tensor3D,
    [
      [0, 0],
      [pixels, pixels],
      [0, 0],
    ],
    1,
  );
  const down = least(shifts.map((shift) => tf.slice(tall, [0, shift, 0], [count, height, width])));
  const wide = tf.pad(
    down as tf.Tensor3D,
    [
      [0, 0],
      [0, 0],
      [pixels, pixels],
    ],
    1,
  );
  return least(shifts.map((shift) => tf.slice(wide, [0, 0, shift], [count, height, width])));
}

/** The mean of the squared differences of pictures [B, 3, H, W], weighed by pixel, [B, H, W]. */
export function paintingError(painted: tf.Tensor, real: tf.Tensor, weights: tf.Tensor): tf.Scalar {
  const squares = tf.mul(tf.squaredDifference(painted, real), tf.expandDims(weights, 1));
  return overCount(tf.sum(squares), tf.mul(tf.sum(weights), 3));
}

/** The mean over logits of -ln σ(x) for the label 1, -ln(1 - σ(x)) for 0. */
export function logisticLoss(logits: tf.Tensor, label: 0 | 1): tf.Scalar {
  return tf.mean(tf.softplus(label === 1 ? tf.neg(logits) : logits)) as tf.Scalar;
}
