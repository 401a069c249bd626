import type { PictureInput } from '../encoders/encoder-config.ts';
import type { Random } from '../engine/random.ts';
import type { ImageBox } from '../geometry/box-projection.ts';
import type { ImageView } from '../image/image-view.ts';
import { normalizeImage } from '../image/normalize-image.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { normalizationOf } from './canvas.ts';
import { type Correspondences, drawBox, drawPair, requireSize } from './correspondences.ts';
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
  const picture = await pictureOf(index);
  requireSize(correspondences, index, picture);
  const { first, second, neighbour } = boxesOf(correspondences, { index, picture }, random, view);
  const other = neighbour === index ? picture : await pictureOf(neighbour);
  requireSize(correspondences, neighbour, other);
  const patch = (image: RgbImage, box: ImageBox, which: 0 | 1) =>
    drawPart(
      image,
      box,
      { ...view.steps[which], width: view.width, height: view.height },
      random.fork('patch', which),
    );
  const patches = [patch(picture, first, 0), patch(other, second, 1)];
  const [a, b] = patches.map(({ image }) => normalizeImage(image, normalizationOf(view)));
  return {
    kind: 'box-pair',
    first: a,
    second: b,
    neighbour,
    steps: { first: patches[0].view, second: patches[1].view },
  };
}

function boxesOf(
  correspondences: Correspondences,
  { index, picture }: { readonly index: number; readonly picture: RgbImage },
  random: Random,
  { second }: BoxPairView,
): { readonly first: ImageBox; readonly second: ImageBox; readonly neighbour: number } {
  if (second === 'neighbour') {
    const { own, neighbour, other } = drawPair(correspondences, index, random.fork('pair'));
    return { first: own, second: other, neighbour };
  }
  const first = drawBox(correspondences, index, random.fork('box'));
  return { first, second: jitterBox(first, picture, random.fork('jitter'), second), neighbour: index };
}
