import type { Random } from '../engine/random.ts';
import type { Frames } from './open-frames.ts';
import type { Moment } from './sequence.ts';

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
  const next = new Int32Array(length).fill(-1);
  const before = new Int32Array(length).fill(-1);
  for (const timed of timesOf({ length, sequences, place }, posed)) {
    for (const { index, timeS } of timed) {
      const other = nearestIn(timed, timeS + gapS);
      if (other === undefined || Math.abs(other.timeS - timeS - gapS) > TOLERANCE * gapS) continue;
      next[index] = other.index;
      // Where two look for the same one, the first has it: a clip is the same from whichever of its frames it is found.
      if (before[other.index] < 0) before[other.index] = index;
    }
  }
  const starts = (index: number): number[] => {
    const found: number[] = [];
    for (let start = index, back = 0; start >= 0 && back < frames; start = before[start], back++) {
      const clip = clipFrom(start, next, frames);
      if (clip?.[back] === index) found.push(start);
    }
    return found;
  };
  const members: number[] = [];
  for (let index = 0; index < length; index++) if (starts(index).length > 0) members.push(index);
  return {
    members,
    draw: (index, random) => {
      const from = starts(index);
      if (from.length === 0) throw new RangeError(`frame ${index} lies in no clip`);
      return clipFrom(from[random.integer(from.length)], next, frames)!;
    },
  };
}

interface Timed {
  readonly index: number;
  readonly timeS: number;
}

/** The frames of each sequence that have a time (and a pose, where one is needed), in the order of their times. */
function timesOf(
  { length, sequences, place }: Pick<Frames, 'length' | 'sequences' | 'place'>,
  posed: boolean,
): Timed[][] {
  const bySequence: Timed[][] = sequences.map(() => []);
  for (let index = 0; index < length; index++) {
    const { sequence, moment } = place(index);
    const { timeS, worldFromLidar }: Moment = sequences[sequence].moments[moment];
    if (timeS !== undefined && !(posed && worldFromLidar === undefined))
      bySequence[sequence].push({ index, timeS });
  }
  for (const timed of bySequence) timed.sort((a, b) => a.timeS - b.timeS);
  return bySequence;
}

/** The frame whose time is nearest. */
function nearestIn(timed: readonly Timed[], timeS: number): Timed | undefined {
  let low = 0;
  let high = timed.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timed[middle].timeS < timeS) low = middle + 1;
    else high = middle;
  }
  const [earlier, later] = [timed[low - 1], timed[low]];
  if (earlier === undefined || later === undefined) return earlier ?? later;
  return timeS - earlier.timeS <= later.timeS - timeS ? earlier : later;
}

function clipFrom(start: number, next: Int32Array, frames: number): number[] | undefined {
  const clip = [start];
  while (clip.length < frames) {
    const following = next[clip[clip.length - 1]];
    if (following < 0) return undefined;
    clip.push(following);
  }
  return clip;
}
