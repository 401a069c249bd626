import type { ImageBox } from '../../geometry/box-projection.ts';
import { hsvOf } from '../colour-space.ts';
import type { RgbImage } from '../rgb-image.ts';
import type { Regions } from './graph-segmentation.ts';

/** Bins of a histogram for each of hue, saturation and value. */
const BINS = 25;

interface Region {
  readonly size: number;
  readonly box: ImageBox;
  /** float64 [3·BINS]: shares that sum to one. */
  readonly colours: Float64Array;
}

interface Pair {
  readonly a: number;
  readonly b: number;
  readonly similarity: number;
}

/**
 * The rectangles around all regions that there are while the two most similar neighbours are joined again and again until one is
 * left: the whole picture first, the regions that it began with last (selective search; Uijlings et al., Selective Search for
 * Object Recognition, IJCV 2013). Similarity is the sum of three numbers of at most 1: how much the histograms of hue, saturation and
 * value share, 1 less both regions' share of the picture, and 1 less the share of the picture that their common rectangle has
 * beyond them. Texture, which the published one has too, is left out. A box is [left, top, right, bottom], right and bottom beyond it.
 */
export function hierarchyBoxes(picture: RgbImage, regions: Regions): ImageBox[] {
  const pixels = picture.width * picture.height;
  const all = regionsOf(picture, regions);
  let pairs = neighboursOf(picture, regions).map(([a, b]) => pairOf(all, a, b, pixels));
  while (pairs.length > 0) {
    const best = pairs.reduce((most, pair) => (pair.similarity > most.similarity ? pair : most));
    const joined = all.length;
    all.push(joinedRegion(all[best.a], all[best.b]));
    const beside = new Set<number>();
    const kept: Pair[] = [];
    for (const pair of pairs) {
      const [touchesA, touchesB] = [pair.a, pair.b].map((end) => end === best.a || end === best.b);
      if (!touchesA && !touchesB) kept.push(pair);
      else if (!touchesA) beside.add(pair.a);
      else if (!touchesB) beside.add(pair.b);
    }
    pairs = [...kept, ...Array.from(beside, (other) => pairOf(all, other, joined, pixels))];
  }
  return all.reverse().map(({ box }) => box);
}

function pairOf(all: readonly Region[], a: number, b: number, pixels: number): Pair {
  return { a, b, similarity: similarityOf(all[a], all[b], pixels) };
}

function similarityOf(a: Region, b: Region, pixels: number): number {
  let shared = 0;
  for (let bin = 0; bin < a.colours.length; bin++) shared += Math.min(a.colours[bin], b.colours[bin]);
  const [left, top, right, bottom] = around(a.box, b.box);
  const both = a.size + b.size;
  const beyond = (right - left) * (bottom - top) - both;
  return shared + (1 - both / pixels) + (1 - beyond / pixels);
}

function joinedRegion(a: Region, b: Region): Region {
  const size = a.size + b.size;
  return {
    size,
    box: around(a.box, b.box),
    colours: a.colours.map((share, bin) => (share * a.size + b.colours[bin] * b.size) / size),
  };
}

function around(a: ImageBox, b: ImageBox): ImageBox {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}

function regionsOf({ width, height, data }: RgbImage, { of, count }: Regions): Region[] {
  const sizes = new Int32Array(count);
  const boxes = Array.from({ length: count }, () => [width, height, 0, 0]);
  const colours = Array.from({ length: count }, () => new Float64Array(3 * BINS));
  for (let y = 0, pixel = 0; y < height; y++) {
    for (let x = 0; x < width; x++, pixel++) {
      const region = of[pixel];
      sizes[region]++;
      const box = boxes[region];
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x + 1);
      box[3] = Math.max(box[3], y + 1);
      const [red, green, blue] = data.subarray(3 * pixel, 3 * pixel + 3);
      hsvOf(red / 255, green / 255, blue / 255).forEach((value, channel) => {
        colours[region][channel * BINS + Math.min(BINS - 1, Math.floor(value * BINS))]++;
      });
    }
  }
  return Array.from(sizes, (size, region) => ({
    size,
    box: boxes[region] as unknown as ImageBox,
    colours: colours[region].map((pixels) => pixels / (3 * size)),
  }));
}

/** Regions that have pixels side by side or one above the other, each pair once, in the order in which rows meet them. */
function neighboursOf({ width, height }: RgbImage, { of, count }: Regions): Array<[number, number]> {
  const found = new Map<number, [number, number]>();
  const meet = (one: number, other: number) => {
    if (one === other) return;
    const [a, b] = [Math.min(one, other), Math.max(one, other)];
    if (!found.has(a * count + b)) found.set(a * count + b, [a, b]);
  };
  for (let y = 0, pixel = 0; y < height; y++) {
    for (let x = 0; x < width; x++, pixel++) {
      if (x + 1 < width) meet(of[pixel], of[pixel + 1]);
      if (y + 1 < height) meet(of[pixel], of[pixel + width]);
    }
  }
  return [...found.values()];
}
