import type { PictureInput } from '../encoders/encoder-config.ts';
import type { Random } from '../engine/random.ts';
import type { ImageBox } from '../geometry/box-projection.ts';
import type { ImageView } from '../image/image-view.ts';
import { normalizeImage } from '../image/normalize-image.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { normalizationOf } from './canvas.ts';
import { type Correspondences, drawBox, drawPair, requireSize, sizeAt } from './correspondences.ts';
import { drawPart } from './draw-image-views.ts';
import type { PartConfig } from './image-view-config.ts';
import { type BoxJitter, jitterBox } from './jitter-box.ts';

/** How two patches that show the same, or the like, are drawn: plain data. */
export interface BoxPairView extends Pick<PictureInput, 'colours'> {
  readonly kind: 'box-pair';
  /** The size of a patch, pixels. */
  readonly width: number;
  readonly height: number;
  /** What the second shows: the same picture in another box nearby, or a neighbour in the box that belongs to the first. */
  readonly second: BoxJitter | 'neighbour';
  /** What their pixels look like: of the first patch, and of the second. */
  readonly steps: readonly [first: PartConfig, second: PartConfig];
}

/** Two patches as they were drawn. */
export interface DrawnBoxPair {
  readonly kind: 'box-pair';
  /** float32 [H·W·3] each, normalised. */
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** The number of the picture that the second is of. */
  readonly neighbour: number;
  readonly steps: { readonly first: ImageView; readonly second: ImageView };
}

/** Two boxes that were drawn, before their pictures are read. */
export interface ChosenBoxes {
  readonly first: ImageBox;
  readonly second: ImageBox;
  /** The number of the picture that the second is in. */
  readonly neighbour: number;
}

/**
 * Draws two patches of a picture, or of it and a neighbour, which `pictureOf` reads; each is one of the boxes of the
 * correspondences, resized, with random numbers of its own for its pixels. Throws an InputError where a picture has no boxes or
 * another size than it had.
 */
export async function drawBoxPair(
  { index, correspondences }: { readonly index: number; readonly correspondences: Correspondences },
  pictureOf: (index: number) => Promise<RgbImage>,
  random: Random,
  view: BoxPairView,
): Promise<DrawnBoxPair> {
  const boxes = chooseBoxes(correspondences, index, random, view);
  const read = async (number: number) => {
    const picture = await pictureOf(number);
    requireSize(correspondences, number, picture);
    return picture;
  };
  const first = await read(index);
  const second = boxes.neighbour === index ? first : await read(boxes.neighbour);
  return cutBoxes([first, second], boxes, random, view);
}

/** Draws a box of a picture and another one around the same, or the boxes of a pair with a neighbour. Throws an InputError where there are none. */
export function chooseBoxes(
  correspondences: Correspondences,
  index: number,
  random: Random,
  { second }: Pick<BoxPairView, 'second'>,
): ChosenBoxes {
  if (second === 'neighbour') {
    const { own, neighbour, other } = drawPair(correspondences, index, random.fork('pair'));
    return { first: own, second: other, neighbour };
  }
  const first = drawBox(correspondences, index, random.fork('box'));
  const size = sizeAt(correspondences, index);
  return { first, second: jitterBox(first, size, random.fork('jitter'), second), neighbour: index };
}

/** Cuts two boxes out of their pictures and draws what their pixels look like. */
export function cutBoxes(
  pictures: readonly [first: RgbImage, second: RgbImage],
  { first, second, neighbour }: ChosenBoxes,
  random: Random,
  { width, height, steps, colours }: BoxPairView,
): DrawnBoxPair {
  const patch = (which: 0 | 1) => {
    const own = random.fork('patch', which);
    const config = { ...steps[which], width, height };
    return drawPart(pictures[which], which === 0 ? first : second, config, own);
  };
  const [a, b] = [patch(0), patch(1)];
  const normalized = (image: RgbImage) => normalizeImage(image, normalizationOf({ colours }));
  return {
    kind: 'box-pair',
    first: normalized(a.image),
    second: normalized(b.image),
    neighbour,
    steps: { first: a.view, second: b.view },
  };
}
