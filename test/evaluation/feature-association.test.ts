import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { featureAssociation, segmentAssociation } from '../../src/evaluation/feature-association.ts';

describe('featureAssociation', () => {
  it('is the most alike within the gate, by brute force', () => {
    const row = fc.tuple(fc.nat(4), fc.nat(4), fc.nat(2));
    const feature = fc.tuple(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -2, max: 2 }));
    const points = fc.array(fc.tuple(row, feature), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(points, points, fc.constantFrom(1.1, 2.5, 9), (asked, offered, gateM) => {
        const places = featureAssociation({
          queries: Float32Array.from(asked.flatMap(([place]) => place)),
          queryFeatures: Float32Array.from(asked.flatMap(([, each]) => each)),
          candidates: Float32Array.from(offered.flatMap(([place]) => place)),
          candidateFeatures: Float32Array.from(offered.flatMap(([, each]) => each)),
          gateM,
        });
        asked.forEach(([place, own], q) => {
          const chosen = [...places.subarray(3 * q, 3 * q + 3)];
          const likeness = (other: readonly number[]) =>
            (own[0] * other[0] + own[1] * other[1]) /
            ((Math.hypot(...own) || 1) * (Math.hypot(...other) || 1));
          const near = offered.filter(([at]) => Math.hypot(...at.map((v, k) => v - place[k])) <= gateM);
          if (near.length === 0) expect(chosen).toEqual(place);
          else {
            const most = Math.max(...near.map(([, other]) => likeness(other)));
            const right = near.filter(([, other]) => likeness(other) > most - 1e-9).map(([at]) => at);
            expect(right).toContainEqual(chosen);
          }
        });
      }),
    );
  });

  it('says which rows do not come out even', () => {
    const points = {
      queries: new Float32Array(6),
      queryFeatures: new Float32Array(4),
      candidates: new Float32Array(3),
      candidateFeatures: new Float32Array(2),
      gateM: 1,
    };
    expect([...featureAssociation(points)]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(() => featureAssociation({ ...points, queries: new Float32Array(4) })).toThrow(
      'association: queries: expected rows of x, y, z, found 4 numbers',
    );
    expect(() => featureAssociation({ ...points, queryFeatures: new Float32Array(5) })).toThrow(
      'association: queryFeatures: expected 2 rows of equal length, found 5 numbers',
    );
    expect(() => featureAssociation({ ...points, candidateFeatures: new Float32Array(3) })).toThrow(
      'association: candidateFeatures: expected 1 rows of 2 numbers, found 3 numbers',
    );
    expect(() => featureAssociation({ ...points, gateM: 0 })).toThrow('association: gateM');
  });
});

describe('segmentAssociation', () => {
  /** A square of four points about x, y. */
  const square = (x: number, y: number) => [-1, 1].flatMap((a) => [-1, 1].flatMap((b) => [x + a, y + b, 0]));
  const repeat = (feature: readonly number[], times: number) =>
    Array.from({ length: times }, () => feature).flat();
  // Two squares change places, a third has gone, and a point is of no segment.
  const crossing = {
    queries: Float32Array.from([...square(0, 0), ...square(6, 0), ...square(40, 0), 9, 9, 9]),
    queryFeatures: Float32Array.from([
      ...repeat([1, 0.1], 4),
      ...repeat([0.1, 1], 4),
      ...repeat([1, 1], 4),
      ...[1, 0],
    ]),
    querySegments: Int32Array.from([...repeat([7], 4), ...repeat([2], 4), ...repeat([5], 4), -1]),
    candidates: Float32Array.from([...square(0.5, 3), ...square(6, 1)]),
    candidateFeatures: Float32Array.from([...repeat([0, 1], 4), ...repeat([1, 0], 4)]),
    candidateSegments: Int32Array.from([...repeat([0], 4), ...repeat([1], 4)]),
    gateM: 8,
  };

  it('moves points as the segment of the most alike mean moves', () => {
    const places = segmentAssociation(crossing);
    expect([...places]).toEqual([...square(6, 1), ...square(0.5, 3), ...square(40, 0), 9, 9, 9]);
  });

  it('keeps to the gate, and gives each segment to one', () => {
    const near = segmentAssociation({ ...crossing, gateM: 4 });
    // Each has only the other kind in reach, and that is still a little alike.
    expect([...near.subarray(0, 24)]).toEqual([...square(0.5, 3), ...square(6, 1)]);
    const one = segmentAssociation({
      ...crossing,
      candidates: crossing.candidates.subarray(12),
      candidateFeatures: crossing.candidateFeatures.subarray(8),
      candidateSegments: crossing.candidateSegments.subarray(4),
    });
    // The first is the most alike; the second keeps its place.
    expect([...one.subarray(0, 24)]).toEqual([...square(6, 1), ...square(6, 0)]);
  });

  it('weighs distance with likeness, and goes by distance alone where that is asked for', () => {
    // By likeness the squares cross, 6 m each; they lie 3 m and 1 m away from where they were.
    const apart = (distanceWeight: number) => [
      ...segmentAssociation({ ...crossing, distanceWeight }).subarray(0, 24),
    ];
    const crossed = [...square(6, 1), ...square(0.5, 3)];
    const straight = [...square(0.5, 3), ...square(6, 1)];
    // Cosines 0.995 against 0.0995: crossing saves 1.79, and costs (6.08 + 6.26 - 3.04 - 1) / 8 = 1.04 for each unit of weight.
    expect(apart(1.7)).toEqual(crossed);
    expect(apart(1.75)).toEqual(straight);
    const opposite = crossing.candidateFeatures.map((value) => -value);
    const byDistance = { ...crossing, candidateFeatures: opposite, distanceWeight: Infinity };
    expect([...segmentAssociation(byDistance).subarray(0, 24)]).toEqual(straight);
    expect(() => segmentAssociation({ ...crossing, distanceWeight: -1 })).toThrow(
      'association: distanceWeight: expected a number from 0 on, found -1',
    );
  });

  it('leaves alone what is not alike at all', () => {
    const opposite = crossing.candidateFeatures.map((value) => -value);
    const places = segmentAssociation({ ...crossing, candidateFeatures: opposite });
    expect([...places]).toEqual([...crossing.queries]);
    expect(() => segmentAssociation({ ...crossing, querySegments: new Int32Array(2) })).toThrow(
      'association: querySegments: expected 13 numbers of segments, found 2',
    );
  });
});
