import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gapsOf, periodOf, type WindowOptions, windowsOf } from '../../src/datasets/windows.ts';

const at = (...times: ReadonlyArray<number | undefined>) => times.map((timeS) => ({ timeS }));
const windows = (times: ReadonlyArray<number | undefined>, options: WindowOptions) =>
  windowsOf(at(...times), options).windows;

/** A drive at 10 Hz: which of its frames are there, and how far each is off its time, at most 10 ms. */
const drives = fc
  .array(
    fc.record({ isThere: fc.boolean(), offS: fc.integer({ min: -10, max: 10 }).map((ms) => ms / 1000) }),
    {
      minLength: 4,
      maxLength: 40,
    },
  )
  .map((frames) => frames.flatMap(({ isThere, offS }, k) => (isThere ? [{ k, timeS: k / 10 + offS }] : [])))
  .filter((frames) => frames.length > 0);
const options = { periodS: 0.1 };

describe('windowsOf', () => {
  it('gives moments in a row, and none over a gap', () => {
    expect(windows([0, 0.1, 0.2, 0.5, 0.6], { lengthFrames: 2 })).toEqual([
      [0, 1],
      [1, 2],
      [3, 4],
    ]);
    expect(windows([0, 0.1, 0.2, 0.5, 0.6], { lengthFrames: 3 })).toEqual([[0, 1, 2]]);
    expect(windows([0, 0.1, undefined, 0.3, 0.4], { lengthFrames: 2 })).toEqual([
      [0, 1],
      [3, 4],
    ]);
    expect(windows([0, 0.1, 0.2], { lengthFrames: 1 })).toEqual([[0], [1], [2]]);
  });

  it('gives the moments nearest to offsets', () => {
    expect(windows([0, 0.103, 0.207, 0.31], { offsetsS: [0, 0.2] })).toEqual([
      [0, 2],
      [1, 3],
    ]);
    expect(windows([0, 0.103, 0.207, 0.31], { offsetsS: [0, 0.2], toleranceS: 0.0069 })).toEqual([]);
    expect(windows([0, 0.1, 0.1, 0.2, 0.3], { offsetsS: [0, 0.2], periodS: 0.1 })).toEqual([
      [0, 3],
      [1, 4],
      [2, 4],
    ]);
    // Two offsets are never the same moment.
    expect(windows([0, 0.1, 0.2], { offsetsS: [0, 0.1, 0.12] })).toEqual([]);
    // A frame at 0.3 s is missing between the two.
    expect(windows([0, 0.1, 0.2, 0.4, 0.5, 0.6], { offsetsS: [0, 0.4] })).toEqual([]);
  });

  it('says why there is none', () => {
    expect(windowsOf(at(undefined, undefined), { lengthFrames: 2 })).toEqual({
      windows: [],
      reason: 'no moment has a time',
    });
    expect(windowsOf([], { offsetsS: [0] }).reason).toBe('no moment has a time');
    expect(windowsOf(at(1, 1), { lengthFrames: 2 }).reason).toBe('no two moments have times that differ');
    expect(windowsOf(at(0, 0.1), { lengthFrames: 3 }).reason).toBe('there are no 3 moments in a row');
    expect(windowsOf(at(0, 0.1), { lengthFrames: 2 }).reason).toBeUndefined();
  });

  it.each<WindowOptions>([
    {},
    { lengthFrames: 2, offsetsS: [0] },
    { lengthFrames: 0 },
    { lengthFrames: 1.5 },
    { offsetsS: [] },
    { offsetsS: [0.1, 0.2] },
    { offsetsS: [0, 0.2, 0.1] },
    { offsetsS: [0, Number.NaN] },
  ])('refuses %j', (wrong) => {
    expect(() => windowsOf(at(0, 0.1), wrong)).toThrow(RangeError);
  });

  it('gives exactly the runs of frames that follow each other, whatever is missing', () => {
    fc.assert(
      fc.property(drives, fc.integer({ min: 1, max: 5 }), (frames, lengthFrames) => {
        const numbers = frames.map(({ k }) => k);
        const expected = numbers.flatMap((first, i) => {
          const run = Array.from({ length: lengthFrames }, (_, j) => first + j);
          return run.every((number) => numbers.includes(number)) ? [run.map((_, j) => i + j)] : [];
        });
        expect(windowsOf(frames, { lengthFrames, ...options }).windows).toEqual(expected);
      }),
    );
  });

  it('gives for offsets the frames that lie so far apart, with all frames between them', () => {
    fc.assert(
      fc.property(
        drives,
        fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 3 }),
        (frames, steps) => {
          const ascending = [0, ...steps.sort((a, b) => a - b)];
          const numbers = frames.map(({ k }) => k);
          const expected = numbers.flatMap((first) => {
            const span = Array.from({ length: ascending.at(-1)! + 1 }, (_, j) => first + j);
            const isWhole = span.every((number) => numbers.includes(number));
            return isWhole ? [ascending.map((step) => numbers.indexOf(first + step))] : [];
          });
          expect(
            windowsOf(frames, { offsetsS: ascending.map((step) => step / 10), ...options }).windows,
          ).toEqual(expected);
        },
      ),
    );
  });

  it('does not depend on when the drive began, nor on moments without a time, nor on the order of moments', () => {
    fc.assert(
      fc.property(
        drives,
        fc.integer({ min: -1000, max: 1000 }),
        fc.integer({ min: 2, max: 4 }),
        (frames, shift, lengthFrames) => {
          const how = { lengthFrames, ...options };
          const { windows: own } = windowsOf(frames, how);
          const later = frames.map(({ timeS }) => ({ timeS: timeS + shift }));
          expect(windowsOf(later, how).windows).toEqual(own);
          const between = frames.flatMap((frame) => [{ timeS: undefined }, frame]);
          expect(windowsOf(between, how).windows).toEqual(own.map((window) => window.map((i) => 2 * i + 1)));
          const turned = own.map((window) => window.map((i) => frames.length - 1 - i));
          expect(windowsOf(frames.toReversed(), how).windows).toEqual(turned);
        },
      ),
    );
  });
});

describe('periodOf and gapsOf', () => {
  it('are the middle step, and the steps that are longer than one and a half of it', () => {
    const moments = at(0, 0.1, 0.2, undefined, 0.4, 0.5, 0.5, 2);
    expect(periodOf(moments)).toBeCloseTo(0.1, 9);
    expect(gapsOf(moments)).toEqual([
      { before: 2, after: 4, lengthS: 0.2 },
      { before: 6, after: 7, lengthS: 1.5 },
    ]);
    expect([periodOf(at(1)), periodOf(at(1, 1)), periodOf([])]).toEqual([undefined, undefined, undefined]);
    expect(gapsOf(at(undefined, 1))).toEqual([]);
  });

  it('find a gap where frames are missing and nowhere else', () => {
    fc.assert(
      fc.property(drives, (frames) => {
        // With steps before them that say what is usual.
        const usual = Array.from({ length: frames.length + 1 }, (_, i) => ({
          k: i - frames.length - 1,
          timeS: (i - frames.length - 1) / 10,
        }));
        const all = [...usual, ...frames];
        const missing = all.slice(1).flatMap(({ k }, i) => (k - all[i].k > 1 ? [i] : []));
        expect(gapsOf(all).map(({ before }) => before)).toEqual(missing);
        expect(gapsOf(all).every(({ before, after }) => after === before + 1)).toBe(true);
      }),
    );
  });
});
