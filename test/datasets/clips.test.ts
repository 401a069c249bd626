import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clipsOf } from '../../src/datasets/clips.ts';
import type { FramePlace } from '../../src/datasets/open-frames.ts';
import type { Moment, Sequence } from '../../src/datasets/sequence.ts';
import { Random } from '../../src/engine/random.ts';
import { identity44 } from '../../src/geometry/matrix.ts';

/** Frames of sequences whose moments have these times; undefined is no time. */
function framesOf(...times: ReadonlyArray<ReadonlyArray<number | undefined>>) {
  const sequences = times.map((all) => ({
    moments: all.map(
      (timeS, i): Moment => ({
        id: `${i}`,
        ...(timeS !== undefined && { timeS }),
        ...(i % 5 !== 4 && { worldFromLidar: identity44() }),
        files: {},
        pictures: {},
        notes: [],
      }),
    ),
  })) as unknown as Sequence[];
  const places: FramePlace[] = sequences.flatMap(({ moments }, sequence) =>
    moments.map((_, moment) => ({ sequence, moment })),
  );
  return { length: places.length, sequences, place: (index: number) => places[index] };
}

const random = Random.fromSeed(0);

describe('clips', () => {
  it('go by time, over no gap and from no drive to another', () => {
    // Frames 3 and 4 of the drive are missing; the second drive goes on where the first ends.
    const frames = framesOf([0, 0.1, 0.2, 0.5, 0.6], [0.7, 0.8]);
    const clips = clipsOf(frames, { frames: 2, gapS: 0.1 });
    expect(clips.members).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(clips.draw(0, random)).toEqual([0, 1]);
    expect(clips.draw(2, random)).toEqual([1, 2]);
    expect(clips.draw(3, random)).toEqual([3, 4]);
    expect(clipsOf(frames, { frames: 3, gapS: 0.1 }).members).toEqual([0, 1, 2]);
    // Three tenths apart there are frames, but others are missing between them.
    expect(clipsOf(frames, { frames: 2, gapS: 0.3 }).members).toEqual([]);
  });

  it('leave out frames without a time, and without a pose where one is needed', () => {
    const frames = framesOf([0, undefined, 0.2, 0.3, 0.4]);
    expect(clipsOf(frames, { frames: 2, gapS: 0.1 }).members).toEqual([2, 3, 4]);
    expect(clipsOf(frames, { frames: 2, gapS: 0.1, posed: true }).members).toEqual([2, 3]);
    expect(clipsOf({ ...frames, sequences: [] }, { frames: 2, gapS: 0.1 }).members).toEqual([]);
    expect(() => clipsOf(frames, { frames: 2, gapS: 0.1 }).draw(1, random)).toThrow(
      new RangeError('frame 1 lies in no clip'),
    );
  });

  it('take each place of a frame in its clips', () => {
    const clips = clipsOf(framesOf([0, 1, 2, 3, 4]), { frames: 3, gapS: 1 });
    const drawn = new Set(Array.from({ length: 60 }, (_, i) => clips.draw(2, Random.fromSeed(i)).join()));
    expect([...drawn].sort()).toEqual(['0,1,2', '1,2,3', '2,3,4']);
  });

  it('hold the frame that is asked for, and have steps near the gap', () => {
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(
        times,
        fc.integer({ min: 2, max: 4 }),
        fc.integer({ min: 2, max: 9 }),
        (all, count, gap) => {
          const frames = framesOf(all.map((tenth) => tenth / 10));
          const clips = clipsOf(frames, { frames: count, gapS: gap / 10 });
          const at = (index: number) => all[index];
          for (const index of clips.members) {
            const clip = clips.draw(index, Random.fromSeed(index));
            expect(clip).toContain(index);
            expect(clip).toHaveLength(count);
            for (let i = 1; i < count; i++)
              expect(Math.abs(at(clip[i]) - at(clip[0]) - i * gap)).toBeLessThanOrEqual(0.25 * gap + 1e-9);
          }
        },
      ),
    );
  });
});
