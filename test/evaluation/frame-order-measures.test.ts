import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  adjacentFrameRetrieval,
  kendallTau,
  orderMeasures,
  sameTrackRetrieval,
} from '../../src/evaluation/frame-order-measures.ts';

/** The number of swaps of neighbours that sort a permutation. */
function swapsOf(permutation: readonly number[]): number {
  const row = [...permutation];
  let swaps = 0;
  for (let sorted = false; !sorted; ) {
    sorted = true;
    for (let i = 0; i + 1 < row.length; i++) {
      if (row[i] <= row[i + 1]) continue;
      [row[i], row[i + 1]] = [row[i + 1], row[i]];
      swaps++;
      sorted = false;
    }
  }
  return swaps;
}

const permutation = fc.integer({ min: 2, max: 8 }).chain((n) =>
  fc.shuffledSubarray(
    Array.from({ length: n }, (_, i) => i),
    { minLength: n },
  ),
);

describe('kendallTau', () => {
  it('is 1 in order, -1 in reverse, and (C - D) / pairs between', () => {
    expect(kendallTau([0, 1, 2, 3])).toBe(1);
    expect(kendallTau([3, 2, 1, 0])).toBe(-1);
    // Of six pairs, (2, 1), (2, 0) and (1, 0) are reversed.
    expect(kendallTau([2, 1, 0, 3])).toBe(0);
    // Of three pairs, one is equal, two ascend.
    expect(kendallTau([0, 0, 1])).toBeCloseTo(2 / 3, 12);
  });

  it('is 1 less what sorting by swaps of neighbours takes', () => {
    fc.assert(
      fc.property(permutation, (places) => {
        const pairs = (places.length * (places.length - 1)) / 2;
        expect(kendallTau(places)).toBeCloseTo(1 - (2 * swapsOf(places)) / pairs, 12);
      }),
    );
  });
});

describe('orderMeasures', () => {
  it('has the share of right orders beside 1/n!', () => {
    expect(
      orderMeasures([
        [0, 1, 2],
        [0, 2, 1],
        [0, 1],
        [1, 0],
      ]),
    ).toEqual({
      clips: 4,
      exact: 0.5,
      chance: (1 / 6 + 1 / 6 + 1 / 2 + 1 / 2) / 4,
      kendallTau: (1 + 1 / 3 + 1 - 1) / 4,
    });
  });

  it('is chance over all orders of a clip', () => {
    const all = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ];
    const { exact, chance, kendallTau: tau } = orderMeasures(all);
    expect(exact).toBeCloseTo(chance, 12);
    expect(tau).toBeCloseTo(0, 12);
  });

  it('says what has no order', () => {
    expect(() => orderMeasures([])).toThrow('frame order: clips: expected at least one, found none');
    expect(() => orderMeasures([[0]])).toThrow('frame order: places: expected at least 2 numbers, found 0');
  });
});

/** Frames whose features turn by an angle a frame: the nearer in time, the more alike. */
const turning = (frames: readonly number[], angle = 0.1) =>
  frames.flatMap((frame) => [Math.cos(angle * frame), Math.sin(angle * frame)]);

