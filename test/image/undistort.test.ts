import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { distort, type Lens } from '../../src/geometry/lens.ts';
import type { RgbImage } from '../../src/image/rgb-image.ts';
import { undistortImage } from '../../src/image/undistort.ts';

const [width, height] = [96, 64];
const [fu, fv, cu, cv] = [103, 105, 47.9, 32.2];
const pixelFromCamera = Float64Array.of(fu, 0, cu, 0, 0, fv, cv, 0, 0, 0, 1, 0);
const bent: Lens = { k1: 0.0454, k2: -0.3357, p1: 0.00136, p2: -0.00068, k3: 0.01 };
const none: Lens = { k1: 0, k2: 0, p1: 0, p2: 0, k3: 0 };

function noise(): RgbImage {
  const random = Random.fromSeed(3);
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, () => random.integer(256)) };
}

describe('a picture without its lens', () => {
  it('is the same where the lens does nothing', () => {
    const image = noise();
    const result = undistortImage(image, { pixelFromCamera, lens: none });
    expect(result).toEqual(image);
    expect(result.data).not.toBe(image.data);
  });

  it('has in every pixel what the lens shows there, between four pixels', () => {
    const image = noise();
    const { data } = undistortImage(image, { pixelFromCamera, lens: bent });
    let worst = 0;
    let seen = 0;
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const [x, y] = distort(bent, (column - cu) / fu, (row - cv) / fv);
        const [u, v] = [fu * x + cu, fv * y + cv];
        const isSeen = u >= -0.5 && v >= -0.5 && u <= width - 0.5 && v <= height - 0.5;
        // A place on the very edge may fall to either side when it is rounded.
        const isEdge = Math.min(Math.abs(u + 0.5), Math.abs(v + 0.5), Math.abs(u - width + 0.5)) < 1e-3;
        if (isEdge) continue;
        if (isSeen) seen++;
        for (let c = 0; c < 3; c++) {
          const found = data[(row * width + column) * 3 + c];
          const at = (r: number, k: number) =>
            image.data[
              (Math.min(Math.max(r, 0), height - 1) * width + Math.min(Math.max(k, 0), width - 1)) * 3 + c
            ];
          const [left, top] = [Math.floor(u), Math.floor(v)];
          const [a, b] = [u - left, v - top];
          const upper = (1 - a) * at(top, left) + a * at(top, left + 1);
          const lower = (1 - a) * at(top + 1, left) + a * at(top + 1, left + 1);
          const expected = isSeen ? (1 - b) * upper + b * lower : 0;
          worst = Math.max(worst, Math.abs(found - expected));
        }
      }
    }
    expect(seen).toBeGreaterThan(width * height * 0.9);
    // Rounding to a level is half a one, and to fractions of a pixel a quarter of one between black and white.
    expect(worst).toBeLessThan(0.8);
  });

  it('is black where the lens shows nothing', () => {
    const grey = { width, height, data: new Uint8Array(width * height * 3).fill(200) };
    const { data } = undistortImage(grey, { pixelFromCamera, lens: { ...none, k1: 1.5 } });
    expect([...data.subarray(0, 3)]).toEqual([0, 0, 0]);
    expect([...data.subarray(-3)]).toEqual([0, 0, 0]);
    const middle = (32 * width + 48) * 3;
    expect([...data.subarray(middle, middle + 3)]).toEqual([200, 200, 200]);
    expect(new Set(data)).toEqual(new Set([0, 200]));
  });

  it('can be of one pixel, and bend it out of sight', () => {
    const dot = { width: 1, height: 1, data: Uint8Array.of(1, 2, 3) };
    const at = (c: number) => Float64Array.of(1, 0, c, 0, 0, 1, 0, 0, 0, 0, 1, 0);
    expect(undistortImage(dot, { pixelFromCamera: at(0), lens: bent }).data).toEqual(dot.data);
    const far = undistortImage(dot, { pixelFromCamera: at(-1e6), lens: { ...none, k3: 1e9 } });
    expect(far.data).toEqual(new Uint8Array(3));
  });
});
