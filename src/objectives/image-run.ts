import { z } from 'zod';
import type { EncodersConfig } from '../encoders/encoder-config.ts';
import { InputError } from '../engine/input-error.ts';
import { pictureSchema } from '../views/image-view-config.ts';
import type { PictureView } from '../views/view-config.ts';
import type { Preset } from './objective.ts';

/** How a view of pictures is drawn, as a configuration has it. */
export const viewSchema = pictureSchema.partial({ width: true, height: true }).omit({ kind: true }).extend({
  /** Its size where width and height are not given: this share of the encoder's canvas each way, 1 by default. */
  scale: z.number().positive().optional(),
});
/** How the one view that a system draws of each picture is drawn. */
export const oneViewSchema = viewSchema.omit({ copies: true });
/** How a view of pictures is drawn. */
export type ViewOptions = z.infer<typeof viewSchema>;

/** The image encoder that a system needs. Throws an InputError where the run has none. */
export function imageEncoderOf(
  { image }: EncodersConfig,
  system: string,
): NonNullable<EncodersConfig['image']> {
  if (image !== undefined) return image;
  const expected = `an encoder, which ${system} needs`;
  throw new InputError({ file: 'configuration', place: 'encoders.image', expected, found: 'none' });
}

/** A view of pictures for an encoder, as large as its canvas where it says nothing else. */
export function pictureView(
  { scale = 1, ...options }: ViewOptions,
  { input }: NonNullable<EncodersConfig['image']>,
): Extract<PictureView, { kind: 'picture' }> {
  const [width, height] = [input.width, input.height].map((side) => Math.max(1, Math.round(scale * side)));
  return { kind: 'picture', width, height, ...options, colours: input.colours };
}

/** Views of 24 pixels of pictures of 32: little more than half of the work, so that more steps fit into the same time. */
const smaller = { scale: 0.75 };

/** The weak augmentation of MoCo v2 and SimSiam on pictures of 32 pixels, which has no blur there. */
export const weakView: ViewOptions = {
  ...smaller,
  crop: { area: [0.2, 1] },
  flip: 0.5,
  jitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  grey: 0.2,
};

/** The augmentation of SimCLR at strength 0.5 on pictures of 32 pixels, which has no blur there. */
export const strongView: ViewOptions = {
  ...smaller,
  crop: { area: [0.08, 1] },
  flip: 0.5,
  jitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  grey: 0.2,
};

/** The two crops of SwAV on pictures of 32 pixels, without blur: jittered twice as much, and never very small. */
export const swappedView: ViewOptions & { readonly copies: number } = {
  ...strongView,
  copies: 2,
  crop: { area: [0.14, 1] },
  jitter: { probability: 0.8, brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2 },
};

/** The augmentation of InstDisc and MoCo v1: every view is jittered, more in hue, and after colour was taken away. */
export const earlyView: ViewOptions = {
  ...weakView,
  jitter: { probability: 1, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.4 },
  greyFirst: true,
};

/** A ResNet-18 with the small stem at a quarter of its width. */
export const smallNetwork = {
  depth: 18,
  width: 16,
  stem: 'small',
  batchNorm: { eps: 1e-5, momentum: 0.1 },
} as const;

/** That network for pictures of 32 pixels. */
export const smallEncoder = {
  ...smallNetwork,
  input: { width: 32, height: 32, colours: 'imagenet-rgb' },
} as const;

/**
 * A run on some thousand photographs of 32 pixels in about two minutes on two cores, 300 steps where nothing else is said: a
 * ResNet-18 with the small stem at a quarter of its width, SGD with half a cosine after a short warm-up.
 */
export function cifarRun(
  objectives: { readonly [system: string]: unknown },
  {
    learningRate = 0.06,
    weightDecay = 5e-4,
    ...changes
  }: { readonly learningRate?: number; readonly weightDecay?: number } & Record<string, unknown> = {},
): Preset['run'] {
  const sgd = { kind: 'sgd', momentum: 0.9, learningRate, weightDecay };
  return {
    encoders: { image: smallEncoder },
    objectives,
    batchSize: 128,
    epochs: 16,
    steps: 300,
    seed: 0,
    schedule: { kind: 'cosine', per: 'run', length: 1, warmUp: { length: 0.02 } },
    optimizers: { image: sgd, heads: sgd },
    checkpoint: { everySteps: 100, keep: 2 },
    loader: { workers: 1, prefetch: 2 },
    ...changes,
  };
}
