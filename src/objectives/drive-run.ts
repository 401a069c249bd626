import type { EncodersConfig } from '../encoders/encoder-config.ts';
import type { PictureClipView } from '../views/picture-clip.ts';
import { pictureView, type ViewOptions } from './image-run.ts';
import type { Preset } from './objective.ts';

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

/**
 * A run on pictures of drives in about two minutes on two cores, 250 steps where nothing else is said: the image encoder of
 * `simipu-small`, SGD with half a cosine after a short warm-up.
 */
export function driveRun(
  objectives: { readonly [system: string]: unknown },
  changes: Record<string, unknown> = {},
): Preset['run'] {
  const sgd = { kind: 'sgd', momentum: 0.9, learningRate: 0.03, weightDecay: 1e-4 };
  return {
    encoders: {
      image: {
        depth: 18,
        width: 64,
        batchNorm: { eps: 1e-3, momentum: 0.1 },
        input: { width: 320, height: 96, colours: 'imagenet-rgb' },
      },
    },
    objectives,
    batchSize: 8,
    epochs: 50,
    steps: 250,
    seed: 0,
    schedule: { kind: 'cosine', per: 'run', length: 1, warmUp: { length: 0.02 } },
    optimizers: { image: sgd, heads: sgd },
    checkpoint: { everySteps: 100, keep: 2 },
    loader: { workers: 1, prefetch: 2 },
    ...changes,
  };
}
