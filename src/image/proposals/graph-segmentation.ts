import { gaussianBlurred } from '../gaussian-blur.ts';
import type { RgbImage } from '../rgb-image.ts';

/** A picture cut into regions: the region of each pixel, 0 … count - 1 in the order in which rows of pixels meet them. */
export interface Regions {
  /** int32 (height, width). */
  readonly of: Int32Array;
  readonly count: number;
}

/** How a picture is cut. */
export interface SegmentationOptions {
  /** k: the larger, the larger are regions; levels of 255 times pixels. */
  readonly scale: number;
  /** Regions of fewer pixels are joined with the neighbour that they differ least from. */
  readonly least: number;
  /** The picture is smoothed first by a Gaussian of this deviation, pixels. */
  readonly sigma: number;
}

/** So many bits of a key are the number of an edge, the bits above its squared weight. */
const EDGE_BITS = 2 ** 26;

/**
 * The regions of a picture by a graph of its pixels (Felzenszwalb and Huttenlocher, Efficient Graph-Based Image Segmentation, IJCV
 * 2004): every pixel is joined with its eight neighbours by edges that weigh as much as their colours differ (Euclidean, RGB of 0 to
 * 255). Edges come in the order of their weights; an edge w between regions A and B joins them where
 * w <= min(Int(A) + k/|A|, Int(B) + k/|B|), Int being the largest edge that a region was joined by, |A| its pixels.
 */
export function segmentPicture(picture: RgbImage, options: SegmentationOptions): Regions {
  const { scale, least, sigma } = options;
  const { width, height } = picture;
  const kernel = 2 * Math.ceil(4 * sigma) + 1;
  const edges = sortedEdges({ width, height, data: gaussianBlurred(picture, { sigma, kernel }) });
  const sets = new PixelSets(width * height);
  for (const { from, to, weight } of edges) {
    const [a, b] = [sets.of(from), sets.of(to)];
    if (a === b) continue;
    const allowed = Math.min(sets.inner[a] + scale / sets.sizes[a], sets.inner[b] + scale / sets.sizes[b]);
    if (weight <= allowed) sets.join(a, b, weight);
  }
  for (const { from, to, weight } of edges) {
    const [a, b] = [sets.of(from), sets.of(to)];
    if (a !== b && Math.min(sets.sizes[a], sets.sizes[b]) < least) sets.join(a, b, weight);
  }
  const numbers = new Map<number, number>();
  const of = Int32Array.from({ length: width * height }, (_, pixel) => {
    const root = sets.of(pixel);
    const known = numbers.get(root) ?? numbers.size;
    numbers.set(root, known);
    return known;
  });
  return { of, count: numbers.size };
}

interface Edge {
  readonly from: number;
  readonly to: number;
  readonly weight: number;
}

/** The edges to the right and to the row below, lightest first; of equal ones those of earlier pixels first. */
function sortedEdges({ width, height, data }: RgbImage): Edge[] {
  const ends: number[] = [];
  const keys: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (const [dx, dy] of [
        [1, 0],
        [-1, 1],
        [0, 1],
        [1, 1],
      ]) {
        if (x + dx < 0 || x + dx >= width || y + dy >= height) continue;
        const [from, to] = [y * width + x, (y + dy) * width + x + dx];
        let squared = 0;
        for (let channel = 0; channel < 3; channel++)
          squared += (data[3 * from + channel] - data[3 * to + channel]) ** 2;
        keys.push(squared * EDGE_BITS + keys.length);
        ends.push(from, to);
      }
    }
  }
  return Array.from(Float64Array.from(keys).sort(), (key) => {
    const edge = key % EDGE_BITS;
    const weight = Math.sqrt(Math.floor(key / EDGE_BITS));
    return { from: ends[2 * edge], to: ends[2 * edge + 1], weight };
  });
}

/** Disjoint sets of pixels, each with its size and the largest edge that it was joined by. */
class PixelSets {
  readonly sizes: Int32Array;
  readonly inner: Float64Array;
  private readonly parents: Int32Array;

  constructor(count: number) {
    this.parents = Int32Array.from({ length: count }, (_, i) => i);
    this.sizes = new Int32Array(count).fill(1);
    this.inner = new Float64Array(count);
  }

  /** The pixel that stands for the set of a pixel. */
  of(pixel: number): number {
    let root = pixel;
    while (this.parents[root] !== root) {
      this.parents[root] = this.parents[this.parents[root]];
      root = this.parents[root];
    }
    return root;
  }

  /** Joins two sets, by the pixels that stand for them. */
  join(a: number, b: number, weight: number): void {
    const [larger, smaller] = this.sizes[a] >= this.sizes[b] ? [a, b] : [b, a];
    this.parents[smaller] = larger;
    this.sizes[larger] += this.sizes[smaller];
    this.inner[larger] = Math.max(this.inner[larger], this.inner[smaller], weight);
  }
}
