import type { RgbImage } from './rgb-image.ts';

/** An image in CIE L*a*b*: lightness apart from colour. */
export interface LabImage {
  readonly width: number;
  readonly height: number;
  /** L*, 0 (black) to 100 (white), float32 (height, width). */
  readonly lightness: Float32Array;
  /** a* (green to red) and b* (blue to yellow), about -110 to 110, float32 (height, width, 2). */
  readonly ab: Float32Array;
}

/** Light of an sRGB value, 0 to 1. */
const linear = Float64Array.from({ length: 256 }, (_, value) => {
  const v = value / 255;
  return v > 0.04045 ? ((v + 0.055) / 1.055) ** 2.4 : v / 12.92;
});

/** sRGB's primaries in XYZ, a row for each of X, Y and Z, divided by the white of D65 seen by the 2-degree observer. */
export const xyzFromRgb = [
  [0.412453, 0.35758, 0.180423].map((part) => part / 0.95047),
  [0.212671, 0.71516, 0.072169],
  [0.019334, 0.119193, 0.950227].map((part) => part / 1.08883),
];

/** 8-bit sRGB to L*a*b* with the white of D65; the definition and the constants of scikit-image's `rgb2lab`. */
export function labOf({ width, height, data }: RgbImage): LabImage {
  const lightness = new Float32Array(width * height);
  const ab = new Float32Array(width * height * 2);
  const [[xr, xg, xb], [yr, yg, yb], [zr, zg, zb]] = xyzFromRgb;
  for (let i = 0, at = 0; i < lightness.length; i++, at += 3) {
    const red = linear[data[at]];
    const green = linear[data[at + 1]];
    const blue = linear[data[at + 2]];
    const x = compressed(xr * red + xg * green + xb * blue);
    const y = compressed(yr * red + yg * green + yb * blue);
    const z = compressed(zr * red + zg * green + zb * blue);
    lightness[i] = 116 * y - 16;
    ab[2 * i] = 500 * (x - y);
    ab[2 * i + 1] = 200 * (y - z);
  }
  return { width, height, lightness, ab };
}

/** CIE's cube root with a straight piece near black. */
function compressed(t: number): number {
  return t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116;
}
