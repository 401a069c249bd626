import type { Random } from '../engine/random.ts';
import { wholeKernel } from './gaussian-blur.ts';
import type { GeometricStep, ImageSize, ImageView, PhotometricStep, ResizeFilter } from './image-view.ts';
import { centralCrop, crop, flip, recolour, resize } from './image-view.ts';
import { applyPhotometric } from './photometric.ts';
import { cut, resample } from './resample.ts';
import type { RgbImage } from './rgb-image.ts';

type Range = readonly [low: number, high: number];

/** The image after all steps of the view, in order; the image itself is left as it is. Throws RangeError for an image of another size than the view's source. */
export function applyImageView(image: RgbImage, view: ImageView): RgbImage {
  if (image.width !== view.source.width || image.height !== view.source.height) {
    const { width, height } = view.source;
    throw new RangeError(`a view of ${width} x ${height} applied to ${image.width} x ${image.height}`);
  }
  let result: RgbImage = image;
  for (let i = 0; i < view.steps.length; i++) {
    const step = view.steps[i];
    const next = view.steps[i + 1];
    if (step.kind === 'resize' && next?.kind === 'crop') {
      // What is cut off need not be worked out.
      result = resample(result, sizeAndFilter(step), { left: next.left, top: next.top, ...next.to });
      i++;
    } else result = 'to' in step ? applyGeometric(result, step) : applyPhotometric(result, step);
  }
  return result === image ? { ...image, data: image.data.slice() } : result;
}

/**
 * The view, then a random rectangle of it at a fixed size: `area` is the range of its share of the view's area (0.08 to 1
 * by default), `aspect` of its width by its height (3/4 to 4/3; drawn evenly in the logarithm). Where ten draws do not
 * fit, the largest centred rectangle of an allowed aspect is taken. The random-resized crop of Inception and SimCLR, drawn
 * as torchvision's `RandomResizedCrop.get_params` does: area, aspect, top, left.
 *
 * @example
 * const picture = { width: 64, height: 48, data: new Uint8Array(64 * 48 * 3) };
 * const random = Random.fromSeed(0);
 * const view = randomResizedCrop(imageView(picture), random, { width: 32, height: 32, area: [0.2, 1] });
 * applyImageView(picture, colorJitter(view, random, { brightness: 0.4, hue: 0.1 })).width; // 32
 */
export function randomResizedCrop(
  view: ImageView,
  random: Random,
  options: ImageSize & { readonly area?: Range; readonly aspect?: Range; readonly filter?: ResizeFilter },
): ImageView {
  const { area = [0.08, 1], aspect = [3 / 4, 4 / 3] } = options;
  for (let attempt = 0; attempt < 10; attempt++) {
    const pixels = random.uniform(...area) * view.width * view.height;
    const ratio = Math.exp(random.uniform(Math.log(aspect[0]), Math.log(aspect[1])));
    const width = Math.round(Math.sqrt(pixels * ratio));
    const height = Math.round(Math.sqrt(pixels / ratio));
    if (width > 0 && width <= view.width && height > 0 && height <= view.height) {
      const top = random.integer(view.height - height + 1);
      const left = random.integer(view.width - width + 1);
      return resize(crop(view, { left, top, width, height }), options);
    }
  }
  const ratio = Math.min(Math.max(view.width / view.height, aspect[0]), aspect[1]);
  const width = Math.max(1, Math.min(view.width, Math.round(view.height * ratio)));
  const height = Math.max(1, Math.min(view.height, Math.round(view.width / ratio)));
  return resize(centralCrop(view, { width, height }), options);
}

/** The view, then mirrored with the given probability (one half by default). */
export function randomFlip(view: ImageView, random: Random, probability = 0.5): ImageView {
  return random.chance(probability) ? flip(view) : view;
}

