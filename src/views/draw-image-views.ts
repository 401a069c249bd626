import { InputError } from '../engine/input-error.ts';
import type { Random } from '../engine/random.ts';
import type { ImageBox } from '../geometry/box-projection.ts';
import {
  applyImageView,
  colorJitter,
  randomBlur,
  randomFlip,
  randomGreyscale,
  randomResizedCrop,
  randomSolarise,
} from '../image/augment.ts';
import {
  cover,
  crop,
  type ImageSize,
  type ImageView,
  imageView,
  recolour,
  resize,
} from '../image/image-view.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { drawMask } from './draw-mask.ts';
import type { MaskConfig, PartConfig, PatchesConfig, PictureConfig } from './image-view-config.ts';

/** A drawn view: 8-bit RGB, and the steps that made it, which map pixels both ways. */
export interface DrawnPicture {
  readonly image: RgbImage;
  readonly view: ImageView;
}

/** Two patches of a picture, and where the second lies as seen from the first. */
export interface DrawnPair {
  readonly first: DrawnPicture;
  readonly second: DrawnPicture;
  /** 0 1 2 above, 3 left, 4 right, 5 6 7 below. */
  readonly label: number;
}

/** A whole picture, and what an objective is to hide of it. */
export interface DrawnMasked extends DrawnPicture {
  /** (height, width): 1 where the picture is hidden, else 0. */
  readonly mask: Uint8Array;
}

/**
 * Draws the copies of a picture: crop, flip, jitter, grey, blur, solarise, in this order, or grey before jitter. Every copy and
 * every step has random numbers of its own, so that a step that is switched on or off changes no other.
 */
export function drawPicture(image: RgbImage, config: PictureConfig, random: Random): DrawnPicture[] {
  return Array.from({ length: config.copies ?? 1 }, (_, copy) =>
    drawn(image, pictureView(image, config, random.fork('copy', copy))),
  );
}

/** Draws a box of a picture, resized to the view (bilinear), and then as `drawPicture` does after its crop. */
export function drawPart(
  image: RgbImage,
  [left, top, right, bottom]: ImageBox,
  config: PartConfig & ImageSize,
  random: Random,
): DrawnPicture {
  const part = crop(imageView(image), { left, top, width: right - left, height: bottom - top });
  return drawn(
    image,
    finishedView(resize(part, { width: config.width, height: config.height }), config, random),
  );
}

/** Draws a picture as `drawPicture` does, and a mask of its size; the picture itself is left whole. */
export function drawMasked(image: RgbImage, config: MaskConfig, random: Random): DrawnMasked {
  const view = pictureView(image, config, random.fork('picture'));
  return { ...drawn(image, view), mask: drawMask(config, config.hidden, random.fork('mask')) };
}

/**
 * Draws pairs of neighbouring patches of the (scaled) picture, every label and every place that fits alike.
 * Throws InputError where two patches do not fit into it.
 */
export function drawPatches(image: RgbImage, config: PatchesConfig, random: Random): DrawnPair[] {
  const scaled = scaledView(image, config, random.fork('scale'));
  return Array.from({ length: config.pairs }, (_, index) =>
    drawPair(image, { scaled, config, random: random.fork('pair', index) }),
  ).flatMap((pair) =>
    config.reversed ? [pair, { first: pair.second, second: pair.first, label: 7 - pair.label }] : [pair],
  );
}

function drawn(image: RgbImage, view: ImageView): DrawnPicture {
  return { image: applyImageView(image, view), view };
}

function pictureView(
  image: RgbImage,
  config: Omit<PictureConfig, 'kind' | 'copies'>,
  random: Random,
): ImageView {
  const { width, height } = config;
  const whole = imageView(image);
  if (config.crop === undefined) return finishedView(cover(whole, { width, height }), config, random);
  const { area, aspect, interpolation } = config.crop;
  const size = { width, height, filter: interpolation };
  const part = randomResizedCrop(whole, random.fork('crop'), { ...size, area, aspect });
  return finishedView(part, config, random);
}

