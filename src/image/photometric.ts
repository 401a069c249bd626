import type { PhotometricStep } from './image-view.ts';
import type { RgbImage } from './rgb-image.ts';

/** The image with its colours or sharpness changed by one step; every step rounds to 8 bits. The input is left as it is. */
export function applyPhotometric(image: RgbImage, step: PhotometricStep): RgbImage {
  const { width, height } = image;
  return { width, height, data: changed(image, step) };
}

function changed(image: RgbImage, step: PhotometricStep): Uint8Array {
  switch (step.kind) {
    case 'brightness':
      return throughTable(image.data, (value) => value * step.factor);
    case 'contrast': {
      const mean = meanGrey(image.data);
      return throughTable(image.data, (value) => mean + (value - mean) * step.factor);
    }
    case 'saturation':
      return saturated(image.data, step.factor);
    case 'greyscale':
      return saturated(image.data, 0);
    case 'hue':
      return hueTurned(image.data, step.turns);
    case 'blur':
      return blurred(image, step.sigma);
  }
}

/** Luma of ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B. */
function grey(data: Uint8Array, at: number): number {
  return 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
}

function meanGrey(data: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i += 3) sum += grey(data, i);
  return sum / (data.length / 3);
}

function throughTable(data: Uint8Array, change: (value: number) => number): Uint8Array {
  const table = Uint8ClampedArray.from({ length: 256 }, (_, value) => change(value));
  const result = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) result[i] = table[data[i]];
  return result;
}

function saturated(data: Uint8Array, factor: number): Uint8Array {
  const result = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const base = (1 - factor) * grey(data, i);
    result[i] = base + factor * data[i];
    result[i + 1] = base + factor * data[i + 1];
    result[i + 2] = base + factor * data[i + 2];
  }
  return new Uint8Array(result.buffer);
}

/** Turns the hue of HSV and leaves saturation and value. */
function hueTurned(data: Uint8Array, turns: number): Uint8Array {
  const result = new Uint8ClampedArray(data.length);
  const shift = (turns - Math.floor(turns)) * 6;
  for (let i = 0; i < data.length; i += 3) {
    const red = data[i];
    const green = data[i + 1];
    const blue = data[i + 2];
    const high = Math.max(red, green, blue);
    const chroma = high - Math.min(red, green, blue);
    if (chroma === 0) {
      result[i] = result[i + 1] = result[i + 2] = high;
      continue;
    }
    let hue = shift;
    if (high === red) hue += (green - blue) / chroma;
    else if (high === green) hue += 2 + (blue - red) / chroma;
    else hue += 4 + (red - green) / chroma;
    result[i] = hsvChannel(5 + hue, high, chroma);
    result[i + 1] = hsvChannel(3 + hue, high, chroma);
    result[i + 2] = hsvChannel(1 + hue, high, chroma);
  }
  return new Uint8Array(result.buffer);
}

/** V - C · max(0, min(k, 4 - k, 1)) with k = (n + H) mod 6, the closed form of HSV to RGB. */
function hsvChannel(n: number, value: number, chroma: number): number {
  const k = n - 6 * Math.floor(n / 6);
  return value - chroma * Math.max(0, Math.min(k, 4 - k, 1));
}

/** Separable Gaussian over 3 sigma each way; pixels at the border repeat outwards. */
function blurred({ width, height, data }: RgbImage, sigma: number): Uint8Array {
  if (sigma === 0) return data.slice();
  const kernel = gaussian(sigma);
  const values = Float32Array.from(data);
  for (let y = 0; y < height; y++) {
    for (let channel = 0; channel < 3; channel++) {
      blurLine(values, { start: y * width * 3 + channel, stride: 3, length: width }, kernel);
    }
  }
  for (let column = 0; column < width * 3; column++) {
    blurLine(values, { start: column, stride: width * 3, length: height }, kernel);
  }
  return new Uint8Array(Uint8ClampedArray.from(values).buffer);
}

function gaussian(sigma: number): Float32Array {
  const radius = Math.max(1, Math.ceil(3 * sigma));
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / sigma) ** 2),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return Float32Array.from(weights, (weight) => weight / sum);
}

/** Blurs one line in place: it is copied out with its ends repeated, so that the inner loop has no borders. */
function blurLine(
  values: Float32Array,
  { start, stride, length }: { start: number; stride: number; length: number },
  kernel: Float32Array,
): void {
  const taps = kernel.length;
  const radius = (taps - 1) / 2;
  const line = new Float32Array(length + 2 * radius);
  for (let i = 0, at = start; i < length; i++, at += stride) line[radius + i] = values[at];
  line.fill(line[radius], 0, radius);
  line.fill(line[radius + length - 1], radius + length);
  for (let i = 0, at = start; i < length; i++, at += stride) {
    let sum = 0;
    for (let t = 0; t < taps; t++) sum += kernel[t] * line[i + t];
    values[at] = sum;
  }
}
