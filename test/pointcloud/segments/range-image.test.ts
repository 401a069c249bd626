import { describe, expect, it } from 'vitest';
import { placeState, rangeImageOf } from '../../../src/pointcloud/segments/range-image.ts';

/** A wall across x = 10, from y = -5 to 0, seen every 0.2 degrees. */
const wall = rangeImageOf(
  Float32Array.from(
    Array.from({ length: 140 }, (_, i) => {
      const y = -10 * Math.tan(((0.1 + 0.2 * i) * Math.PI) / 180);
      return [-0.6, -0.5, -0.4, -0.3, -0.2, -0.1, 0].flatMap((z) => [10, y, z, 0.5]);
    }).flat(),
  ),
);

describe('placeState', () => {
  it('tells before, at and behind a wall, and what is beside it', () => {
    expect(placeState(wall, [6, -1.5, -0.2], 0.3)).toBe('free');
    expect(placeState(wall, [10.1, -2.5, -0.3], 0.3)).toBe('occupied');
    expect(placeState(wall, [14, -3, -0.3], 0.3)).toBe('hidden');
    expect(placeState(wall, [6, 3, -0.2], 0.3)).toBe('unknown');
    expect(placeState(wall, [-6, 0, -0.2], 0.3)).toBe('unknown');
    // Straight up is in no pixel.
    expect(placeState(wall, [0, 0, 9], 0.3)).toBe('unknown');
  });

  it('is not sure between what is nearer and what is farther', () => {
    const edge = rangeImageOf(Float32Array.of(5, 0.02, -0.1, 0, 20, -0.08, -0.4, 0));
    expect(placeState(edge, [10, 0, -0.2], 0.3)).toBe('unknown');
    expect(placeState(edge, [4, 0, -0.08], 0.3)).toBe('free');
    expect(placeState(edge, [25, 0, -0.5], 0.3)).toBe('hidden');
  });

  it('closes the circle behind the sensor', () => {
    const behind = rangeImageOf(Float32Array.of(-10, 0.01, 0, 0));
    expect(placeState(behind, [-5, -0.01, 0], 0.3)).toBe('free');
    expect(placeState(behind, [-10, -0.01, 0], 0.3)).toBe('occupied');
  });
});
