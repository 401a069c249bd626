import { Random } from '../engine/random.ts';
import { applyImageView } from '../image/augment.ts';
import { hsvOf, rgbOf } from '../image/colour-space.ts';
import { imageView, resize } from '../image/image-view.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import type { ExemplarConfig } from './image-view-config.ts';

/** The part of a scaled picture that stands for it: pixels of that picture, `x` and `y` the centre of the patch. */
interface SeedPatch {
  readonly picture: RgbImage;
  readonly x: number;
  readonly y: number;
}

/** What one scale of the seed patch's picture is of the one before. */
const FINER = 0.8;
/** Places of seed patches are so many pixels apart. */
const GRID = 4;
/** Axes of the colours of natural pictures: brightness, red against blue, and green against both (Ohta et al. 1980). */
const AXES = [
  [1, 1, 1].map((part) => part / Math.sqrt(3)),
  [1, 0, -1].map((part) => part / Math.SQRT2),
  [-1, 2, -1].map((part) => part / Math.sqrt(6)),
] as const;

/**
 * Draws the copies of a picture's seed patch, each moved, turned, scaled and recoloured on its own. The seed patch is the
 * same whenever the picture is drawn: its random numbers come from the picture alone.
 */
export function drawExemplar(image: RgbImage, config: ExemplarConfig, random: Random): RgbImage[] {
  const seed = rememberedSeedPatch(image, config);
  return Array.from({ length: config.copies ?? 1 }, (_, copy) => {
    const own = random.fork('copy', copy);
    return recoloured(warped(seed, config, own.fork('place')), config, own.fork('colour'));
  });
}

const remembered = new WeakMap<RgbImage, { readonly key: string; readonly seed: SeedPatch }>();

/** A picture that stays in memory is looked through once. */
function rememberedSeedPatch(image: RgbImage, config: ExemplarConfig): SeedPatch {
  const key = `${config.size} ${config.levels}`;
  const known = remembered.get(image);
  if (known?.key === key) return known.seed;
  const seed = seedPatchOf(image, config);
  remembered.set(image, { key, seed });
  return seed;
}

/** The picture at one of some scales, and a patch in it, the likelier the more its brightness changes inside. */
export function seedPatchOf(image: RgbImage, { size, levels }: ExemplarConfig): SeedPatch {
  const random = Random.fromSeed(`seed patch ${hashOf(image)}`);
  const fits = (level: number) => Math.min(image.width, image.height) * FINER ** level >= size;
  let most = 0;
  while (most + 1 < levels && fits(most + 1)) most++;
  const by = FINER ** random.integer(most + 1);
  const scaled = (length: number) => Math.max(1, Math.round(length * by));
  const to = { width: scaled(image.width), height: scaled(image.height) };
  const picture = by === 1 ? image : applyImageView(image, resize(imageView(image), to));
  const across = Math.max(1, Math.floor((picture.width - size) / GRID) + 1);
  const down = Math.max(1, Math.floor((picture.height - size) / GRID) + 1);
  const sums = changeSums(picture);
  const weights = Array.from({ length: across * down }, (_, i) => {
    const [left, top] = [GRID * (i % across), GRID * Math.floor(i / across)];
    return 1e-6 + within(sums, picture, { left, top, size });
  });
  let left = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  let place = 0;
  while (place + 1 < weights.length && left >= weights[place]) left -= weights[place++];
  const middle = (size - 1) / 2;
  const centred = (length: number, at: number) => (length < size ? (length - 1) / 2 : GRID * at + middle);
  return {
    picture,
    x: centred(picture.width, place % across),
    y: centred(picture.height, Math.floor(place / across)),
  };
}

/** The patch as seen through a random shift, turn and scale: bilinear, beyond the picture its nearest pixel. */
function warped(
  { picture, x, y }: SeedPatch,
  { size, shift, rotation, scale }: ExemplarConfig,
  random: Random,
): RgbImage {
  const angle = (random.uniform(-rotation, rotation) * Math.PI) / 180;
  const by = Math.exp(random.uniform(Math.log(scale[0]), Math.log(scale[1])));
  const [cos, sin] = [by * Math.cos(angle), by * Math.sin(angle)];
  const [middleX, middleY] = [x, y].map((at) => at + size * random.uniform(-shift, shift));
  const data = new Uint8Array(size * size * 3);
  for (let v = 0, to = 0; v < size; v++) {
    for (let u = 0; u < size; u++, to += 3) {
      const [du, dv] = [u - (size - 1) / 2, v - (size - 1) / 2];
      sampleInto(data, to, picture, middleX + cos * du - sin * dv, middleY + sin * du + cos * dv);
    }
  }
  return { width: size, height: size, data };
}

