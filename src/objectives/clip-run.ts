import type { EncodersConfig } from '../encoders/encoder-config.ts';
import type { PictureClipView } from '../views/picture-clip.ts';
import { pictureView, type ViewOptions } from './image-run.ts';
import type { Preset } from './objective.ts';

/** The pictures of a clip for an encoder, each drawn by itself, as large as its canvas where the options say nothing else. */
export function pictureClipView(
  clip: PictureClipView['clip'],
  view: Omit<ViewOptions, 'copies'>,
  image: NonNullable<EncodersConfig['image']>,
): PictureClipView {
  const { kind, copies, colours, ...picture } = pictureView(view, image);
  return { kind: 'picture-clip', clip, picture, colours };
}

/** Colours of pictures of one drive: exposure and white balance that change by themselves tell nothing of the time. */
export const driveColours: ViewOptions = {
  jitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  grey: 0.2,
};

/**
 * A run on the pictures of drives in about two minutes on two cores: the image encoder of `simipu-small` on a canvas of
 * 192 x 64 pixels, SGD with half a cosine after a short warm-up.
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
        input: { width: 192, height: 64, colours: 'imagenet-rgb' },
      },
    },
    objectives,
    batchSize: 16,
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
