import type { Random } from '../engine/random.ts';
import type { Frames } from './open-frames.ts';
import type { Moment } from './sequence.ts';
import { windowsOf } from './windows.ts';

/** Which moments make up a clip. */
export interface ClipOptions {
  /** How many moments, 2 or more. */
  readonly frames: number;
  /** The time from each to the next, seconds; a moment may be off by a quarter of it. */
  readonly gapS: number;
  /** Whether every moment needs a known pose. */
  readonly posed?: boolean;
}

/** The clips of a data set. */
export interface Clips {
  /** The frames that lie in a clip, ascending. */
  readonly members: readonly number[];
  /** The frames of one of the clips that hold a member, in the order of their times; each such clip is as likely as another. Throws RangeError for a frame in none. */
  draw(index: number, random: Random): readonly number[];
}

/** How far a moment may be from where it is looked for, as a share of the gap. */
const TOLERANCE = 0.25;

/**
 * Finds the clips of a data set by time, never by number: none reaches over missing frames, nor from one sequence to another.
 * Frames without a time lie in none.
 *
 * @example
 * const frames = await openFrames({ root: '2011_09_26' }, ['points']);
 * const clips = clipsOf(frames, { frames: 2, gapS: 0.1 });
 * clips.draw(clips.members[0], Random.fromSeed(0)); // [0, 1]
 */
export function clipsOf(
  { length, sequences, place }: Pick<Frames, 'length' | 'sequences' | 'place'>,
  { frames, gapS, posed = false }: ClipOptions,
): Clips {
  const bySequence: Array<Array<{ readonly index: number; readonly moment: Moment }>> = sequences.map(
    () => [],
  );
  for (let index = 0; index < (sequences.length === 0 ? 0 : length); index++) {
    const { sequence, moment: at } = place(index);
    const moment = sequences[sequence].moments[at];
    if (!(posed && moment.worldFromLidar === undefined)) bySequence[sequence].push({ index, moment });
  }
  const holding = new Map<number, number[][]>();
  for (const own of bySequence) {
    const { windows } = windowsOf(
      own.map(({ moment }) => moment),
      { offsetsS: Array.from({ length: frames }, (_, k) => k * gapS), toleranceS: TOLERANCE * gapS },
    );
    for (const window of windows) {
      const clip = window.map((at) => own[at].index);
      for (const index of clip) holding.set(index, [...(holding.get(index) ?? []), clip]);
    }
  }
  return {
    members: [...holding.keys()].sort((a, b) => a - b),
    draw: (index, random) => {
      const clips = holding.get(index);
      if (clips === undefined) throw new RangeError(`frame ${index} lies in no clip`);
      return clips[random.integer(clips.length)];
    },
  };
}
