import { imageIou } from '../../geometry/box-overlap.ts';
import type { ImageBox } from '../../geometry/box-projection.ts';
import { applyImageView } from '../augment.ts';
import { type ImageSize, imageView, resize } from '../image-view.ts';
import type { RgbImage } from '../rgb-image.ts';
import { segmentPicture } from './graph-segmentation.ts';
import { hierarchyBoxes } from './region-hierarchy.ts';

/** Which of the rectangles that a picture's regions give are taken. */
export interface ProposalOptions {
  /** The least side of a box, as a share of the shorter side of its picture. */
  readonly leastSide: number;
  /** The longer side by the shorter one, at most. */
  readonly mostAspect: number;
  /** What a box may share of its union with one that was taken before, at most. */
  readonly mostOverlap: number;
  /** Boxes of a picture, at most. */
  readonly most: number;
}

/** The scales of the segmentations, and the picture that they are of: scaled down to so many pixels where it has more. */
const SCALES = [50, 100];
const MOST_PIXELS = 40_000;
/** The share of that picture that a region has at least. */
const LEAST_REGION = 0.004;
/** The deviation of the smoothing, pixels, of a picture of MOST_PIXELS; smaller ones, whose edges are sharp, are smoothed less. */
const SIGMA = 0.8;

/**
 * Rectangles of a picture that may hold objects, [left, top, right, bottom] in whole pixels, right and bottom beyond them. Regions at
 * two scales are joined one by one; their rectangles come in turn from both, large regions first, and those are taken that
 * `options` allow. The whole picture is taken where nothing else is. The same picture gives the same boxes always.
 */
export function proposeBoxes(picture: RgbImage, options: ProposalOptions): ImageBox[] {
  const small = scaledDown(picture);
  const least = Math.max(1, Math.round(LEAST_REGION * small.width * small.height));
  const sigma = SIGMA * Math.sqrt((small.width * small.height) / MOST_PIXELS);
  const [x, y] = [picture.width / small.width, picture.height / small.height];
  const found = SCALES.map((scale) => {
    const [, ...parts] = hierarchyBoxes(small, segmentPicture(small, { scale, least, sigma }));
    return parts.map(
      ([left, top, right, bottom]): ImageBox => [
        Math.round(left * x),
        Math.round(top * y),
        Math.round(right * x),
        Math.round(bottom * y),
      ],
    );
  });
  return chosenBoxes(inTurn(found), picture, options);
}

/** Of boxes the ones that the options allow, in their order; the whole picture where there are none. */
export function chosenBoxes(
  boxes: readonly ImageBox[],
  { width, height }: ImageSize,
  { leastSide, mostAspect, mostOverlap, most }: ProposalOptions,
): ImageBox[] {
  const least = leastSide * Math.min(width, height);
  const chosen: ImageBox[] = [];
  for (const box of boxes) {
    if (chosen.length === most) break;
    const [across, down] = [box[2] - box[0], box[3] - box[1]];
    if (Math.min(across, down) < least || Math.max(across / down, down / across) > mostAspect) continue;
    if (chosen.every((other) => imageIou(box, other) <= mostOverlap)) chosen.push(box);
  }
  return chosen.length > 0 ? chosen : [[0, 0, width, height]];
}

function scaledDown(picture: RgbImage): RgbImage {
  const by = Math.sqrt(MOST_PIXELS / (picture.width * picture.height));
  if (by >= 1) return picture;
  const scaled = (side: number) => Math.max(1, Math.round(side * by));
  const size = { width: scaled(picture.width), height: scaled(picture.height) };
  return applyImageView(picture, resize(imageView(picture), size));
}

/** The first of each list, then the second of each, and so on. */
function inTurn<Item>(lists: ReadonlyArray<readonly Item[]>): Item[] {
  const longest = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}
