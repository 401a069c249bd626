import type { Random } from '../engine/random.ts';
import type { ImageSize } from '../image/image-view.ts';
import type { HiddenConfig } from './image-view-config.ts';

/** Draws what is hidden of a picture: uint8 (height, width), 1 where it is hidden, else 0. */
export function drawMask({ width, height }: ImageSize, hidden: HiddenConfig, random: Random): Uint8Array {
  const mask = new Uint8Array(width * height);
  if (hidden.shape === 'centre') {
    const left = Math.floor((width - hidden.width) / 2);
    const top = Math.floor((height - hidden.height) / 2);
    hide(mask, width, { left, top, width: hidden.width, height: hidden.height });
    return mask;
  }
  const wanted = Math.round(random.uniform(...hidden.coverage) * mask.length);
  if (hidden.shape === 'blocks') hideBlocks(mask, { width, height, wanted, side: hidden.side, random });
  else hideRegions(mask, { width, height, wanted, grain: hidden.grain, random });
  return mask;
}

/** Hides a rectangle, row by row, until `most` more pixels are hidden; how many became hidden. */
function hide(
  mask: Uint8Array,
  stride: number,
  rectangle: ImageSize & { readonly left: number; readonly top: number },
  most = mask.length,
): number {
  const { left, top, width, height } = rectangle;
  let hidden = 0;
  for (let y = top; y < top + height; y++) {
    for (let at = y * stride + left; at < y * stride + left + width && hidden < most; at++) {
      hidden += 1 - mask[at];
      mask[at] = 1;
    }
  }
  return hidden;
}

/** Rectangles that may overlap, until exactly as many pixels as wanted are hidden: the last one ends where that is reached. */
function hideBlocks(
  mask: Uint8Array,
  options: ImageSize & {
    readonly wanted: number;
    readonly side: readonly [number, number];
    readonly random: Random;
  },
): void {
  const { width, height, wanted, side, random } = options;
  const drawSide = (length: number) => Math.min(length, side[0] + random.integer(side[1] - side[0] + 1));
  for (let hidden = 0; hidden < wanted; ) {
    const block = { width: drawSide(width), height: drawSide(height) };
    const left = random.integer(width - block.width + 1);
    const top = random.integer(height - block.height + 1);
    hidden += hide(mask, width, { left, top, ...block }, wanted - hidden);
  }
}

/** The places where smooth noise is lowest, as many as wanted. */
function hideRegions(
  mask: Uint8Array,
  options: ImageSize & { readonly wanted: number; readonly grain: number; readonly random: Random },
): void {
  const noise = smoothNoise(options, options.grain, options.random);
  const limit = noise.toSorted()[options.wanted] ?? Number.POSITIVE_INFINITY;
  for (let i = 0; i < mask.length; i++) mask[i] = noise[i] < limit ? 1 : 0;
}

/** Uniform noise, one number every `grain` pixels, interpolated by cubic B-splines: float64 (height, width). */
function smoothNoise({ width, height }: ImageSize, grain: number, random: Random): Float64Array {
  const columns = Math.ceil(width / grain) + 4;
  const rows = Math.ceil(height / grain) + 4;
  const coarse = Float64Array.from({ length: rows * columns }, () => random.uniform());
  const shift = [random.uniform(), random.uniform()];
  const across = Array.from({ length: width }, (_, x) => knots(x / grain + shift[0]));
  const result = new Float64Array(width * height);
  for (let y = 0; y < height; y++) {
    const down = knots(y / grain + shift[1]);
    const line = new Float64Array(columns);
    for (let c = 0; c < columns; c++) {
      for (let k = 0; k < 4; k++) line[c] += down.weights[k] * coarse[(down.first + k) * columns + c];
    }
    for (let x = 0; x < width; x++) {
      const { first, weights } = across[x];
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += weights[k] * line[first + k];
      result[y * width + x] = sum;
    }
  }
  return result;
}

/** The four knots around a place and the uniform cubic B-spline's weights of them. */
function knots(place: number): { readonly first: number; readonly weights: readonly number[] } {
  const first = Math.floor(place);
  const t = place - first;
  const weights = [
    (1 - t) ** 3 / 6,
    (3 * t ** 3 - 6 * t ** 2 + 4) / 6,
    (-3 * t ** 3 + 3 * t ** 2 + 3 * t + 1) / 6,
    t ** 3 / 6,
  ];
  return { first, weights };
}