/** A view of the size that it is to have, with the steps that come after its crop. */
function finishedView(cropped: ImageView, config: PartConfig, random: Random): ImageView {
  const { flip, jitter, grey, greyFirst, blur, solarise } = config;
  let view = flip === undefined ? cropped : randomFlip(cropped, random.fork('flip'), flip);
  const jittered = (before: ImageView) => {
    if (jitter === undefined) return before;
    const colours = random.fork('jitter');
    return colours.chance(jitter.probability) ? colorJitter(before, colours, jitter) : before;
  };
  const greyed = (before: ImageView) =>
    grey === undefined ? before : randomGreyscale(before, random.fork('grey'), grey);
  view = greyFirst ? jittered(greyed(view)) : greyed(jittered(view));
  if (blur !== undefined) {
    const kernel = blur.kernel === 'tenth' ? 2 * Math.floor(view.height / 20) + 1 : blur.kernel;
    view = randomBlur(view, random.fork('blur'), { ...blur, kernel });
  }
  return solarise === undefined ? view : randomSolarise(view, random.fork('solarise'), solarise);
}

function scaledView(image: RgbImage, { pixels }: PatchesConfig, random: Random): ImageView {
  const view = imageView(image);
  if (pixels === undefined) return view;
  const [least, most] = pixels;
  const scale = Math.sqrt((least + random.integer(most - least + 1)) / (image.width * image.height));
  const scaled = (length: number) => Math.max(1, Math.round(length * scale));
  return resize(view, { width: scaled(image.width), height: scaled(image.height) });
}

function drawPair(
  image: RgbImage,
  options: { readonly scaled: ImageView; readonly config: PatchesConfig; readonly random: Random },
): DrawnPair {
  const { scaled, config, random } = options;
  const label = random.integer(8);
  const cell = label < 4 ? label : label + 1;
  const across = drawPlaces((cell % 3) - 1, scaled.width, options);
  const down = drawPlaces(Math.floor(cell / 3) - 1, scaled.height, options);
  const [first, second] = [0, 1].map((which) => {
    const square = { left: across[which], top: down[which], width: config.size, height: config.size };
    return drawn(image, protectedView(crop(scaled, square), config, random.fork('patch', which)));
  });
  return { first, second, label };
}

/** Where two patches begin along an axis of so many pixels on which the second is `steps` cells (-1, 0, 1) from the first. */
function drawPlaces(
  steps: number,
  length: number,
  options: { readonly scaled: ImageSize; readonly config: PatchesConfig; readonly random: Random },
): readonly [first: number, second: number] {
  const { scaled, config, random } = options;
  const { size, gap, jitter } = config;
  const pitch = size + gap;
  if (Math.min(scaled.width, scaled.height) < pitch + size + 2 * jitter) {
    throw new InputError({
      file: 'picture',
      place: 'size',
      expected: `at least ${pitch + size + 2 * jitter} pixels each way for two patches`,
      found: `${scaled.width} x ${scaled.height}`,
    });
  }
  const room = length - (Math.abs(steps) * pitch + size + 2 * jitter);
  const begin = random.integer(room + 1) + (steps < 0 ? pitch : 0);
  const moved = () => random.integer(2 * jitter + 1);
  return [begin + moved(), begin + steps * pitch + moved()];
}

/** Steps that take away what tells neighbours without looking at objects: sharpness, and the lens's colour fringes. */
function protectedView(view: ImageView, config: PatchesConfig, random: Random): ImageView {
  const { resampling, colourDropping } = config;
  if (resampling !== undefined && random.chance(resampling.probability)) {
    const [least, most] = resampling.side;
    const side = Math.floor(Math.sqrt(random.uniform(least ** 2, most ** 2)));
    view = resize(resize(view, { width: side, height: side }), view);
  }
  if (colourDropping !== undefined && random.chance(colourDropping.probability)) {
    const { noise } = colourDropping;
    const channel = random.integer(3);
    view = recolour(view, { kind: 'keep-channel', channel, noise, seed: random.uint32() });
  }
  return view;
}
