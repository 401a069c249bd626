import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { groundPoints, sampleMostlyAboveGround } from '../../src/pointcloud/ground.ts';

/** A road of 300 points at z = -1.7, and `above` points of a wall that stands on it. */
function roadAndWall(above: number): Float32Array {
  const random = Random.fromSeed('road');
  const road = Array.from({ length: 300 }, () => [random.uniform(0, 4), random.uniform(0, 4), -1.7, 0.1]);
  const wall = Array.from({ length: above }, () => [2, random.uniform(0, 4), random.uniform(-1.4, 0), 0.9]);
  return Float32Array.from([...road, ...wall].flat());
}

const shareOfGround = (points: Float32Array, rows: Int32Array) => {
  const isGround = groundPoints(points);
  return rows.reduce((sum, row) => sum + isGround[row], 0) / rows.length;
};

describe('groundPoints', () => {
  it('are the lowest of their cell, and what lies a little above', () => {
    const isGround = groundPoints(roadAndWall(50));
    expect([...isGround.subarray(0, 300)].every((each) => each === 1)).toBe(true);
    expect([...isGround.subarray(300)].every((each) => each === 0)).toBe(true);
  });
});

describe('sampleMostlyAboveGround', () => {
  const sample = (points: Float32Array, count: number, groundShare: number) =>
    sampleMostlyAboveGround(points, Random.fromSeed(1), { count, groundShare });

  it('holds ground to its share, and draws each point once, in an order that tells nothing', () => {
    const points = roadAndWall(200);
    const rows = sample(points, 100, 0.1);
    expect(shareOfGround(points, rows)).toBeCloseTo(0.1, 6);
    expect(new Set(rows).size).toBe(100);
    const early = shareOfGround(points, rows.subarray(0, 50));
    expect(early).toBeGreaterThan(0);
    expect(early).toBeLessThan(0.2);
  });

  it('makes up for what is missing above with ground', () => {
    const points = roadAndWall(20);
    const rows = sample(points, 100, 0.1);
    expect(shareOfGround(points, rows)).toBeCloseTo(0.8, 6);
    expect(new Set(rows).size).toBe(100);
  });

  it('draws all alike with a share of 1, and ground where there is nothing else', () => {
    const points = roadAndWall(100);
    expect(shareOfGround(points, sample(points, 200, 1))).toBeCloseTo(0.75, 1);
    expect(shareOfGround(roadAndWall(0), sample(roadAndWall(0), 40, 0.1))).toBe(1);
  });

  it('repeats points where there are too few', () => {
    expect(sample(roadAndWall(5), 400, 0.5)).toHaveLength(400);
  });
});
