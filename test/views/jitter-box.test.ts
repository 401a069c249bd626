import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import type { ImageBox } from '../../src/geometry/box-projection.ts';
import { type BoxJitter, jitterBox } from '../../src/views/jitter-box.ts';

const released: BoxJitter = { shift: 0.5, area: [0.5, 2], aspect: [0.5, 2], overlap: 0.5, tries: 200 };
const size = { width: 64, height: 48 };

/** What two boxes share of their union, by counting pixels. */
function overlapOf(a: ImageBox, b: ImageBox): number {
  let [both, either] = [0, 0];
  for (let y = 0; y < 48; y++) {
    for (let x = 0; x < 64; x++) {
      const [inA, inB] = [a, b].map(([l, t, r, bottom]) => x >= l && x < r && y >= t && y < bottom);
      if (inA && inB) both++;
      if (inA || inB) either++;
    }
  }
  return both / either;
}

describe('a box near another one', () => {
  const box: ImageBox = [20, 14, 44, 34];

  it('lies in the picture, overlaps enough, and has an area, an aspect and a centre within bounds', () => {
    const seen = { area: [Infinity, 0], aspect: [Infinity, 0], shift: [Infinity, -Infinity] };
    const note = (name: keyof typeof seen, value: number) => {
      seen[name] = [Math.min(seen[name][0], value), Math.max(seen[name][1], value)];
    };
    for (let seed = 0; seed < 400; seed++) {
      const drawn = jitterBox(box, size, Random.fromSeed(seed), released);
      const [left, top, right, bottom] = drawn;
      expect(drawn.every(Number.isInteger)).toBe(true);
      expect(left >= 0 && top >= 0 && right <= 64 && bottom <= 48).toBe(true);
      expect(overlapOf(drawn, box), `${drawn}`).toBeGreaterThan(0.5);
      note('area', ((right - left) * (bottom - top)) / 480);
      note('aspect', (right - left) / (bottom - top));
      note('shift', (left + right) / 2 - 32);
    }
    // The bounds of what is drawn, but for rounding to pixels; an overlap above a half allows any area in them.
    expect(seen.area[0]).toBeGreaterThan(0.46);
    expect(seen.area[0]).toBeLessThan(0.62);
    expect(seen.area[1]).toBeLessThan(2.1);
    expect(seen.area[1]).toBeGreaterThan(1.6);
    expect(seen.aspect[0]).toBeGreaterThan(0.45);
    expect(seen.aspect[0]).toBeLessThan(0.8);
    expect(seen.aspect[1]).toBeLessThan(2.2);
    expect(seen.aspect[1]).toBeGreaterThan(1.7);
    expect(seen.shift[0]).toBeGreaterThanOrEqual(-12.5);
    expect(seen.shift[0]).toBeLessThan(-4);
    expect(seen.shift[1]).toBeLessThanOrEqual(12.5);
    expect(seen.shift[1]).toBeGreaterThan(4);
  });

  it("draws the aspect anew, whatever the box's own is", () => {
    // A box of 40 x 10 has an aspect of 4: no aspect of at most 2 and area of at least a half shares more than 0.6 with it.
    const long: ImageBox = [10, 20, 50, 30];
    for (let seed = 0; seed < 20; seed++) {
      const drawn = jitterBox(long, size, Random.fromSeed(seed), { ...released, overlap: 0.3 });
      if (drawn === long) continue;
      expect((drawn[2] - drawn[0]) / (drawn[3] - drawn[1])).toBeLessThan(2.3);
    }
    expect(jitterBox(long, size, Random.fromSeed(1), { ...released, overlap: 0.6 })).toBe(long);
  });

  it('is the box itself where no try fits, and never for want of more tries', () => {
    expect(jitterBox(box, size, Random.fromSeed(2), { ...released, overlap: 1 })).toBe(box);
    expect(jitterBox(box, size, Random.fromSeed(2), { ...released, tries: 0 })).toBe(box);
    // Twice the area does not fit into a picture that the box fills.
    const whole: ImageBox = [0, 0, 64, 48];
    expect(jitterBox(whole, size, Random.fromSeed(2), { ...released, area: [1.5, 2] })).toBe(whole);
  });

  it('is the same for the same random numbers', () => {
    const draw = () => jitterBox(box, size, Random.fromSeed(5), released);
    expect(draw()).toEqual(draw());
  });
});
