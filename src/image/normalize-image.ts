import type { ImageSize } from './image-view.ts';
import type { RgbImage } from './rgb-image.ts';

type Channels = readonly [number, number, number];

/** What `normalizeImage` subtracts, divides by, and how it lays the result out. */
export interface ImageNormalization {
  /** Subtracted from each channel, on the scale 0..255, in the order of `order`. */
  readonly mean: Channels;
  /** What each channel is divided by afterwards, in the order of `order`. */
  readonly std: Channels;
  /** The order of the channels in the result; `mean` and `std` are in this order too. */
  readonly order: 'rgb' | 'bgr';
  /** The size of the result; the image lies in its upper left corner, zeros (the mean colour) to its right and below. */
  readonly padTo?: ImageSize;
}

/** ImageNet's statistics as torchvision has them: RGB, on the scale 0..255. */
export const IMAGENET_RGB: ImageNormalization = {
  mean: [123.675, 116.28, 103.53],
  std: [58.395, 57.12, 57.375],
  order: 'rgb',
};

/** ImageNet's means with unit deviations, BGR, as in Caffe-style models and Li et al. 2022. */
export const IMAGENET_BGR: ImageNormalization = {
  mean: [103.53, 116.28, 123.675],
  std: [1, 1, 1],
  order: 'bgr',
};

/**
 * (value - mean) / std for every channel of every pixel: float32 (height, width, 3), or of `padTo`'s size. Throws
 * RangeError where the image does not fit into it.
 *
 * @example
 * const white = { width: 1, height: 1, data: Uint8Array.of(255, 255, 255) };
 * normalizeImage(white, IMAGENET_RGB); // [2.249, 2.429, 2.640]
 */
export function normalizeImage(image: RgbImage, options: ImageNormalization): Float32Array {
  const { width, height, data } = image;
  const { mean, std, order, padTo = image } = options;
  if (width > padTo.width || height > padTo.height) {
    throw new RangeError(`${width} x ${height} cannot be padded to ${padTo.width} x ${padTo.height}`);
  }
  const [first, second, third] = mean.map((m, channel) =>
    Float32Array.from({ length: 256 }, (_, value) => (value - m) / std[channel]),
  );
  const [red, blue] = order === 'rgb' ? [0, 2] : [2, 0];
  const result = new Float32Array(padTo.width * padTo.height * 3);
  for (let y = 0; y < height; y++) {
    let from = y * width * 3;
    let to = y * padTo.width * 3;
    for (let x = 0; x < width; x++, from += 3, to += 3) {
      result[to] = first[data[from + red]];
      result[to + 1] = second[data[from + 1]];
      result[to + 2] = third[data[from + blue]];
    }
  }
  return result;
}
