import type { Lens } from '../geometry/lens.ts';
import type { Matrix34 } from '../geometry/matrix.ts';
import type { RgbImage } from './rgb-image.ts';

/** Places between pixels are whole numbers of this fraction, so that the inner loop is integer arithmetic. */
const BITS = 11;
const ONE = 1 << BITS;
const WHOLE = 1 << (2 * BITS);
const HALF = WHOLE / 2;

/** The camera of a picture: its pinhole, of which focal lengths and principal point count, and its lens. */
export interface LensCamera {
  readonly pixelFromCamera: Matrix34;
  readonly lens: Lens;
}

/**
 * The picture that a pinhole with the same `pixelFromCamera` would have taken, of the same size: bilinear between the pixels
 * (whose centres have whole numbers) where the lens shows it, and black where the lens shows nothing. Throws RangeError for a
 * picture of more than 2^19 pixels across or down.
 *
 * @example
 * const grey = { width: 3, height: 1, data: new Uint8Array(9).fill(80) };
 * const pixelFromCamera = Float64Array.of(2, 0, 1, 0, 0, 2, 0, 0, 0, 0, 1, 0);
 * const lens = { k1: 4, k2: 0, p1: 0, p2: 0, k3: 0 };
 * undistortImage(grey, { pixelFromCamera, lens }).data; // [0, 0, 0, 80, 80, 80, 0, 0, 0]
 */
export function undistortImage({ width, height, data }: RgbImage, camera: LensCamera): RgbImage {
  if (Math.max(width, height) > 2 ** 19) throw new RangeError(`a picture of ${width} x ${height}`);
  const result = new Uint8Array(width * height * 3);
  const across = new Int32Array(width);
  const down = new Int32Array(width);
  const stride = width * 3;
  const lastU = (width - 1) * ONE;
  const lastV = (height - 1) * ONE;
  for (let row = 0, at = 0; row < height; row++) {
    placesOfRow(row, camera, { across, down });
    for (let column = 0; column < width; column++, at += 3) {
      let u = across[column];
      let v = down[column];
      // The outer half of the outermost pixels has no neighbour.
      if (u < 0 || v < 0 || u > lastU || v > lastV) {
        if (u < -ONE / 2 || v < -ONE / 2 || u > lastU + ONE / 2 || v > lastV + ONE / 2) continue;
        u = Math.min(Math.max(u, 0), lastU);
        v = Math.min(Math.max(v, 0), lastV);
      }
      const a = u & (ONE - 1);
      const b = v & (ONE - 1);
      const p = (v >> BITS) * stride + (u >> BITS) * 3;
      // What has no weight may lie outside of the picture.
      const q = a === 0 ? p : p + 3;
      const below = b === 0 ? 0 : stride;
      const r = p + below;
      const s = q + below;
      const w11 = Math.imul(a, b);
      const w10 = (a << BITS) - w11;
      const w01 = (b << BITS) - w11;
      const w00 = WHOLE - w10 - w01 - w11;
      result[at] =
        (Math.imul(w00, data[p]) +
          Math.imul(w10, data[q]) +
          Math.imul(w01, data[r]) +
          Math.imul(w11, data[s]) +
          HALF) >>
        (2 * BITS);
      result[at + 1] =
        (Math.imul(w00, data[p + 1]) +
          Math.imul(w10, data[q + 1]) +
          Math.imul(w01, data[r + 1]) +
          Math.imul(w11, data[s + 1]) +
          HALF) >>
        (2 * BITS);
      result[at + 2] =
        (Math.imul(w00, data[p + 2]) +
          Math.imul(w10, data[q + 2]) +
          Math.imul(w01, data[r + 2]) +
          Math.imul(w11, data[s + 2]) +
          HALF) >>
        (2 * BITS);
    }
  }
  return { width, height, data: result };
}

/** Where the lens shows the pixels of a row of the pinhole's picture: `distort`, written out, in fractions of a pixel. */
function placesOfRow(
  row: number,
  { pixelFromCamera, lens }: LensCamera,
  { across, down }: { readonly across: Int32Array; readonly down: Int32Array },
): void {
  const [fu, , cu, , , fv, cv] = pixelFromCamera;
  const { k1, k2, p1, p2, k3 } = lens;
  const y = (row - cv) / fv;
  const yy = y * y;
  const far = 2 ** 30;
  for (let column = 0; column < across.length; column++) {
    const x = (column - cu) / fu;
    const xx = x * x;
    const xy = x * y;
    const rr = xx + yy;
    const radial = 1 + rr * (k1 + rr * (k2 + rr * k3));
    const u = (fu * (x * radial + 2 * p1 * xy + p2 * (rr + 2 * xx)) + cu) * ONE;
    const v = (fv * (y * radial + p1 * (rr + 2 * yy) + 2 * p2 * xy) + cv) * ONE;
    across[column] = u > -far && u < far ? Math.floor(u + 0.5) : -far;
    down[column] = v > -far && v < far ? Math.floor(v + 0.5) : -far;
  }
}
