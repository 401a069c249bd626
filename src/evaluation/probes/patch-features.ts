import type { Random } from '../../engine/random.ts';
import { symmetricEigen } from '../../geometry/symmetric-eigen.ts';
import type { RgbImage } from '../../image/rgb-image.ts';
import type { Features } from './features.ts';
import { sizeOf } from './pixel-features.ts';
import {
  blockSize,
  forProductBlocks,
  ownProducts,
  type Rows,
  rowProducts,
  transposed,
} from './row-products.ts';

/** Filters that were taken from pictures as they are, without learning. */
export interface PatchFilters {
  /** Pixels of a patch on a side. */
  readonly size: number;
  /** [filters, size · size · 3]: the whitened, unit-length patches, with the whitening of what they are compared with. */
  readonly filters: Rows;
  /** [filters]: subtracted from a filter's product with a patch. */
  readonly offsets: Float64Array;
}

export interface PatchFilterOptions {
  readonly random: Random;
  /** The number of filters; 200 by default. */
  readonly filters?: number;
  /** Pixels of a patch on a side; 6 by default. */
  readonly size?: number;
  /** The number of patches whose covariance whitens; 20,000 by default. */
  readonly samples?: number;
}

export interface PatchFeatureOptions {
  /** What a response must exceed to count; 0.25 by default. */
  readonly threshold?: number;
  /** Pixels between patches; 2 by default. 1 takes four times as long; it gave two points more in the linear probe, none in kNN. */
  readonly stride?: number;
}

/** Added to the variance of a patch (of values 0 to 255) and to the eigenvalues of the covariance, so that flat ones are not blown up. */
const LEAST_VARIANCE = 10;
const LEAST_EIGENVALUE = 0.1;
const POOLED = 2;

/**
 * Random patches of the pictures, each at mean 0 and deviation 1, whitened (ZCA), at length one: the dictionary "RP" of Coates and Ng
 * 2011, The Importance of Encoding Versus Training with Sparse Coding and Vector Quantization. Throws RangeError for no pictures, or
 * some smaller than a patch.
 */
export function randomPatchFilters(images: readonly RgbImage[], options: PatchFilterOptions): PatchFilters {
  const { random, filters: count = 200, size = 6, samples = 20_000 } = options;
  if (images.length === 0) throw new RangeError('patches of no images');
  const width = size * size * 3;
  const patches = new Float32Array(Math.max(samples, count) * width);
  for (let begin = 0; begin < patches.length; begin += width) {
    const image = images[random.integer(images.length)];
    checkLargeEnough(image, size);
    const left = random.integer(image.width - size + 1);
    const top = random.integer(image.height - size + 1);
    copyPatch(image, { left, top, size }, patches.subarray(begin, begin + width));
  }
  const { mean, whitening } = whiteningOf({ rows: patches, count: patches.length / width, width });
  const chosen = patches.slice(0, count * width).map((value, at) => value - mean[at % width]);
  const white = rowProducts({ rows: chosen, count, width }, whitening);
  for (let begin = 0; begin < white.length; begin += width) {
    const row = white.subarray(begin, begin + width);
    const length = Math.hypot(...row);
    for (let k = 0; k < width; k++) row[k] /= length || 1;
  }
  // A filter times a whitened patch is the filter, whitened once more, times the patch as it is.
  const filters = { rows: rowProducts({ rows: white, count, width }, whitening), count, width };
  const offsets = rowProducts(filters, { rows: mean, count: 1, width });
  return { size, filters: { ...filters, rows: Float32Array.from(filters.rows) }, offsets };
}

/**
 * Responses r of each filter at every place of the picture, max(0, r - threshold) and max(0, -r - threshold), means over its four
 * quarters: [2 · 2 · filters · 2] for each image (Coates and Ng's soft threshold and pooling). For 200 filters and a
 * 32 x 32 picture 4 million multiplications. Throws RangeError unless all images are of one size with room for two patches a side.
 */
