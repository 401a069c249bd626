import { describe, expect, it } from 'vitest';
import { translation } from '../../../src/geometry/rigid-transform.ts';
import { pointsAboveGround } from '../../../src/pointcloud/segments/above-ground.ts';
import { boxAt, carAt, type MovingBox, sweepOf } from './box-world.ts';

const pose = { timeS: 0, worldFromLidar: translation(0, 0, 0) };
const boxes: MovingBox[] = [() => carAt(12, 3), () => carAt(25, -6, 0.7), () => boxAt(18, 12, [30, 0.3, 4])];

describe('pointsAboveGround', () => {
  it.each([0, 0.1, -0.1])('takes off a road that rises by %f, and leaves what stands on it', (slope) => {
    const { points, boxOf } = sweepOf(boxes, { ...pose, slope });
    const above = pointsAboveGround(points);
    let road = 0;
    let wrong = 0;
    let ofBoxes = 0;
    let left = 0;
    boxOf.forEach((box, i) => {
      const height = points[4 * i + 2] - slope * points[4 * i] + 1.73;
      if (box < 0) {
        road++;
        wrong += above[i];
      } else if (height > 0.5) {
        ofBoxes++;
        left += above[i];
      }
    });
    expect(road).toBeGreaterThan(10_000);
    expect(wrong / road).toBeLessThan(0.01);
    // Uphill most of the wall is behind the road.
    expect(ofBoxes).toBeGreaterThan(500);
    expect(left / ofBoxes).toBeGreaterThan(0.98);
  });

  it('does not take reflections below the road for it', () => {
    const { points, boxOf } = sweepOf(boxes, pose);
    // Fifteen points 3 m below the road, in three cells beside each other, as mirrors on cars give them.
    const below = Array.from({ length: 15 }, (_, i) => [9 + 0.2 * i, 2, -4.8, 0.1]).flat();
    // And one in each of sixteen cells near by, among many points of the road.
    const strewn = Array.from({ length: 16 }, (_, i) => [
      6 + (i % 4),
      -5 + Math.floor(i / 4),
      -4.8,
      0.1,
    ]).flat();
    const above = pointsAboveGround(Float32Array.from([...points, ...below, ...strewn]));
    const road = [...boxOf.keys()].filter((i) => boxOf[i] < 0);
    expect(road.filter((i) => above[i] === 1).length / road.length).toBeLessThan(0.01);
  });

  it('takes what is out of reach for ground, and says what cannot be', () => {
    const points = Float32Array.of(30, 0, 5, 0, 200, 0, 5, 0);
    expect([...pointsAboveGround(points)]).toEqual([1, 0]);
    expect(pointsAboveGround(new Float32Array(0))).toHaveLength(0);
    expect(() => pointsAboveGround(points, { cellM: 0 })).toThrow(
      'pointsAboveGround: cellM: expected a number above 0, found 0',
    );
    expect(() => pointsAboveGround(new Float32Array(6))).toThrow('expected rows of 4 floats');
  });
});