describe('adjacentFrameRetrieval', () => {
  it('leaves the frame itself and its neighbours nearer than the gap out', () => {
    const frames = [0, 1, 2, 3, 4, 5];
    const drives = frames.map(() => 'a');
    for (const gap of [1, 2, 3]) {
      const { queries, found } = adjacentFrameRetrieval(
        { features: turning(frames), width: 2, drives, frames },
        { gap },
      );
      expect(found).toBe(1);
      // At a gap of 3 frames 2 and 3 have one candidate, which is right: nothing can be wrong there.
      expect(queries).toBe(gap === 3 ? 4 : 6);
    }
  });

  it('is chance for features that are all the same, and sees the frames of one drive alone', () => {
    const frames = [0, 1, 2, 3, 0, 1, 2, 3];
    const drives = [...'aaaabbbb'];
    const { found, chance } = adjacentFrameRetrieval(
      { features: frames.map(() => 1), width: 1, drives, frames },
      { gap: 1 },
    );
    // At the ends one of three candidates is right, in the middle two.
    expect(chance).toBeCloseTo((1 / 3 + 2 / 3) / 2, 12);
    expect(found).toBeCloseTo(chance!, 12);
    // The same features in both drives: across them each frame has its double, which is no candidate.
    const alike = { features: turning(frames), width: 2, drives, frames };
    expect(adjacentFrameRetrieval(alike, { gap: 1 }).found).toBe(1);
    const mixed = adjacentFrameRetrieval({ ...alike, drives: frames.map(() => 'a') }, { gap: 1 });
    expect(mixed.found).toBe(1);
    expect(mixed.chance).toBeLessThan(chance! + 0.1);
  });

  it('goes by the numbers of frames where some are missing', () => {
    const frames = [0, 1, 5, 6, 20];
    const { queries, found } = adjacentFrameRetrieval(
      { features: turning(frames), width: 2, drives: frames.map(() => 0), frames },
      { gap: 1 },
    );
    // Frame 20 has none beside it.
    expect({ queries, found }).toEqual({ queries: 4, found: 1 });
    expect(
      adjacentFrameRetrieval(
        { features: turning([0, 9]), width: 2, drives: [0, 0], frames: [0, 9] },
        { gap: 1 },
      ),
    ).toEqual({ queries: 0, found: null, chance: null });
  });

  it('is what a plain search over sorted candidates gives', () => {
    const unit = fc.integer({ min: -3, max: 3 });
    const item = fc.record({ drive: fc.nat(1), frame: fc.nat(6), feature: fc.tuple(unit, unit) });
    fc.assert(
      fc.property(fc.array(item, { maxLength: 12 }), fc.integer({ min: 1, max: 3 }), (items, gap) => {
        const cosine = (a: readonly number[], b: readonly number[]) => {
          const [la, lb] = [Math.hypot(...a) || 1, Math.hypot(...b) || 1];
          return (a[0] / la) * (b[0] / lb) + (a[1] / la) * (b[1] / lb);
        };
        const shares = items.flatMap((query, i) => {
          const candidates = items
            .filter((other, j) => j !== i && other.drive === query.drive)
            .filter((other) => Math.abs(other.frame - query.frame) >= gap)
            .map((other) => ({
              likeness: cosine(query.feature, other.feature),
              right: Math.abs(other.frame - query.frame) === gap,
            }))
            .toSorted((a, b) => b.likeness - a.likeness);
          const right = candidates.filter((each) => each.right).length;
          if (right === 0 || right === candidates.length) return [];
          const nearest = candidates.filter((each) => each.likeness === candidates[0].likeness);
          return [nearest.filter((each) => each.right).length / nearest.length];
        });
        const { queries, found } = adjacentFrameRetrieval(
          {
            features: items.flatMap(({ feature }) => feature),
            width: 2,
            drives: items.map(({ drive }) => drive),
            frames: items.map(({ frame }) => frame),
          },
          { gap },
        );
        expect(queries).toBe(shares.length);
        if (shares.length > 0)
          expect(found).toBeCloseTo(shares.reduce((sum, share) => sum + share, 0) / shares.length, 10);
      }),
    );
  });

  it('says what does not fit together', () => {
    const rows = { features: [1, 0], width: 1, drives: [0], frames: [0, 1] };
    expect(() => adjacentFrameRetrieval(rows, { gap: 1 })).toThrow(
      'frame order: drives: expected 2, one for each row, found 1',
    );
    expect(() => adjacentFrameRetrieval({ ...rows, drives: [0, 0] }, { gap: 0 })).toThrow(
      'frame order: gap: expected a whole number from 1 on, found 0',
    );
  });
});

describe('sameTrackRetrieval', () => {
  // Two cars at 10 m, one at 30 m, and a pedestrian at 10 m; each seen twice.
  const rows = {
    features: [1, 0, 0.9, 0.1, 0, 1, 0.1, 0.9, 1, 0.01, 0, 1, 1, 0, 0, 1],
    width: 2,
    tracks: ['a', 'a', 'b', 'b', 'c', 'c', 'p', 'p'],
    classes: ['car', 'car', 'car', 'car', 'car', 'car', 'person', 'person'],
    rangesM: [10, 10, 11, 11, 30, 30, 10, 10],
  };

  it('compares with objects of the same class and range alone', () => {
    // a and b find each other's partner; c and p have no distractors within 5 m of their kind.
    expect(sameTrackRetrieval(rows, { rangeM: 5 })).toEqual({ queries: 4, found: 1, chance: 1 / 3 });
  });

  it('has harder distractors in a wider range', () => {
    const { queries, found, chance } = sameTrackRetrieval(rows, { rangeM: 25 });
    expect(queries).toBe(6);
    expect(chance).toBeCloseTo(1 / 5, 12);
    // By angle, degrees: a 0 and 6.3, b 90 and 83.7, c 0.6 and 90. Nearest to a's are c's first, to b's first c's second,
    // to b's second that and b's first alike, to c's those of a and b.
    expect(found).toBeCloseTo(0.5 / 6, 12);
  });

  it('asks for nothing without another moment', () => {
    expect(
      sameTrackRetrieval(
        { features: [1, 2], width: 1, tracks: [0, 1], classes: [0, 0], rangesM: [5, 5] },
        { rangeM: 5 },
      ),
    ).toEqual({ queries: 0, found: null, chance: null });
  });
});
