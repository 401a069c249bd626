import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { Random } from '../../src/engine/random.ts';
import { applyView, type ViewTransform } from '../../src/geometry/view-transform.ts';
import { type RayQueries, rayQueries } from '../../src/pointcloud/ray-queries.ts';

const random = Random.fromSeed('points');
const points = Float32Array.from({ length: 4 * 50 }, (_, i) =>
  i % 4 === 3 ? random.uniform() : random.uniform(-20, 20),
);
const sensor = [1.5, -0.5, 2] as const;
const count = 900;
const marginM = 0.25;

/** For each place how far it lies beyond its point as seen from the sensor, and how far from the line between them, in plain loops. */
function measured({ places, rows }: RayQueries, from: readonly number[], of = points) {
  return Array.from(rows, (row, q) => {
    const ray = [0, 1, 2].map((axis) => of[4 * row + axis] - from[axis]);
    const to = [0, 1, 2].map((axis) => places[3 * q + axis] - from[axis]);
    const length = Math.sqrt(ray[0] ** 2 + ray[1] ** 2 + ray[2] ** 2);
    const along = (to[0] * ray[0] + to[1] * ray[1] + to[2] * ray[2]) / length;
    const off = Math.hypot(...to.map((value, axis) => value - (along * ray[axis]) / length));
    return { beyondM: along - length, along, off, length };
  });
}

describe('places along rays', () => {
  const queries = rayQueries(points, Random.fromSeed(1), { count, sensor, marginM });
  const found = measured(queries, sensor);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

  it('lie a third behind their points, a third before them, and a third anywhere on the ray', () => {
    expect(Math.max(...found.map(({ off }) => off))).toBeLessThan(1e-5);
    const [behind, before, anywhere] = [0, 1, 2].map((third) => found.slice(300 * third, 300 * third + 300));
    for (const { beyondM } of behind) {
      expect(beyondM).toBeGreaterThanOrEqual(-1e-5);
      expect(beyondM).toBeLessThan(marginM + 1e-5);
    }
    for (const { beyondM } of before) {
      expect(beyondM).toBeLessThanOrEqual(1e-5);
      expect(beyondM).toBeGreaterThan(-marginM - 1e-5);
    }
    for (const { along, length } of anywhere) {
      expect(along).toBeGreaterThanOrEqual(-1e-5);
      expect(along).toBeLessThanOrEqual(length + 1e-5);
    }
    // Uniform: the means of 300 have deviations of a sixtieth of the interval.
    expect(mean(behind.map(({ beyondM }) => beyondM)) / marginM).toBeCloseTo(0.5, 1);
    expect(mean(before.map(({ beyondM }) => beyondM)) / marginM).toBeCloseTo(-0.5, 1);
    expect(mean(anywhere.map(({ along, length }) => along / length))).toBeCloseTo(0.5, 1);
    expect([...queries.occupied]).toEqual([...Array(300).fill(1), ...Array(600).fill(0)]);
    // As many points as there are take part.
    expect(new Set(queries.rows).size).toBe(50);
  });

  it('are the same of a seed, and others of another', () => {
    const again = rayQueries(points, Random.fromSeed(1), { count, sensor, marginM });
    expect(Math.max(...again.places.map((value, i) => Math.abs(value - queries.places[i])))).toBe(0);
    expect(rayQueries(points, Random.fromSeed(2), { count, sensor, marginM }).places[0]).not.toBe(
      queries.places[0],
    );
  });

  it('turn and are mirrored with the points, where the sensor moves with them', () => {
    const view: ViewTransform = [{ kind: 'rotateZ', angle: 1.1, pivot: [35, 0, -1] }, { kind: 'flipY' }];
    const moved = applyView(points, 4, view);
    const [x, y, z] = applyView(Float64Array.from(sensor), 3, view);
    const turned = rayQueries(moved, Random.fromSeed(1), { count, sensor: [x, y, z], marginM });
    applyView(queries.places, 3, view).forEach((value, i) => {
      expect(turned.places[i]).toBeCloseTo(value, 3);
    });
    // A sensor that stayed where it was would see other rays.
    const stayed = rayQueries(moved, Random.fromSeed(1), { count, sensor, marginM });
    expect(Math.max(...measured(stayed, [x, y, z], moved).map(({ off }) => off))).toBeGreaterThan(1);
  });

  it('do not lie behind the sensor, however near a point is', () => {
    const near = Float32Array.of(0.05, 0, 0, 1, 0, 0, 0, 1);
    const { places } = rayQueries(near, Random.fromSeed(0), { count: 300, sensor: [0, 0, 0], marginM: 1 });
    for (let q = 0; q < 300; q++) expect(places[3 * q]).toBeGreaterThanOrEqual(0);
  });

  it.each([
    [4, points, /count: expected a multiple of 3, found 4/],
    [0, points, /count: expected a whole number from 3, found 0/],
    [3, new Float32Array(0), /available: expected a whole number from 1, found 0/],
  ])('refuse %i of %#', (wrong, of, message) => {
    const draw = () => rayQueries(of, Random.fromSeed(0), { count: wrong, sensor });
    expect(draw).toThrow(InputError);
    expect(draw).toThrow(message);
  });
});
