import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { linearSumAssignment } from '../../src/matching/linear-sum-assignment.ts';
import { matchPoints, PointMatcher } from '../../src/matching/point-matching.ts';

/** A scene, and the same points moved by up to `shiftM` and shuffled; `order[i]` is where point i went. */
function shuffledScene(count: number, shiftM: number, seed: string) {
  const random = Random.fromSeed(seed);
  const order = random.permutation(count);
  const a = new Float32Array(count * 3);
  const b = new Float32Array(count * 3);
  for (let i = 0; i < count; i++) {
    // A grid of 4 m, so that a shift of less than 1 m leaves no doubt who is who.
    const point = [(i % 16) * 4, Math.floor(i / 16) * 4 - 30, random.uniform(-3, 1)];
    a.set(point, i * 3);
    b.set(
      point.map((value) => value + random.uniform(-shiftM, shiftM)),
      order[i] * 3,
    );
  }
  return { a, b, order };
}

describe('matchPoints', () => {
  it('finds every point of a shuffled, noisy copy', () => {
    const { a, b, order } = shuffledScene(200, 0.5, 'copy');
    const { partner, kept } = matchPoints(a, b);
    expect(partner).toEqual(order);
    expect([...kept]).toEqual(new Array(200).fill(1));
  });

  it('gives distances in metres, and keeps what the gate lets through', () => {
    const a = Float32Array.of(0, 0, 0, 10, 0, 0, 20, 0, 0);
    const b = Float32Array.of(10, 3, 4, 20, 0, 0.5, 1, 0, 0);
    const { partner, distanceM, kept } = matchPoints(a, b, { maxDistanceM: 1 });
    expect([...partner]).toEqual([2, 0, 1]);
    expect([...distanceM]).toEqual([1, 5, 0.5]);
    expect([...kept]).toEqual([1, 0, 1]);
    expect([...matchPoints(a, b).kept]).toEqual([1, 1, 1]);
  });

  it('solves the assignment of the Euclidean distances, for sets of unlike size too', () => {
    const matcher = new PointMatcher();
    const coordinate = fc.float({ min: -40, max: 40, noNaN: true });
    const points = fc.array(fc.tuple(coordinate, coordinate, coordinate), { maxLength: 9 });
    fc.assert(
      fc.property(points, points, (first, second) => {
        const cost = Float64Array.from(
          first.flatMap((p) => second.map((q) => Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]))),
        );
        const found = matcher.match(Float32Array.from(first.flat()), Float32Array.from(second.flat()));
        let total = 0;
        found.partner.forEach((j, i) => {
          expect(found.kept[i]).toBe(j >= 0 ? 1 : 0);
          if (j < 0) expect(found.distanceM[i]).toBe(Infinity);
          else total += cost[i * second.length + j];
        });
        expect(total).toBeCloseTo(linearSumAssignment(cost, first.length, second.length).cost, 6);
        expect([...found.partner].filter((j) => j >= 0)).toHaveLength(Math.min(first.length, second.length));
      }),
    );
  });

  it('looks at the counted points alone', () => {
    const a = Float32Array.of(0, 0, 0, Number.NaN, 0, 0);
    const b = Float32Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0);
    const { partner, distanceM } = matchPoints(a, b, { countA: 1, countB: 2 });
    expect([...partner]).toEqual([1]);
    expect([...distanceM]).toEqual([1]);
  });

  it('refuses what cannot be matched, and says where', () => {
    const ok = new Float32Array(6);
    expect(() => matchPoints(Float32Array.of(0, 0, 0, 0, Infinity, 0), ok)).toThrow(
      /points a: row 1, column 1: .*Infinity/,
    );
    expect(() => matchPoints(ok, new Float32Array(7))).toThrow(/points b: .*rows of 3/);
    expect(() => matchPoints(ok, ok, { countB: 3 })).toThrow(/points b: expected 3 rows/);
    expect(() => matchPoints(ok, ok, { maxDistanceM: -1 })).toThrow(/maxDistanceM/);
    const many = new Float32Array(3 * 20_000);
    expect(() => matchPoints(many, many)).toThrow(/20000 x 20000/);
  });
});
