import { InputError } from '../engine/input-error.ts';
import type { Random } from '../engine/random.ts';
import type { ImageBox } from '../geometry/box-projection.ts';
import type { ImageSize } from '../image/image-view.ts';

/**
 * Boxes of the pictures of a data set, each picture's neighbours, and which boxes of a picture and a neighbour belong together: flat
 * int32 arrays, which threads can share. A damaged picture has no boxes and is nobody's neighbour.
 */
export interface Correspondences {
  /** [pictures·2]: width and height. */
  readonly sizes: Int32Array;
  /** [boxes·4]: left, top, right, bottom in whole pixels, right and bottom beyond the box; those of a picture one after the other. */
  readonly boxes: Int32Array;
  /** [pictures + 1]: the number of the first box of each picture, and of all boxes. */
  readonly boxesFrom: Int32Array;
  /** [pictures·K]: the numbers of the nearest pictures, the nearest first; -1 for none. */
  readonly neighbours: Int32Array;
  /** [pairs·2]: the number of a box of a picture, and that of a box of its neighbour; the most alike first. */
  readonly pairs: Int32Array;
  /** [pictures·K + 1]: the number of the first pair of each picture and neighbour, and of all pairs. */
  readonly pairsFrom: Int32Array;
}

/** How many pictures there are. */
export function pictureCount({ sizes }: Correspondences): number {
  return sizes.length / 2;
}

/** How many neighbours a picture has. */
export function neighbourCount(correspondences: Correspondences): number {
  return correspondences.neighbours.length / pictureCount(correspondences);
}

/** The size that a picture had when its boxes were found. */
export function sizeAt({ sizes }: Correspondences, picture: number): ImageSize {
  const [width, height] = sizes.subarray(2 * picture, 2 * picture + 2);
  return { width, height };
}

/** The box of a number. */
export function boxAt({ boxes }: Correspondences, number: number): ImageBox {
  const [left, top, right, bottom] = boxes.subarray(4 * number, 4 * number + 4);
  return [left, top, right, bottom];
}

/** One of the boxes of a picture, each as likely. Throws an InputError where it has none. */
export function drawBox(correspondences: Correspondences, picture: number, random: Random): ImageBox {
  const [from, to] = correspondences.boxesFrom.subarray(picture, picture + 2);
  if (from === to) throw noBoxes(picture);
  return boxAt(correspondences, from + random.integer(to - from));
}

/** A box of a picture, and the one in a neighbour that belongs to it: a neighbour is drawn, and then one of the pairs. Throws an InputError where there is none. */
export function drawPair(
  correspondences: Correspondences,
  picture: number,
  random: Random,
): { readonly own: ImageBox; readonly neighbour: number; readonly other: ImageBox } {
  const { neighbours, pairs, pairsFrom } = correspondences;
  const most = neighbourCount(correspondences);
  const at = picture * most + random.integer(most);
  const [from, to] = pairsFrom.subarray(at, at + 2);
  if (from === to) throw noBoxes(picture);
  const pair = from + random.integer(to - from);
  const [own, other] = [pairs[2 * pair], pairs[2 * pair + 1]].map((box) => boxAt(correspondences, box));
  return { own, neighbour: neighbours[at], other };
}

/** Throws an InputError where a picture is not as large as it was when its boxes were found. */
export function requireSize(correspondences: Correspondences, picture: number, found: ImageSize): void {
  const { width, height } = sizeAt(correspondences, picture);
  if (found.width === width && found.height === height) return;
  throw new InputError({
    file: `picture ${picture}`,
    place: 'size',
    expected: `${width} x ${height}, as its boxes were found in`,
    found: `${found.width} x ${found.height}`,
  });
}

function noBoxes(picture: number): InputError {
  return new InputError({
    file: 'correspondences',
    place: `picture ${picture}`,
    expected: 'boxes',
    found: 'none: it was damaged when they were sought',
  });
}
