import type { ImageSize } from './image-view.ts';
import type { RgbImage } from './rgb-image.ts';

/** Weights are whole numbers of this fraction, so that the inner loops are integer arithmetic. */
const WEIGHT_BITS = 14;
/** Bits after the point that are kept between the two passes. */
const BETWEEN_BITS = 8;

/** For each output pixel along one axis: the first input pixel it draws from, how many, and their weights, `taps` apart. */
interface Filter {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly taps: number;
  readonly weights: Int32Array;
}

/**
 * The image at another size, by a triangle filter whose half width is one input pixel when enlarging (plain bilinear)
 * and one output pixel when shrinking (antialiased), normalised at the borders. Values are within one of exact rounding,
 * and a flat image stays as flat as it was.
 */
export function resample(image: RgbImage, to: ImageSize): RgbImage {
  const { width, height } = to;
  if (width === image.width && height === image.height) return { width, height, data: image.data.slice() };
  const narrow = resampleRows(image, width, triangleFilter(image.width, width));
  return {
    width,
    height,
    data: resampleColumns(narrow, width * 3, height, triangleFilter(image.height, height)),
  };
}

function triangleFilter(from: number, to: number): Filter {
  const scale = from / to;
  const support = Math.max(1, scale);
  const taps = Math.ceil(2 * support) + 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Int32Array(to * taps);
  const exact = new Float64Array(taps);
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale - 0.5;
    const begin = Math.max(Math.floor(center - support) + 1, 0);
    const end = Math.min(Math.ceil(center + support), from);
    let sum = 0;
    for (let t = begin; t < end; t++) {
      exact[t - begin] = 1 - Math.abs(t - center) / support;
      sum += exact[t - begin];
    }
    let left = 1 << WEIGHT_BITS;
    let heaviest = 0;
    for (let t = 0; t < end - begin; t++) {
      const weight = Math.round((exact[t] / sum) * (1 << WEIGHT_BITS));
      weights[i * taps + t] = weight;
      left -= weight;
      if (exact[t] > exact[heaviest]) heaviest = t;
    }
    // Rounded weights must still sum to one, or flat areas would change their brightness.
    weights[i * taps + heaviest] += left;
    first[i] = begin;
    count[i] = end - begin;
  }
  return { first, count, taps, weights };
}

/** (height, width, 3) bytes to (height, toWidth, 3) fixed-point numbers. */
function resampleRows(image: RgbImage, toWidth: number, filter: Filter): Int32Array {
  const { width, height, data } = image;
  const { first, count, taps, weights } = filter;
  const result = new Int32Array(height * toWidth * 3);
  const shift = WEIGHT_BITS - BETWEEN_BITS;
  let out = 0;
  for (let y = 0; y < height; y++) {
    const row = y * width * 3;
    for (let x = 0; x < toWidth; x++) {
      let red = 0;
      let green = 0;
      let blue = 0;
      let at = row + first[x] * 3;
      const end = x * taps + count[x];
      for (let w = x * taps; w < end; w++) {
        const weight = weights[w];
        red = (red + Math.imul(weight, data[at])) | 0;
        green = (green + Math.imul(weight, data[at + 1])) | 0;
        blue = (blue + Math.imul(weight, data[at + 2])) | 0;
        at += 3;
      }
      result[out] = red >> shift;
      result[out + 1] = green >> shift;
      result[out + 2] = blue >> shift;
      out += 3;
    }
  }
  return result;
}

/** (fromHeight, stride) fixed-point numbers to (toHeight, stride) bytes. */
function resampleColumns(data: Int32Array, stride: number, toHeight: number, filter: Filter): Uint8Array {
  const { first, count, taps, weights } = filter;
  const result = new Uint8Array(toHeight * stride);
  const shift = WEIGHT_BITS + BETWEEN_BITS;
  const half = 1 << (shift - 1);
  for (let y = 0; y < toHeight; y++) {
    const end = y * taps + count[y];
    for (let i = 0; i < stride; i++) {
      let sum = half;
      let at = first[y] * stride + i;
      for (let w = y * taps; w < end; w++) {
        sum = (sum + Math.imul(weights[w], data[at])) | 0;
        at += stride;
      }
      result[y * stride + i] = sum >> shift;
    }
  }
  return result;
}
