import type { Random } from '../engine/random.ts';
import { imageIou } from '../geometry/box-overlap.ts';
import type { ImageBox } from '../geometry/box-projection.ts';
import type { ImageSize } from '../image/image-view.ts';

/** How another box near one is drawn. */
export interface BoxJitter {
  /** Its centre is moved by up to this share of the box's width and height. */
  readonly shift: number;
  /** Its area is the box's times a number from this range. */
  readonly area: readonly [low: number, high: number];
  /** Its width by its height; drawn evenly in the logarithm. */
  readonly aspect: readonly [low: number, high: number];
  /** It shares more than this of its union with the box. */
  readonly overlap: number;
  /** After so many tries without one the box itself is taken. */
  readonly tries: number;
}

/**
 * A box near another one, inside of the picture, in whole pixels: area, aspect and centre are drawn until it lies in the picture and
 * overlaps enough (Xie et al. 2021, as released); the box itself where it never does.
 */
export function jitterBox(
  box: ImageBox,
  { width, height }: ImageSize,
  random: Random,
  { shift, area, aspect, overlap, tries }: BoxJitter,
): ImageBox {
  const [across, down] = [box[2] - box[0], box[3] - box[1]];
  const [x, y] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  for (let attempt = 0; attempt < tries; attempt++) {
    const pixels = random.uniform(...area) * across * down;
    const ratio = Math.exp(random.uniform(Math.log(aspect[0]), Math.log(aspect[1])));
    const [w, h] = [Math.round(Math.sqrt(pixels * ratio)), Math.round(Math.sqrt(pixels / ratio))];
    const left = Math.round(x + random.uniform(-shift, shift) * across - w / 2);
    const top = Math.round(y + random.uniform(-shift, shift) * down - h / 2);
    const drawn: ImageBox = [left, top, left + w, top + h];
    const inside = left >= 0 && top >= 0 && left + w <= width && top + h <= height;
    if (inside && imageIou(drawn, box) > overlap) return drawn;
  }
  return box;
}
