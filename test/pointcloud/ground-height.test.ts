import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { groundHeights } from '../../src/pointcloud/ground-height.ts';

describe('groundHeights', () => {
  it('is a low quantile of the heights within the radius as seen from above', () => {
    const random = Random.fromSeed(3);
    const points = Float32Array.from({ length: 4 * 600 }, (_, i) =>
      i % 4 < 2 ? random.uniform(-12, 12) : random.uniform(-2, 2),
    );
    const places = Float32Array.from({ length: 3 * 20 }, (_, i) => (i % 3 < 2 ? random.uniform(-12, 12) : 0));
    const found = groundHeights(points, places, { radiusM: 3, share: 0.25 });
    found.forEach((height, n) => {
      const [x, y] = places.subarray(3 * n);
      const near = Array.from({ length: 600 }, (_, i) => points.subarray(4 * i, 4 * i + 3)).filter(
        (point) => Math.hypot(point[0] - x, point[1] - y) <= 3,
      );
      const sorted = near.map((point) => point[2]).sort((a, b) => a - b);
      expect(sorted.length).toBeGreaterThan(8);
      expect(height).toBe(sorted[Math.floor(0.25 * (sorted.length - 1))]);
    });
  });

  it('is not the lowest point, which may be a reflection, and follows a slope', () => {
    const rows: number[] = [];
    for (let x = -20; x <= 20; x += 0.5)
      for (let y = -20; y <= 20; y += 0.5) rows.push(x, y, -1.7 + 0.05 * x, 0.2);
    rows.push(0, 0, -6, 0.2);
    const [at0, at10] = groundHeights(Float32Array.from(rows), Float32Array.of(0, 0, 1, 10, 0, 1));
    expect(at0).toBeGreaterThan(-1.7 - 4 * 0.05);
    expect(at0).toBeLessThan(-1.7);
    expect(at10 - at0).toBeCloseTo(0.5, 1);
  });

  it("is the place's own height where nothing is near", () => {
    expect([...groundHeights(Float32Array.of(50, 0, -1, 0), Float32Array.of(0, 0, 0.5))]).toEqual([0.5]);
    expect([...groundHeights(new Float32Array(0), Float32Array.of(0, 0, 0.5))]).toEqual([0.5]);
  });
});
