import { z } from 'zod';
import type { EncodersConfig } from '../encoders/encoder-config.ts';
import { InputError } from '../engine/input-error.ts';
import { halvedPointEncoder } from '../pointcloud/pointnet2-encoder.ts';
import type { PictureClipView } from '../views/picture-clip.ts';
import type { PointClipView } from '../views/point-clip.ts';
import { pictureView, type ViewOptions, weakView } from './image-run.ts';
import type { Preset } from './objective.ts';

const positive = z.number().positive();

/** How the sweeps of a clip are chosen and drawn, as the configurations of systems have it. */
export const pointClipFields = {
  /** Sweeps of a clip, of which the first and the last are compared; those between them are for following what moves. */
  frames: z.int().min(2),
  /** The time from each sweep to the next, seconds. */
  gapS: positive,
  /** How far each sweep is turned (radians, about the pivot), scaled and mirrored, by itself. */
  view: z.strictObject({
    maxRotation: z.number().min(0),
    pivot: z.tuple([z.number(), z.number(), z.number()]),
    scale: z.tuple([positive, positive]),
    flipProbability: z.number().min(0).max(1),
  }),
  /** At most this share of the drawn points is ground, as far as there are enough others; absent, all are drawn alike. */
  groundShare: z.number().min(0).max(1).optional(),
};

type PointClipOptions = z.infer<z.ZodObject<typeof pointClipFields>> & Pick<PointClipView, 'pairs'>;

/** A view of sweeps for a point encoder. */
export function pointClip(
  { frames, gapS, view, groundShare, pairs }: PointClipOptions,
  { input, levels, useXyz, dilated }: NonNullable<EncodersConfig['points']>,
): PointClipView {
  return {
    kind: 'point-clip',
    clip: { frames, gapS },
    points: { count: input.count, range: input.range },
    ...(groundShare !== undefined && { groundShare }),
    view,
    pointEncoder: { levels, useXyz, dilated },
    pairs,
  };
}

/** The point encoder that a system needs. Throws an InputError where the run has none. */
export function pointEncoderOf(
  { points }: EncodersConfig,
  system: string,
): NonNullable<EncodersConfig['points']> {
  if (points !== undefined) return points;
  const expected = `an encoder, which ${system} needs`;
  throw new InputError({ file: 'configuration', place: 'encoders.points', expected, found: 'none' });
}

/** Pictures of a drive for an encoder, each with a crop and colours of its own: neither exposure nor a fixed frame tells the order. */
export function pictureClip(
  view: ViewOptions,
  image: NonNullable<EncodersConfig['image']>,
  clip: PictureClipView['clip'],
): PictureClipView {
  const { kind: _, copies: _one, colours, ...picture } = pictureView(view, image);
  return { kind: 'picture-clip', clip, picture, colours };
}

/** A large part of a camera's wide picture, at half of 320 x 96 pixels. */
export const driveView: ViewOptions = {
  scale: 0.5,
  crop: { area: [0.7, 1], aspect: [3, 3.7] },
  jitter: { probability: 1, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  grey: 0.2,
};

const { scale: _, ...weak } = weakView;

/** A part of a camera's wide picture, at most as high as the picture, on 96 x 96 pixels, for systems of single pictures. */
export const cameraView: ViewOptions = {
  ...weak,
  width: 96,
  height: 96,
  crop: { area: [0.05, 0.3] },
};

/** A small part of such a picture, on 48 x 48 pixels. */
export const smallCameraView: ViewOptions = {
  ...cameraView,
  width: 48,
  height: 48,
  crop: { area: [0.01, 0.05] },
};

/** A run on the camera's pictures one by one, in batches of 32, with the image encoder of runs on drives. */
export function cameraRun(
  objectives: { readonly [system: string]: unknown },
  changes: Record<string, unknown> = {},
): Preset['run'] {
  return driveRun(objectives, { pictures: true, batchSize: 32, steps: 300, ...changes });
}

/** The image encoder of runs on drives: ResNet-18 on 320 x 96 pixels, as in `simipu-small`. */
const image = {
  depth: 18,
  width: 64,
  batchNorm: { eps: 1e-3, momentum: 0.1 },
  input: { width: 320, height: 96, colours: 'imagenet-rgb' },
};

/** The point encoder of runs on drives, as in `simipu-small`, which looks all around. */
const points = {
  useXyz: false,
  dilated: true,
  bias: halvedPointEncoder.bias,
  batchNorm: halvedPointEncoder.batchNorm,
  levels: halvedPointEncoder.levels,
  input: {
    count: 4096,
    range: { min: [-40, -40, -3], max: [70.4, 40, 1] },
    cropToImage: false,
  },
};

const sgd = { kind: 'sgd', momentum: 0.9, learningRate: 0.03, weightDecay: 1e-4 };
const adamw = { kind: 'adamw', beta1: 0.95, beta2: 0.99, learningRate: 1e-3, weightDecay: 0.01 };

/** A run on drives at a size that trains on two CPU cores, with the encoders that are asked for; SGD for pictures and heads, AdamW for sweeps, half a cosine after a short warm-up. */
export function driveRun(
  objectives: { readonly [system: string]: unknown },
  {
    sweeps = false,
    pictures = false,
    ...changes
  }: { readonly sweeps?: boolean; readonly pictures?: boolean } & Record<string, unknown>,
): Preset['run'] {
  return {
    encoders: { ...(pictures && { image }), ...(sweeps && { points }) },
    objectives,
    batchSize: 8,
    epochs: 50,
    steps: 250,
    seed: 0,
    schedule: { kind: 'cosine', per: 'run', length: 1, warmUp: { length: 0.02 } },
    optimizers: { ...(pictures && { image: sgd }), ...(sweeps && { points: adamw }), heads: sgd },
    checkpoint: { everySteps: 100, keep: 2 },
    loader: { workers: 1, prefetch: 2 },
    ...changes,
  };
}