function sampleInto(data: Uint8Array, to: number, picture: RgbImage, x: number, y: number): void {
  const { width, height, data: from } = picture;
  const [px, py] = [Math.min(Math.max(x, 0), width - 1), Math.min(Math.max(y, 0), height - 1)];
  const [left, top] = [Math.floor(px), Math.floor(py)];
  const [right, below] = [Math.min(left + 1, width - 1), Math.min(top + 1, height - 1)];
  const [fx, fy] = [px - left, py - top];
  const [topLeft, topRight] = [3 * (top * width + left), 3 * (top * width + right)];
  const [belowLeft, belowRight] = [3 * (below * width + left), 3 * (below * width + right)];
  for (let channel = 0; channel < 3; channel++) {
    const above = from[topLeft + channel] * (1 - fx) + from[topRight + channel] * fx;
    const under = from[belowLeft + channel] * (1 - fx) + from[belowRight + channel] * fx;
    data[to + channel] = Math.round(above * (1 - fy) + under * fy);
  }
}

/**
 * The patch with its colours changed: along three axes around its mean by factors, then saturation and value by a power, a
 * factor and an offset each, and hue by an offset.
 */
function recoloured({ width, height, data }: RgbImage, config: ExemplarConfig, random: Random): RgbImage {
  const { axes, power, factor, offset } = config.recolouring;
  const factors = axes.map((deviation) => 2 ** (deviation * random.normal()));
  const [powerS, powerV] = [0, 0].map(() => 2 ** random.uniform(-power, power));
  const [timesS, timesV] = [0, 0].map(() => 2 ** random.uniform(-factor, factor));
  const [plusS, plusV, plusH] = [0, 0, 0].map(() => random.uniform(-offset, offset));
  const unit = (value: number) => Math.min(1, Math.max(0, value));
  const mean = [0, 1, 2].map((channel) => {
    let sum = 0;
    for (let at = channel; at < data.length; at += 3) sum += data[at];
    return (3 * sum) / data.length;
  });
  // All three axes at once: row by row what each channel takes of how far the channels are from their means.
  const mix = [0, 1, 2].flatMap((to) =>
    [0, 1, 2].map((from) => AXES.reduce((sum, axis, i) => sum + factors[i] * axis[to] * axis[from], 0)),
  );
  const result = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at += 3) {
    const [r, g, b] = [data[at] - mean[0], data[at + 1] - mean[1], data[at + 2] - mean[2]];
    const [hue, saturation, value] = hsvOf(
      unit((mean[0] + mix[0] * r + mix[1] * g + mix[2] * b) / 255),
      unit((mean[1] + mix[3] * r + mix[4] * g + mix[5] * b) / 255),
      unit((mean[2] + mix[6] * r + mix[7] * g + mix[8] * b) / 255),
    );
    const next = rgbOf(
      hue + plusH,
      unit(saturation ** powerS * timesS + plusS),
      unit(value ** powerV * timesV + plusV),
    );
    for (let channel = 0; channel < 3; channel++) result[at + channel] = Math.round(255 * next[channel]);
  }
  return { width, height, data: result };
}

/** Squared changes of brightness from each pixel to the next ones, summed above and left of each place: (height + 1, width + 1). */
function changeSums({ width, height, data }: RgbImage): Float64Array {
  const grey = (x: number, y: number) => {
    const at = 3 * (Math.min(y, height - 1) * width + Math.min(x, width - 1));
    return data[at] + data[at + 1] + data[at + 2];
  };
  const sums = new Float64Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += (grey(x + 1, y) - grey(x, y)) ** 2 + (grey(x, y + 1) - grey(x, y)) ** 2;
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
    }
  }
  return sums;
}

function within(
  sums: Float64Array,
  { width, height }: RgbImage,
  { left, top, size }: { readonly left: number; readonly top: number; readonly size: number },
): number {
  const [right, below] = [Math.min(width, left + size), Math.min(height, top + size)];
  const at = (x: number, y: number) => sums[y * (width + 1) + x];
  return at(right, below) - at(left, below) - at(right, top) + at(left, top);
}

/** A number that stands for a picture: FNV-1a of its size and of some of its bytes. */
function hashOf({ width, height, data }: RgbImage): number {
  const stride = Math.max(1, Math.floor(data.length / 4096));
  let hash = 0x811c9dc5;
  const take = (byte: number) => {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  };
  [width, width >> 8, height, height >> 8].forEach((byte) => {
    take(byte & 255);
  });
  for (let at = 0; at < data.length; at += stride) take(data[at]);
  return hash;
}
