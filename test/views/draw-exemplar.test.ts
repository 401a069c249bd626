import { describe, expect, test } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import type { RgbImage } from '../../src/image/rgb-image.ts';
import { drawExemplar, seedPatchOf } from '../../src/views/draw-exemplar.ts';
import type { ExemplarConfig } from '../../src/views/image-view-config.ts';

const still: ExemplarConfig = {
  size: 8,
  levels: 1,
  shift: 0,
  scale: [1, 1],
  rotation: 0,
  recolouring: { axes: [0, 0, 0], power: 0, factor: 0, offset: 0 },
};

function imageOf(
  width: number,
  height: number,
  value: (x: number, y: number, channel: number) => number,
): RgbImage {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return value(pixel % width, Math.floor(pixel / width), i % 3);
  });
  return { width, height, data };
}

const ramp = imageOf(40, 40, (x, y, channel) => [4 * x, 4 * y, 100][channel]);
const draw = (image: RgbImage, changes: Partial<ExemplarConfig>, seed = 1) =>
  drawExemplar(image, { ...still, ...changes }, Random.fromSeed(seed));
const pixel = ({ width, data }: RgbImage, x: number, y: number) => [
  ...data.slice(3 * (y * width + x), 3 * (y * width + x) + 3),
];

describe('the patch of a picture', () => {
  test('is the same whenever it is drawn, and the picture itself where nothing is changed', () => {
    const { x, y, picture } = seedPatchOf(ramp, still);
    expect(picture).toBe(ramp);
    expect(seedPatchOf(ramp, still)).toEqual({ picture, x, y });
    const [left, top] = [x - 3.5, y - 3.5];
    expect([left % 4, top % 4]).toEqual([0, 0]);
    for (const seed of [1, 2]) {
      const [patch] = draw(ramp, {}, seed);
      expect(pixel(patch, 0, 0)).toEqual(pixel(ramp, left, top));
      expect(pixel(patch, 7, 3)).toEqual(pixel(ramp, left + 7, top + 3));
    }
  });

  test('lies where brightness changes', () => {
    for (const [cornerX, cornerY] of [
      [4, 20],
      [28, 8],
    ]) {
      const spot = imageOf(40, 40, (x, y) =>
        x >= cornerX && x < cornerX + 4 && y >= cornerY && y < cornerY + 4 ? 200 : 50,
      );
      const { x, y } = seedPatchOf(spot, still);
      expect(Math.abs(x - (cornerX + 1.5))).toBeLessThanOrEqual(6);
      expect(Math.abs(y - (cornerY + 1.5))).toBeLessThanOrEqual(6);
    }
  });

  test('is cut at several scales, as far as it fits', () => {
    const widths = Array.from({ length: 40 }, (_, i) => {
      const image = imageOf(40, 40, (x, y) => (7 * x + 13 * y + 31 * i) % 256);
      return seedPatchOf(image, { ...still, size: 24, levels: 4 }).picture.width;
    });
    expect(new Set(widths)).toEqual(new Set([40, 32, 26])); // 0.8 ** 3 would leave 20
  });

  test('is the middle of a picture that is smaller', () => {
    expect(
      seedPatchOf(
        imageOf(6, 20, () => 9),
        still,
      ),
    ).toMatchObject({ x: 2.5 });
  });
});

describe('copies of a patch', () => {
  test('are moved, turned and scaled around its middle', () => {
    // Of a ramp, brightness tells where a pixel came from: red is 4·x, green 4·y.
    const image = imageOf(64, 64, (x, y, channel) => [4 * x, 4 * y, 0][channel] % 256);
    const { x } = seedPatchOf(image, still);
    const placeOf = (patch: RgbImage, u: number, v: number) => pixel(patch, u, v).map((value) => value / 4);
    const changes = { scale: [1.2, 1.2], rotation: 20, shift: 0.25 } as const;
    const shifts: number[] = [];
    const angles: number[] = [];
    for (let seed = 0; seed < 60; seed++) {
      const [patch] = draw(image, changes, seed);
      const [first, across] = [placeOf(patch, 2, 3), placeOf(patch, 5, 3)];
      const [dx, dy] = [across[0] - first[0], across[1] - first[1]];
      expect(Math.hypot(dx, dy)).toBeGreaterThan(3 * 1.2 - 0.6);
      expect(Math.hypot(dx, dy)).toBeLessThan(3 * 1.2 + 0.6);
      angles.push((Math.atan2(dy, dx) * 180) / Math.PI);
      const corners = [
        [0, 0],
        [7, 0],
        [0, 7],
        [7, 7],
      ].map(([u, v]) => placeOf(patch, u, v)[0]);
      shifts.push(corners.reduce((sum, value) => sum + value / 4, 0) - x);
    }
    expect(Math.max(...angles.map(Math.abs))).toBeLessThan(27);
    expect(Math.max(...angles)).toBeGreaterThan(8);
    expect(Math.min(...angles)).toBeLessThan(-8);
    expect(Math.max(...shifts.map(Math.abs))).toBeLessThanOrEqual(2.3);
    expect(Math.max(...shifts) - Math.min(...shifts)).toBeGreaterThan(2);
  });

  test('take the nearest pixel beyond the picture', () => {
    const [patch] = draw(
      imageOf(8, 8, (x) => (x < 4 ? 10 : 200)),
      { scale: [4, 4] },
    );
    expect(pixel(patch, 0, 0)).toEqual([10, 10, 10]);
    expect(pixel(patch, 7, 7)).toEqual([200, 200, 200]);
  });

  test('are recoloured along axes around their mean, and in hue, saturation and value', () => {
    const grey = imageOf(8, 8, (x) => (x < 4 ? 90 : 110));
    const [brighter] = draw(grey, { recolouring: { ...still.recolouring, axes: [2, 0, 0] } }, 4);
    // Greys stay greys, the mean stays, and contrast changes by one factor.
    const [low, high] = [pixel(brighter, 0, 0), pixel(brighter, 7, 0)];
    expect(new Set(low).size).toBe(1);
    expect(Math.abs(low[0] + high[0] - 200)).toBeLessThanOrEqual(1);
    expect(Math.abs(high[0] - low[0] - 20)).toBeGreaterThan(2);
    const colour = imageOf(8, 8, (_x, _y, channel) => [51, 102, 153][channel]);
    expect(pixel(draw(colour, {})[0], 0, 0)).toEqual([51, 102, 153]);
    const [other] = draw(colour, {
      recolouring: { axes: [0, 0, 0], power: 2, factor: 0.5, offset: 0.1 },
    });
    expect(pixel(other, 0, 0)).not.toEqual([51, 102, 153]);
    expect(
      new Set(Array.from({ length: 64 }, (_, i) => pixel(other, i % 8, Math.floor(i / 8)).join())).size,
    ).toBe(1);
  });

  test('have random numbers of their own', () => {
    const changes = { shift: 0.25, copies: 3 };
    const three = draw(ramp, changes);
    expect(three).toHaveLength(3);
    expect(three[0]).not.toEqual(three[1]);
    expect(draw(ramp, { ...changes, copies: 2 })).toEqual(three.slice(0, 2));
  });
});
