import type { PictureInput } from '../encoders/encoder-config.ts';
import type { Random } from '../engine/random.ts';
import { applyImageView } from '../image/augment.ts';
import { fitToCanvas } from '../image/fit-to-canvas.ts';
import type { ImageView } from '../image/image-view.ts';
import {
  IMAGENET_BGR,
  IMAGENET_RGB,
  type ImageNormalization,
  normalizeImage,
} from '../image/normalize-image.ts';
import type { RgbImage } from '../image/rgb-image.ts';

/** How the colours of an encoder's pictures are scaled. */
export function normalizationOf({ colours }: Pick<PictureInput, 'colours'>): ImageNormalization {
  return colours === 'imagenet-bgr' ? IMAGENET_BGR : IMAGENET_RGB;
}

/** Where a picture comes to lie on an encoder's canvas: scaled by a factor of `scale` times what makes it fit, mirrored or not. */
export function drawCanvas(
  picture: RgbImage,
  random: Random,
  {
    input,
    scale = [1, 1],
    mirrored = false,
  }: {
    readonly input: PictureInput;
    readonly scale?: readonly [number, number];
    readonly mirrored?: boolean;
  },
): ImageView {
  return fitToCanvas(picture, random, { canvas: input, scale, mirrored });
}

/** A picture on an encoder's canvas: float32 (height, width, 3), normalised, zeros beside the picture. */
export function paintCanvas(picture: RgbImage, view: ImageView, input: PictureInput): Float32Array {
  return normalizeImage(applyImageView(picture, view), { ...normalizationOf(input), padTo: input });
}