/**
 * The view, then brightness, contrast and saturation by factors from 1 - s to 1 + s (not below 0) and hue by up to
 * `hue` turns either way, in random order; the ranges of torchvision's `ColorJitter`. A strength of 0 leaves its step out.
 */
export function colorJitter(
  view: ImageView,
  random: Random,
  strengths: {
    readonly brightness?: number;
    readonly contrast?: number;
    readonly saturation?: number;
    readonly hue?: number;
  },
): ImageView {
  const { brightness = 0, contrast = 0, saturation = 0, hue = 0 } = strengths;
  const factor = (strength: number) => random.uniform(Math.max(0, 1 - strength), 1 + strength);
  const steps: PhotometricStep[] = [];
  if (brightness > 0) steps.push({ kind: 'brightness', factor: factor(brightness) });
  if (contrast > 0) steps.push({ kind: 'contrast', factor: factor(contrast) });
  if (saturation > 0) steps.push({ kind: 'saturation', factor: factor(saturation) });
  if (hue > 0) steps.push({ kind: 'hue', turns: random.uniform(-hue, hue) });
  for (const index of random.permutation(steps.length)) view = recolour(view, steps[index]);
  return view;
}

/** The view, then without colour, with the given probability. */
export function randomGreyscale(view: ImageView, random: Random, probability: number): ImageView {
  return random.chance(probability) ? recolour(view, { kind: 'greyscale' }) : view;
}

/**
 * The view, then blurred, with the given probability, by a standard deviation in pixels drawn from `sigma`, over `kernel`
 * pixels (odd; by default three standard deviations each way).
 */
export function randomBlur(
  view: ImageView,
  random: Random,
  options: { readonly probability: number; readonly sigma: Range; readonly kernel?: number },
): ImageView {
  if (!random.chance(options.probability)) return view;
  const sigma = random.uniform(...options.sigma);
  return recolour(view, { kind: 'blur', sigma, kernel: options.kernel ?? wholeKernel(sigma) });
}

/** The view, then with values from `threshold` on (128 by default) inverted, with the given probability. */
export function randomSolarise(
  view: ImageView,
  random: Random,
  options: { readonly probability: number; readonly threshold?: number },
): ImageView {
  const { probability, threshold = 128 } = options;
  return random.chance(probability) ? recolour(view, { kind: 'solarise', threshold }) : view;
}

function sizeAndFilter({ to, filter }: Extract<GeometricStep, { kind: 'resize' }>) {
  return { ...to, filter };
}

function applyGeometric(image: RgbImage, step: GeometricStep): RgbImage {
  switch (step.kind) {
    case 'resize':
      return resample(image, sizeAndFilter(step));
    case 'crop':
      return cut(image, { left: step.left, top: step.top, ...step.to });
    case 'pad': {
      const result = blank(step.to, step.fill);
      paste(image, result, step);
      return result;
    }
    case 'flip':
      return mirrored(image);
  }
}

function blank({ width, height }: ImageSize, fill: readonly [number, number, number] = [0, 0, 0]): RgbImage {
  const data = new Uint8Array(width * height * 3);
  const [red, green, blue] = fill;
  if (red === green && green === blue) data.fill(red);
  else {
    for (let i = 0; i < data.length; i += 3) {
      data[i] = red;
      data[i + 1] = green;
      data[i + 2] = blue;
    }
  }
  return { width, height, data };
}

/** Copies an image into a larger one. */
function paste(image: RgbImage, into: RgbImage, { left, top }: { left: number; top: number }): void {
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3);
    into.data.set(row, ((top + y) * into.width + left) * 3);
  }
}

function mirrored({ width, height, data }: RgbImage): RgbImage {
  const result = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    let from = y * width * 3;
    let to = (y + 1) * width * 3 - 3;
    for (let x = 0; x < width; x++, from += 3, to -= 3) {
      result[to] = data[from];
      result[to + 1] = data[from + 1];
      result[to + 2] = data[from + 2];
    }
  }
  return { width, height, data: result };
}
