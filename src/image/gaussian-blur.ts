import type { RgbImage } from './rgb-image.ts';

/**
 * The bytes of an image blurred by a Gaussian with a standard deviation of `sigma` pixels, cut off to `kernel` (an odd number
 * of) pixels along each axis and normalised; what is beyond a border is the mirrored image (the border itself not repeated).
 * Rounded to 8 bits once, at the end. This is torchvision's `gaussian_blur`; a sigma of 0 changes nothing.
 */
export function gaussianBlurred(
  { width, height, data }: RgbImage,
  { sigma, kernel }: { readonly sigma: number; readonly kernel: number },
): Uint8Array {
  if (sigma === 0) return data.slice();
  const weights = gaussian(sigma, kernel);
  const stride = width * 3;
  const rows = new Float32Array(height * stride);
  const padded = new Float64Array((width + kernel - 1) * 3);
  for (let y = 0; y < height; y++) {
    const row = y * stride;
    mirrorOut(data.subarray(row, row + stride), padded);
    for (let i = 0; i < stride; i++) {
      let sum = 0;
      for (let t = 0, at = i; t < kernel; t++, at += 3) sum += weights[t] * padded[at];
      rows[row + i] = sum;
    }
  }
  const result = new Uint8ClampedArray(data.length);
  const radius = (kernel - 1) / 2;
  const sums = new Float64Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let t = 0; t < kernel; t++) {
      const row = reflected(y + t - radius, height) * stride;
      const weight = weights[t];
      for (let i = 0; i < stride; i++) sums[i] += weight * rows[row + i];
    }
    result.set(sums, y * stride);
  }
  return new Uint8Array(result.buffer);
}

/** The smallest kernel that holds three standard deviations each way: 99.7 % of a Gaussian. */
export function wholeKernel(sigma: number): number {
  return 2 * Math.max(1, Math.ceil(3 * sigma)) + 1;
}

function gaussian(sigma: number, kernel: number): Float64Array {
  const radius = (kernel - 1) / 2;
  const weights = Float64Array.from({ length: kernel }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / sigma) ** 2),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** A row of pixels in the middle of a longer one, its ends filled with the mirrored row. */
function mirrorOut(row: Uint8Array, padded: Float64Array): void {
  const width = row.length / 3;
  const border = (padded.length - row.length) / 6;
  padded.set(row, border * 3);
  const fill = (x: number) => {
    const from = reflected(x, width) * 3;
    for (let channel = 0; channel < 3; channel++) padded[(border + x) * 3 + channel] = row[from + channel];
  };
  for (let x = -border; x < 0; x++) fill(x);
  for (let x = width; x < width + border; x++) fill(x);
}

/** The index that a place outside of 0 … length - 1 is the mirror image of, however far out. */
function reflected(index: number, length: number): number {
  if (index >= 0 && index < length) return index;
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const place = Math.abs(index) % period;
  return place < length ? place : period - place;
}
