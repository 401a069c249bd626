import type { ImageSize, ResizeFilter } from './image-view.ts';
import type { RgbImage } from './rgb-image.ts';

/** Weights are whole numbers of this fraction, so that the inner loops are integer arithmetic. */
const WEIGHT_BITS = 14;
/** Bits after the point that are kept between the two passes. */
const BETWEEN_BITS = 8;

/** How much an input pixel counts by how far it is, and how far that reaches, in pixels of the coarser side. */
interface Kernel {
  readonly reach: number;
  weight(distance: number): number;
}

const kernels: { readonly [filter in ResizeFilter]: Kernel } = {
  bilinear: { reach: 1, weight: (distance) => 1 - distance },
  // Keys' cubic convolution with a = -1/2.
  bicubic: {
    reach: 2,
    weight: (distance) =>
      distance < 1
        ? (1.5 * distance - 2.5) * distance * distance + 1
        : ((-0.5 * distance + 2.5) * distance - 4) * distance + 2,
  },
};

/** For each output pixel along one axis: the first input pixel it draws from, how many, and their weights, `taps` apart. */
interface Filter {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly taps: number;
  readonly weights: Int32Array;
}

/** A rectangle of whole pixels. */
export interface Rectangle extends ImageSize {
  readonly left: number;
  readonly top: number;
}

/**
 * The image at another size, by a triangle filter whose half width is one input pixel when enlarging (plain bilinear)
 * and one output pixel when shrinking (antialiased), or by a cubic one twice as wide; normalised at the borders. Values are
 * within one of exact rounding and of Pillow's `Image.resize`, which rounds to whole levels between its two passes, and a
 * flat image stays as flat as it was. With `part`, only that rectangle of the result is worked out and returned.
 *
 * @example
 * const row = { width: 2, height: 1, data: Uint8Array.of(0, 0, 0, 200, 200, 200) };
 * resample(row, { width: 1, height: 1 }).data; // [100, 100, 100]
 */
export function resample(
  image: RgbImage,
  to: ImageSize & { readonly filter?: ResizeFilter },
  part: Rectangle = { left: 0, top: 0, ...to },
): RgbImage {
  const { left, top, width, height } = part;
  if (to.width === image.width && to.height === image.height) return cut(image, part);
  const { filter = 'bilinear' } = to;
  const across = filterOf(kernels[filter], image.width, to.width);
  const down = filterOf(kernels[filter], image.height, to.height);
  const bottom = top + height - 1;
  const rows = { first: down.first[top], end: down.first[bottom] + down.count[bottom] };
  const narrow = resampleRows(image, { filter: across, left, width, rows });
  // As in Pillow: what a cubic overshoots across does not count down.
  if (filter === 'bicubic') clip(narrow);
  const data = resampleColumns(narrow, {
    filter: down,
    top,
    height,
    stride: width * 3,
    firstRow: rows.first,
  });
  return { width, height, data };
}

/** A rectangle of an image as an image of its own. */
export function cut(image: RgbImage, { left, top, width, height }: Rectangle): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * image.width + left) * 3;
    data.set(image.data.subarray(start, start + width * 3), y * width * 3);
  }
  return { width, height, data };
}

function filterOf(kernel: Kernel, from: number, to: number): Filter {
  const scale = from / to;
  const stretch = Math.max(1, scale);
  const support = kernel.reach * stretch;
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
      exact[t - begin] = kernel.weight(Math.abs(t - center) / stretch);
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

/** The rows `first` to `end` of an image, bytes, to rows of the output columns from `left` on, fixed-point numbers. */
function resampleRows(
  { width: fromWidth, data }: RgbImage,
  options: {
    readonly filter: Filter;
    readonly left: number;
    readonly width: number;
    readonly rows: { readonly first: number; readonly end: number };
  },
): Int32Array {
  const { left, width, rows } = options;
  const { first, count, taps, weights } = options.filter;
  const result = new Int32Array((rows.end - rows.first) * width * 3);
  const shift = WEIGHT_BITS - BETWEEN_BITS;
  let out = 0;
  for (let y = rows.first; y < rows.end; y++) {
    const row = y * fromWidth * 3;
    for (let x = left; x < left + width; x++) {
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

/** Fixed-point numbers to the range of bytes. */
function clip(values: Int32Array): void {
  const most = 255 << BETWEEN_BITS;
  for (let i = 0; i < values.length; i++) {
    if (values[i] < 0) values[i] = 0;
    else if (values[i] > most) values[i] = most;
  }
}

/** Rows of `stride` fixed-point numbers, the first of them row `firstRow` of the input, to the output rows from `top` on, bytes. */
function resampleColumns(
  data: Int32Array,
  options: {
    readonly filter: Filter;
    readonly top: number;
    readonly height: number;
    readonly stride: number;
    readonly firstRow: number;
  },
): Uint8Array {
  const { top, height, stride, firstRow } = options;
  const { first, count, taps, weights } = options.filter;
  const result = new Uint8ClampedArray(height * stride);
  const shift = WEIGHT_BITS + BETWEEN_BITS;
  const half = 1 << (shift - 1);
  let out = 0;
  for (let y = top; y < top + height; y++) {
    const begin = y * taps;
    const end = begin + count[y];
    for (let i = 0; i < stride; i += 3) {
      let red = half;
      let green = half;
      let blue = half;
      let at = (first[y] - firstRow) * stride + i;
      for (let w = begin; w < end; w++) {
        const weight = weights[w];
        red = (red + Math.imul(weight, data[at])) | 0;
        green = (green + Math.imul(weight, data[at + 1])) | 0;
        blue = (blue + Math.imul(weight, data[at + 2])) | 0;
        at += stride;
      }
      result[out] = red >> shift;
      result[out + 1] = green >> shift;
      result[out + 2] = blue >> shift;
      out += 3;
    }
  }
  return new Uint8Array(result.buffer);
}