export function patchFeatures(
  images: readonly RgbImage[],
  { size, filters, offsets }: PatchFilters,
  { threshold = 0.25, stride = 2 }: PatchFeatureOptions = {},
): Features {
  const { width, height } = sizeOf(images);
  const across = Math.floor((width - size) / stride) + 1;
  const down = Math.floor((height - size) / stride) + 1;
  if (across < POOLED || down < POOLED) {
    throw new RangeError(
      `images of ${width} x ${height} have no room for ${POOLED} patches of ${size} a side`,
    );
  }
  const patches = {
    rows: new Float32Array(across * down * filters.width),
    count: across * down,
    width: filters.width,
  };
  const quarterOf = Uint8Array.from({ length: patches.count }, (_, at) => {
    const right = Math.floor(((at % across) * POOLED) / across);
    return Math.floor((Math.floor(at / across) * POOLED) / down) * POOLED + right;
  });
  const sizes = new Float64Array(POOLED * POOLED);
  for (const quarter of quarterOf) sizes[quarter]++;
  const rowWidth = POOLED * POOLED * filters.count * 2;
  const rows = new Float32Array(images.length * rowWidth);
  const sums = new Float64Array(rowWidth);
  images.forEach((image, i) => {
    for (let at = 0; at < patches.count; at++) {
      const place = { left: (at % across) * stride, top: Math.floor(at / across) * stride, size };
      copyPatch(image, place, patches.rows.subarray(at * patches.width, (at + 1) * patches.width));
    }
    sums.fill(0);
    forProductBlocks(
      patches,
      filters,
      ({ row, column, height: blockHeight, width: blockWidth, products }) => {
        for (let p = 0; p < blockHeight; p++) {
          const quarter = quarterOf[row + p] * filters.count;
          for (let f = 0; f < blockWidth; f++) {
            const response = products[p * blockSize + f] - offsets[column + f];
            const to = (quarter + column + f) * 2;
            if (response > threshold) sums[to] += response - threshold;
            else if (response < -threshold) sums[to + 1] -= response + threshold;
          }
        }
      },
    );
    for (let k = 0; k < rowWidth; k++) {
      rows[i * rowWidth + k] = sums[k] / sizes[Math.floor(k / (2 * filters.count))];
    }
  });
  return { rows, count: images.length, width: rowWidth };
}

/** A patch at mean 0 and deviation 1, row-major (size, size, 3). */
function copyPatch(
  { width, data }: RgbImage,
  { left, top, size }: { readonly left: number; readonly top: number; readonly size: number },
  to: Float32Array,
): void {
  let sum = 0;
  let squares = 0;
  let out = 0;
  for (let y = 0; y < size; y++) {
    const begin = ((top + y) * width + left) * 3;
    for (let at = begin; at < begin + size * 3; at++) {
      const value = data[at];
      sum += value;
      squares += value * value;
      to[out++] = value;
    }
  }
  const mean = sum / out;
  const scale = 1 / Math.sqrt(squares / out - mean * mean + LEAST_VARIANCE);
  for (let k = 0; k < out; k++) to[k] = (to[k] - mean) * scale;
}

/** The mean row, and the symmetric matrix V·diag(1/√(values + least))·Vᵀ of the covariance. */
function whiteningOf(patches: Rows): { readonly mean: Float64Array; readonly whitening: Rows } {
  const { count, width } = patches;
  const mean = new Float64Array(width);
  for (let at = 0; at < patches.rows.length; at++) mean[at % width] += patches.rows[at] / count;
  const covariance = ownProducts(transposed(patches)).map(
    (product, at) => product / count - mean[Math.floor(at / width)] * mean[at % width],
  );
  const { values, vectors } = symmetricEigen(covariance, width);
  const scaled = vectors.map((x, at) => x * (values[Math.floor(at / width)] + LEAST_EIGENVALUE) ** -0.25);
  return {
    mean,
    whitening: { rows: ownProducts(transposed({ rows: scaled, count: width, width })), count: width, width },
  };
}

function checkLargeEnough({ width, height }: RgbImage, size: number): void {
  if (width >= size && height >= size) return;
  throw new RangeError(`an image of ${width} x ${height} has no patch of ${size} x ${size}`);
}
