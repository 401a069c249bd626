import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClusterOptions, clusterPoints } from '../../../src/pointcloud/segments/cluster-points.ts';

/** The labels by comparing all pairs of points, again and again until nothing changes. */
function bruteForce(points: Float32Array, options: ClusterOptions): number[] {
  const { radiusM, radiusPerM = 0, heightM = radiusM, heightPerM = 0 } = options;
  const { leastPoints = 1, mostPoints = Infinity, fromM = 0, reachM = 100, among } = options;
  const side = radiusM / Math.SQRT2;
  const rows = Array.from({ length: points.length / 4 }, (_, i) => {
    const [x, y, z] = points.subarray(4 * i, 4 * i + 3);
    const middle = [x, y].map((value) => (Math.floor(value / side) + 0.5) * side);
    const away = Math.sqrt(x * x + y * y);
    const counts = away >= fromM && away <= reachM && among?.[i] !== 0;
    return { x, y, z, counts, range: Math.hypot(...middle) };
  });
  const labels = rows.map((_, i) => i);
  for (let changed = true; changed; ) {
    changed = false;
    rows.forEach((p, i) => {
      rows.forEach((q, j) => {
        if (!p.counts || !q.counts || labels[i] <= labels[j]) return;
        const range = Math.min(p.range, q.range);
        const near = Math.hypot(p.x - q.x, p.y - q.y) < Math.max(radiusM, radiusPerM * range);
        if (!near || Math.abs(p.z - q.z) >= Math.max(heightM, heightPerM * range)) return;
        labels[i] = labels[j];
        changed = true;
      });
    });
  }
  const size = (label: number) => labels.filter((each, i) => each === label && rows[i].counts).length;
  const kept = [...new Set(labels.filter((_, i) => rows[i].counts))]
    .filter((label) => size(label) >= leastPoints && size(label) <= mostPoints)
    .toSorted((a, b) => a - b);
  return labels.map((label, i) => (rows[i].counts ? kept.indexOf(label) : -1));
}

/** Places on a lattice whose steps are no multiples of the radii that are asked for, so that no distance is as long as one. */
const coordinate = (most: number) => fc.integer({ min: -most, max: most }).map((value) => 0.3701 * value);

describe('clusterPoints', () => {
  it('is the connected parts of the neighbours, by brute force', () => {
    const row = fc.tuple(coordinate(12), coordinate(12), coordinate(3));
    const options = fc.record({
      radiusM: fc.constantFrom(0.5, 0.9),
      radiusPerM: fc.constantFrom(0, 0.3),
      heightM: fc.constantFrom(0.6, 1.3),
      heightPerM: fc.constantFrom(0, 0.4),
      leastPoints: fc.integer({ min: 1, max: 3 }),
      mostPoints: fc.constantFrom(5, Infinity),
      fromM: fc.constantFrom(0, 1.7),
      reachM: fc.constantFrom(4.1, 50),
    });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 40 }), options, fc.boolean(), (rows, each, masked) => {
        const points = Float32Array.from(rows.flatMap((place) => [...place, 0.5]));
        const among = masked ? Uint8Array.from(rows, (_, i) => (i % 3 === 0 ? 0 : 1)) : undefined;
        expect([...clusterPoints(points, { ...each, among })]).toEqual(
          bruteForce(points, { ...each, among }),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('holds points together that lie far apart where the range is long', () => {
    const pairAt = (x: number) => Float32Array.of(x, 0, 0, 0, x, 0.9, 0, 0);
    const options = { radiusM: 0.5, radiusPerM: 0.03 };
    expect([...clusterPoints(pairAt(10), options)]).toEqual([0, 1]);
    expect([...clusterPoints(pairAt(40), options)]).toEqual([0, 0]);
  });

  it('numbers the clusters by their first points, and has none of nothing', () => {
    const points = Float32Array.of(9, 0, 0, 0, 3, 0, 0, 0, 9.1, 0, 0, 0);
    expect([...clusterPoints(points, { radiusM: 0.5 })]).toEqual([0, 1, 0]);
    expect([...clusterPoints(points, { radiusM: 0.5, leastPoints: 2 })]).toEqual([0, -1, 0]);
    expect(clusterPoints(new Float32Array(0), { radiusM: 0.5 })).toHaveLength(0);
  });

  it('says what cannot be', () => {
    const points = new Float32Array(8);
    expect(() => clusterPoints(points, { radiusM: 0 })).toThrow(
      'clusterPoints: radiusM: expected a length above 0 m, found 0',
    );
    expect(() => clusterPoints(points, { radiusM: 1, radiusPerM: -1 })).toThrow(
      'clusterPoints: radiusPerM: expected a number from 0 on, found -1',
    );
    expect(() => clusterPoints(points, { radiusM: 1, among: new Uint8Array(3) })).toThrow(
      'clusterPoints: among: expected 2 marks, found 3',
    );
    expect(() => clusterPoints(points, { radiusM: 1, leastPoints: 0 })).toThrow('leastPoints');
    expect(() => clusterPoints(Float32Array.of(0, Number.NaN, 0, 0), { radiusM: 1 })).toThrow('point 0');
  });
});
