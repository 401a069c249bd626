import { Random } from '../engine/random.ts';
import { gaussianBlurred } from './gaussian-blur.ts';
import { hueTurned } from './hue.ts';
import type { PhotometricStep } from './image-view.ts';
import type { RgbImage } from './rgb-image.ts';

/**
 * The image with its colours or sharpness changed by one step; every step rounds to 8 bits. The input is left as it is.
 *
 * Greyscale, hue and solarisation give what Pillow does, to the bit. Brightness, contrast and saturation are its
 * `ImageEnhance`, rounded to the nearest level where Pillow cuts off, and from greys that are not rounded first: what is
 * found is Pillow's level or the one above (for factors up to 2). Blur is torchvision's `gaussian_blur`.
 */
export function applyPhotometric(image: RgbImage, step: PhotometricStep): RgbImage {
  const { width, height } = image;
  return { width, height, data: changed(image, step) };
}

function changed(image: RgbImage, step: PhotometricStep): Uint8Array {
  switch (step.kind) {
    case 'brightness':
      return throughTable(image.data, (value) => value * step.factor);
    case 'contrast': {
      const mean = meanGrey(image.data);
      return throughTable(image.data, (value) => mean + (value - mean) * step.factor);
    }
    case 'saturation':
      return saturated(image.data, step.factor);
    case 'greyscale':
      return greyscale(image.data);
    case 'hue':
      return hueTurned(image.data, step.turns);
    case 'blur':
      return gaussianBlurred(image, step);
    case 'solarise':
      return throughTable(image.data, (value) => (value < step.threshold ? value : 255 - value));
    case 'keep-channel':
      return channelKept(image.data, step);
  }
}

/** Luma of ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B. */
function grey(data: Uint8Array, at: number): number {
  return 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
}

function meanGrey(data: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i += 3) sum += grey(data, i);
  return sum / (data.length / 3);
}

function throughTable(data: Uint8Array, change: (value: number) => number): Uint8Array {
  const table = new Uint8ClampedArray(256);
  for (let value = 0; value < 256; value++) table[value] = change(value);
  const result = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) result[i] = table[data[i]];
  return result;
}

function saturated(data: Uint8Array, factor: number): Uint8Array {
  const result = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const base = (1 - factor) * grey(data, i);
    result[i] = base + factor * data[i];
    result[i + 1] = base + factor * data[i + 1];
    result[i + 2] = base + factor * data[i + 2];
  }
  return new Uint8Array(result.buffer);
}

/** Pillow's conversion to `L`, for every channel: the luma's weights in 1/65536, rounded half up. */
function greyscale(data: Uint8Array): Uint8Array {
  const result = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const luma = (19595 * data[i] + 38470 * data[i + 1] + 7471 * data[i + 2] + 0x8000) >> 16;
    result[i] = result[i + 1] = result[i + 2] = luma;
  }
  return result;
}

function channelKept(
  data: Uint8Array,
  { channel, noise, seed }: { readonly channel: number; readonly noise: number; readonly seed: number },
): Uint8Array {
  const random = Random.fromSeed(seed);
  const result = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i++) {
    result[i] = i % 3 === channel ? data[i] : 128 + random.uniform(-noise, noise);
  }
  return new Uint8Array(result.buffer);
}
