import { type SampleSource, type SourceReference, sourceBeside } from '../../datasets/loader-source.ts';
import type { Random } from '../../engine/random.ts';
import type { PictureEncoder } from '../../evaluation/frozen-features.ts';
import { applyImageView, randomFlip, randomResizedCrop } from '../../image/augment.ts';
import { imageView } from '../../image/image-view.ts';
import { normalizeImage } from '../../image/normalize-image.ts';
import type { RgbImage } from '../../image/rgb-image.ts';
import { normalizationOf } from '../../views/canvas.ts';

/** Pictures in memory to learn from, those that `indices` names, and the share of their area that is looked at. */
export interface ClassifierPictures {
  readonly images: readonly RgbImage[];
  readonly labels: Int32Array;
  readonly indices: Int32Array;
  readonly encoder: PictureEncoder;
  readonly area: readonly [number, number];
}

/** A picture as a classifier learns from it: float32 [H, W, 3], normalised, and its class. */
export interface ClassifierSample {
  readonly pixels: Float32Array;
  readonly label: number;
}

/** The factory of these pictures, which are in this thread's memory alone. */
export function classifierPicturesReference(options: ClassifierPictures): SourceReference {
  return sourceBeside(import.meta.url, {
    name: 'classifier-pictures',
    export: 'classifierPictures',
    options,
  });
}

/** Random crops of pictures, mirrored or not. */
export function classifierPictures({
  images,
  labels,
  indices,
  encoder,
  area,
}: ClassifierPictures): SampleSource<ClassifierSample> {
  const normalization = normalizationOf(encoder.input);
  return {
    length: indices.length,
    sample: (place, random) => {
      const index = indices[place];
      const pixels = normalizeImage(augmented(images[index], random, area), normalization);
      return { pixels, label: labels[index] };
    },
  };
}

function augmented(image: RgbImage, random: Random, area: readonly [number, number]): RgbImage {
  const { width, height } = image;
  const cropped = randomResizedCrop(imageView(image), random.fork('crop'), { width, height, area });
  return applyImageView(image, randomFlip(cropped, random.fork('flip')));
}
