import type { DataSelection } from '../../datasets/data-selection.ts';
import type { ObjectLabel } from '../../datasets/frame.ts';
import type { IncompleteFrame } from '../../datasets/incomplete-frame.ts';
import { allDamaged } from '../../datasets/loader.ts';
import { type ObjectFrames, openObjectFrames } from '../../detection/detection-frames.ts';
import { InputError } from '../../engine/input-error.ts';
import { Random } from '../../engine/random.ts';

/** The frames whose labels are used, and what is on them. */
export interface LabelledFrames {
  /** By index in the selection, in rising order. */
  readonly indices: readonly number[];
  /** How many frames the selection has in all. */
  readonly available: number;
  /** Of the wanted classes, how many objects the chosen frames have. */
  readonly objects: Readonly<Record<string, number>>;
  /** What is wrong with the frames that were drawn and left out, for their labels or calibration are damaged. */
  readonly damaged: readonly string[];
  /** The frames of the selection that lack a file. */
  readonly incomplete: readonly IncompleteFrame[];
}

/**
 * Draws the share of a selection's frames whose labels are used: the first ⌈fraction · n⌉ of a random order of the seed, in
 * which drives take turns, so that a smaller share is part of a larger one. Frames with damaged labels are left out. Throws an InputError where there
 * are no labels, for damaged ones where the selection is strict or no others are there, and where the chosen frames have no
 * object of the wanted classes.
 */
export async function drawLabelledFrames(
  data: DataSelection,
  options: { readonly fraction: number; readonly seed: number; readonly classes: readonly string[] },
): Promise<LabelledFrames> {
  const { fraction, seed, classes } = options;
  const { root } = data;
  const frames = await openObjectFrames(data);
  const order = drivesInTurn(frames, Random.fromSeed(seed).fork('labels'));
  const count = Math.ceil(fraction * frames.length);
  const indices: number[] = [];
  const damaged: string[] = [];
  const objects: Record<string, number> = Object.fromEntries(classes.map((name) => [name, 0]));
  const types = new Set<string>();
  for (const index of order.slice(0, count).sort((a, b) => a - b)) {
    let labels: readonly ObjectLabel[];
    try {
      labels = await frames.labels!(index);
    } catch (error) {
      if (data.strict || !(error instanceof InputError)) throw error;
      damaged.push(error.message);
      continue;
    }
    indices.push(index);
    for (const { type, box3 } of labels) {
      if (box3 === undefined) continue;
      types.add(type);
      if (classes.includes(type)) objects[type]++;
    }
  }
  if (indices.length === 0) throw allDamaged(count, damaged[count - 1]);
  if (Object.values(objects).every((number) => number === 0)) {
    const others = types.size === 0 ? '' : `, where ${[...types].sort().join(', ')} are labelled`;
    throw new InputError({
      file: root,
      place: `${count} of ${frames.length} frames (labels.fraction ${fraction}, labels.seed ${seed})`,
      expected: `at least one labelled ${classes.join(', ')}`,
      found: `none on ${indices
        .slice(0, 3)
        .map((i) => frames.ids[i])
        .join(
          ', ',
        )}${indices.length > 3 ? ', …' : ''}${others}${damaged.length > 0 ? ` (${damaged.length} damaged left out)` : ''}; a larger --labels-fraction or another --labels-seed has more`,
    });
  }
  return { indices, available: frames.length, objects, damaged, incomplete: frames.incomplete };
}

/**
 * A random order of frames in which drives take turns, each with its own frames in a random order; a drive that has no more
 * is passed over. Frames of no drive, or of one, are in a random order.
 */
function drivesInTurn({ length, sequences, place }: ObjectFrames, random: Random): number[] {
  const order = [...random.permutation(length)];
  if (sequences.length < 2) return order;
  const drives = new Map<number, number[]>();
  for (const index of order) {
    const { sequence } = place(index);
    drives.set(sequence, [...(drives.get(sequence) ?? []), index]);
  }
  const turns = [...drives.values()];
  return Array.from({ length: Math.max(...turns.map((own) => own.length)) }, (_, turn) =>
    turns.flatMap((own) => own.slice(turn, turn + 1)),
  ).flat();
}

/** Labelled frames in words: `12 of 240 frames with 31 Car, 8 Pedestrian, 2 Cyclist`. */
export function describeLabelledFrames({ indices, available, objects }: LabelledFrames): string {
  const counts = Object.entries(objects).map(([name, count]) => `${count} ${name}`);
  return `${indices.length} of ${available} frames with ${counts.join(', ')}`;
}
