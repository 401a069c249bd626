import type { PointFrame } from '../../datasets/frame.ts';
import type { ObjectFrames } from '../../detection/detection-frames.ts';
import { InputError } from '../../engine/input-error.ts';
import { type ClusterBox, clusterBoxes } from '../../pointcloud/segments/cluster-boxes.ts';
import { BRIDGE_S } from '../../pointcloud/segments/follow-segments.ts';
import { type SweepParts, sweepParts } from '../../pointcloud/segments/sweep-parts.ts';
import { trackBoxes } from '../../pointcloud/segments/track-boxes.ts';

/** A frame with the boxes that were found in it, or what is wrong with it. */
export type FrameBoxes =
  | { readonly index: number; readonly frame: PointFrame; readonly boxes: readonly ClusterBox[] }
  | { readonly index: number; readonly error: InputError };

/** So many frames of a drive get their boxes at once, and so many before and after them are looked at beside them. */
const BLOCK = 20;
const BESIDE = 10;

/**
 * Boxes of frames without a network and without labels, in the order of the frames: of drives whose times and poses are known by what is seen over
 * time (`trackBoxes`), of other frames, or with `single`, each by itself (`clusterBoxes`). Frames that are not `wanted` get none. What is wrong
 * with a frame is given in its place.
 */
export async function* unlabelledBoxes(
  frames: ObjectFrames,
  {
    wanted,
    single = false,
    signal,
  }: {
    readonly wanted: (index: number) => boolean;
    readonly single?: boolean;
    /** Ends before the next frames are read. */
    readonly signal?: AbortSignal;
  },
): AsyncGenerator<FrameBoxes> {
  const sweeps = new KeptFrames(frames);
  for (const { indices, followed } of stretchesOf(frames, single)) {
    for (let begin = 0; begin < indices.length; begin += BLOCK) {
      if (signal?.aborted) return;
      const block = indices.slice(begin, begin + BLOCK).filter(wanted);
      if (block.length === 0) continue;
      if (followed) {
        const window = indices.slice(Math.max(0, begin - BESIDE), begin + BLOCK + BESIDE);
        yield* boxesOfDrive(sweeps, window, block);
      } else
        for (const index of block) {
          if (signal?.aborted) return;
          sweeps.keepOnly([index]);
          yield boxesOfFrame(index, await sweeps.read(index));
        }
    }
  }
}

/** A frame as it was read, or why it was not. */
type Read = { readonly frame: PointFrame; readonly parts: SweepParts } | InputError;

function boxesOfFrame(index: number, read: Read): FrameBoxes {
  if (read instanceof InputError) return { index, error: read };
  return { index, frame: read.frame, boxes: clusterBoxes(read.frame.points, read.parts) };
}

async function* boxesOfDrive(
  sweeps: KeptFrames,
  window: readonly number[],
  block: readonly number[],
): AsyncGenerator<FrameBoxes> {
  sweeps.keepOnly(window);
  const read: Array<readonly [index: number, read: Read]> = [];
  for (const index of window) read.push([index, await sweeps.read(index)]);
  const sound = read.flatMap(([index, each]) => (each instanceof InputError ? [] : [{ index, ...each }]));
  const boxes = trackBoxes(
    sound.map(({ frame, parts }) => ({
      points: frame.points,
      worldFromLidar: frame.worldFromLidar!,
      timeS: frame.timeS!,
      parts,
    })),
  );
  for (const [index, each] of read) {
    if (!block.includes(index)) continue;
    if (each instanceof InputError) yield { index, error: each };
    else yield { index, frame: each.frame, boxes: boxes[sound.findIndex((other) => other.index === index)] };
  }
}

/** Frames that are read once, and kept while they are looked at beside others. */
class KeptFrames {
  private readonly frames: ObjectFrames;
  private readonly kept = new Map<number, Read>();

  constructor(frames: ObjectFrames) {
    this.frames = frames;
  }

  keepOnly(indices: readonly number[]): void {
    for (const index of this.kept.keys()) if (!indices.includes(index)) this.kept.delete(index);
  }

  async read(index: number): Promise<Read> {
    const known = this.kept.get(index);
    if (known !== undefined) return known;
    let read: Read;
    try {
      const { cameras, ...frame } = await this.frames.pointFrame(index);
      const parts = clusteredParts(frame);
      read = { frame: { ...frame, cameras: cameras.map(withoutPixels) }, parts };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      read = error;
    }
    this.kept.set(index, read);
    return read;
  }
}

/** The parts of a sweep, its clusters among them. Throws an InputError that names the frame for points that cannot be clustered. */
function clusteredParts({ id, points }: Pick<PointFrame, 'id' | 'points'>): SweepParts {
  const parts = sweepParts(points);
  try {
    void parts.clusters;
    return parts;
  } catch (error) {
    throw error instanceof InputError ? new InputError({ ...error.fault, file: `frame ${id}` }) : error;
  }
}

/** Pictures are large, and nothing is looked up in them. */
function withoutPixels({ image, ...camera }: PointFrame['cameras'][number]): PointFrame['cameras'][number] {
  return { ...camera, image: { width: image.width, height: image.height } };
}

/** Whether frames are followed from one to the next: those of a drive with times and poses. */
export function areFollowed(frames: ObjectFrames): boolean {
  return stretchesOf(frames, false).some(({ followed }) => followed);
}

/** Frames that follow one another: those of a drive with times and poses as long as no gap is between them, all others by themselves. */
function stretchesOf(
  frames: ObjectFrames,
  single: boolean,
): ReadonlyArray<{ readonly indices: readonly number[]; readonly followed: boolean }> {
  const stretches: Array<{ indices: number[]; followed: boolean; sequence: number; timeS: number }> = [];
  for (let index = 0; index < frames.length; index++) {
    const place = single || frames.sequences.length === 0 ? undefined : frames.place(index);
    const moment = place && frames.sequences[place.sequence].moments[place.moment];
    const timeS = moment?.worldFromLidar === undefined ? undefined : moment.timeS;
    const last = stretches.at(-1);
    if (place === undefined || timeS === undefined) {
      stretches.push({ indices: [index], followed: false, sequence: -1, timeS: Number.NaN });
    } else if (
      last?.followed &&
      last.sequence === place.sequence &&
      timeS > last.timeS &&
      timeS - last.timeS <= BRIDGE_S
    ) {
      last.indices.push(index);
      last.timeS = timeS;
    } else stretches.push({ indices: [index], followed: true, sequence: place.sequence, timeS });
  }
  return stretches;
}
