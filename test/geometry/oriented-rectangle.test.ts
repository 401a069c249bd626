import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { intersectionArea, type OrientedRectangle } from '../../src/geometry/oriented-rectangle.ts';

const finite = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const rectangles = fc.record({
  x: finite(-3, 3),
  y: finite(-3, 3),
  length: finite(0.01, 6),
  width: finite(0.01, 6),
  yaw: finite(-7, 7),
});
const square = (x: number, y: number, side: number, yaw = 0): OrientedRectangle => ({
  x,
  y,
  length: side,
  width: side,
  yaw,
});

function contains({ x, y, length, width, yaw }: OrientedRectangle, px: number, py: number): boolean {
  const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
  const along = c * (px - x) + s * (py - y);
  const across = c * (py - y) - s * (px - x);
  return Math.abs(along) <= length / 2 && Math.abs(across) <= width / 2;
}

function moved(r: OrientedRectangle, turn: number, dx: number, dy: number): OrientedRectangle {
  const [c, s] = [Math.cos(turn), Math.sin(turn)];
  return { ...r, x: c * r.x - s * r.y + dx, y: s * r.x + c * r.y + dy, yaw: r.yaw + turn };
}

describe('intersectionArea', () => {
  it('is known where it can be worked out', () => {
    expect(intersectionArea(square(0, 0, 2), square(1, 0, 2))).toBeCloseTo(2, 12);
    expect(intersectionArea(square(0, 0, 2), square(0, 0, 2, Math.PI / 4))).toBeCloseTo(
      8 * (Math.SQRT2 - 1),
      12,
    );
    // A strip through the middle of a square turned by 45 degrees.
    const strip = { x: 0, y: 0, length: 10, width: 0.2, yaw: 0 };
    expect(intersectionArea(square(0, 0, 2, Math.PI / 4), strip)).toBeCloseTo(
      0.2 * 2 * Math.SQRT2 - 0.02,
      12,
    );
  });

  it('is the smaller area where one lies inside of the other, and all of it with itself', () => {
    fc.assert(
      fc.property(rectangles, finite(0, 0.5), finite(-7, 7), (outer, share, turn) => {
        const side = (Math.min(outer.length, outer.width) * share) / Math.SQRT2;
        const inner = square(outer.x, outer.y, side, turn);
        expect(intersectionArea(outer, inner)).toBeCloseTo(side * side, 10);
        expect(intersectionArea(outer, outer)).toBeCloseTo(outer.length * outer.width, 9);
      }),
    );
  });

  it('is nothing where they only touch, and where one has no area', () => {
    expect(intersectionArea(square(0, 0, 2), square(2, 0, 2))).toBeCloseTo(0, 12);
    expect(intersectionArea(square(0, 0, 2), square(2, 2, 2))).toBeCloseTo(0, 12);
    for (const sides of [{ length: 0 }, { width: 0 }, { length: 0, width: 0 }]) {
      expect(intersectionArea(square(0, 0, 2), { ...square(0, 0, 1), ...sides })).toBe(0);
    }
    expect(intersectionArea(square(0, 0, 2), { ...square(0, 0, 1), x: Number.NaN })).toBe(0);
  });

  it('is the same in either order to the last bit, and never more than either area', () => {
    fc.assert(
      fc.property(rectangles, rectangles, (a, b) => {
        const area = intersectionArea(a, b);
        expect(intersectionArea(b, a)).toBe(area);
        expect(area).toBeGreaterThanOrEqual(0);
        expect(area).toBeLessThanOrEqual(Math.min(a.length * a.width, b.length * b.width));
      }),
    );
  });

  it('does not change when both are turned and moved, as far as 100 km away', () => {
    fc.assert(
      fc.property(rectangles, rectangles, finite(-7, 7), finite(-1e5, 1e5), (a, b, turn, away) => {
        const area = intersectionArea(moved(a, turn, away, -away), moved(b, turn, away, -away));
        expect(area).toBeCloseTo(intersectionArea(a, b), 6);
      }),
    );
  });

  it('stays within its bounds where sides all but coincide, and for slivers', () => {
    const random = Random.fromSeed(7);
    const hair = () => random.pick([0, 1e-16, 1e-12, 1e-8]) * random.uniform(-1, 1);
    for (let trial = 0; trial < 20_000; trial++) {
      const [length, width] = [Math.exp(random.uniform(-3, 3)), Math.exp(random.uniform(-12, 3))];
      const a = {
        x: random.uniform(-1, 1),
        y: random.uniform(-1, 1),
        length,
        width,
        yaw: random.uniform(-4, 4),
      };
      const b = {
        x: a.x + hair() + random.pick([0, length / 2]) * Math.cos(a.yaw),
        y: a.y + hair(),
        length: length * random.pick([0.5, 1, 2]) * (1 + hair()),
        width: width * random.pick([0.5, 1, 2]) * (1 + hair()),
        yaw: a.yaw + random.pick([0, Math.PI / 2, Math.PI]) + hair(),
      };
      const area = intersectionArea(a, b);
      expect(area >= 0 && area <= Math.min(a.length * a.width, b.length * b.width)).toBe(true);
      expect(intersectionArea(b, a)).toBe(area);
    }
  });

  it('is what counting the cells of a fine grid gives', () => {
    const random = Random.fromSeed(3);
    const draw = () => ({
      x: random.uniform(-1, 1),
      y: random.uniform(-1, 1),
      length: random.uniform(0.5, 4),
      width: random.uniform(0.5, 2),
      yaw: random.uniform(-4, 4),
    });
    for (let trial = 0; trial < 12; trial++) {
      const [a, b] = [draw(), draw()];
      const step = 0.01;
      let cells = 0;
      for (let x = -4; x < 4; x += step)
        for (let y = -4; y < 4; y += step) if (contains(a, x, y) && contains(b, x, y)) cells++;
      expect(Math.abs(intersectionArea(a, b) - cells * step * step)).toBeLessThan(0.05);
    }
  });
});
