import { InputError } from '../engine/input-error.ts';
import { decodeImage } from '../image/decode-image.ts';
import type { DataSelection } from './data-selection.ts';
import { camerasOf, knownCameras } from './frame-cameras.ts';
import { type IncompleteFrame, requireComplete } from './incomplete-frame.ts';
import { itemAt } from './item-at.ts';
import type { FramePlace, Frames, Need } from './open-frames.ts';
import { frameOf, pointsOf } from './open-sequence.ts';
import { entryNamed, listSequences, namesInWords, type SequenceEntry } from './open-sequences.ts';
import type { Moment, Sequence } from './sequence.ts';
import { Stopwatch } from './stopwatch.ts';

/** A frame that has all that is needed. */
interface CompleteFrame extends FramePlace {
  readonly id: string;
  /** The cameras that it is seen by, the first one first. */
  readonly cameras: readonly string[];
}

/**
 * The frames of the sequences at a path, one sequence after the other; called by their sequence too where the path has several.
 * A sequence without sweeps and pictures is left out. Throws InputError as `listSequences` does, for names of sequences and
 * cameras that there are not, and where no frame has what is needed.
 */
export async function openSequenceFrames(data: DataSelection, needs: readonly Need[]): Promise<Frames> {
  const { root, strict } = data;
  const { kind, entries, notes: listed } = await listSequences({ path: root });
  const notes = [...listed];
  const sequences: Sequence[] = [];
  const empty: Sequence[] = [];
  const ofSensors = needs.some((need) => need !== 'labels');
  for (const { open } of chosenOf(entries, data)) {
    const sequence = await open();
    (!ofSensors || sequence.moments.some(hasSensors) ? sequences : empty).push(sequence);
  }
  if (empty.length > 0 && sequences.length === 0) {
    const found = `${empty.length === 1 ? 'a sequence' : `${empty.length} sequences`} without any`;
    throw new InputError({ file: root, expected: 'sweeps or pictures', found });
  }
  if (empty.length > 0)
    notes.push(`sequences without sweeps and pictures were left out: ${namesInWords(empty)}`);
  if (data.imageSet !== undefined) checkImageSet(data.imageSet, root, sequences);
  if (needs.includes('labels')) checkLabels(root, sequences);
  const known = knownCameras(root, sequences, data);
  const complete: CompleteFrame[] = [];
  const incomplete: IncompleteFrame[] = [];
  for (const [number, sequence] of sequences.entries()) {
    const cameras = camerasOf(sequence, known);
    for (const [moment, content] of sequence.moments.entries()) {
      if (data.imageSet !== undefined && content.sets?.includes(data.imageSet) !== true) continue;
      const id = entries.length === 1 ? content.id : `${sequence.name}/${content.id}`;
      const missing = missingOf(content, cameras, { needs, isNamed: known !== undefined });
      if (missing.length > 0) incomplete.push({ id, missing: missing.join(', ') });
      else complete.push({ sequence: number, moment, id, cameras });
    }
  }
  requireComplete(root, { complete: complete.length, incomplete, strict });
  const frames: Frames = {
    ...{ kind, length: complete.length, ids: complete.map(({ id }) => id), incomplete, notes, sequences },
    place: (index) => {
      const { sequence, moment } = itemAt(complete, index);
      return { sequence, moment };
    },
    picture: async (index, stopwatch = new Stopwatch()) => {
      const { sequence, moment, cameras } = itemAt(complete, index);
      const { bytes, file } = await sequences[sequence].picture(moment, cameras[0]);
      stopwatch.lap('read');
      const image = await decodeImage(bytes, { file });
      stopwatch.lap('decode');
      return image;
    },
  };
  const camera: Frames['camera'] = async (index) => {
    const { sequence, moment, cameras } = itemAt(complete, index);
    const { lens: _, ...pinhole } = await sequences[sequence].camera(moment, cameras[0]);
    return pinhole;
  };
  const labels: Frames['labels'] = async (index) => {
    const { sequence, moment } = itemAt(complete, index);
    return sequences[sequence].labels(moment);
  };
  const withLabels = needs.includes('labels');
  const labelled = withLabels && { labels };
  if (!needs.includes('points')) return withLabels ? { ...frames, camera, ...labelled } : frames;
  return {
    ...{ ...frames, camera, ...labelled },
    sweep: async (index, stopwatch) => {
      const { sequence, moment } = itemAt(complete, index);
      const cloud = await sequences[sequence].cloud(moment);
      stopwatch?.lap('read');
      return pointsOf(cloud, sequences[sequence]);
    },
    frame: async (index, stopwatch) => {
      const { sequence, moment, id, cameras } = itemAt(complete, index);
      const frame = await frameOf(sequences[sequence], moment, { stopwatch, cameras });
      return { ...frame, id, ...(withLabels && { labels: await labels(index) }) };
    },
  };
}

/** Throws an InputError where no moment is of the image set. */
function checkImageSet(imageSet: string, root: string, sequences: readonly Sequence[]): void {
  const sets = [
    ...new Set(sequences.flatMap(({ moments }) => moments.flatMap((moment) => moment.sets ?? []))),
  ];
  if (sets.includes(imageSet)) return;
  const expected = sets.length === 0 ? 'data with image sets' : `an image set of ${sets.sort().join(', ')}`;
  throw new InputError({ file: root, expected, found: imageSet });
}

/** Where the labels of a kind of drive lie. */
const labelPlaces: { readonly [kind: string]: string } = {
  'KITTI raw drive': ' (label_02.txt in the folder of a drive)',
  'KITTI tracking sequence': ' (label_02/<sequence>.txt)',
};

/** Throws an InputError where no moment has labels. */
function checkLabels(root: string, sequences: readonly Sequence[]): void {
  if (sequences.some(({ moments }) => moments.some(({ files }) => files.labels !== undefined))) return;
  const [{ kind }] = sequences;
  const expected = `labels of objects${labelPlaces[kind] ?? ''}`;
  throw new InputError({ file: root, expected, found: 'none' });
}

/** The sequences of a selection, in the order in which they lie there. */
function chosenOf(
  entries: readonly SequenceEntry[],
  { root, sequences, split }: DataSelection,
): readonly SequenceEntry[] {
  const named = sequences?.map((name) => entryNamed(entries, name, root));
  const chosen = named === undefined ? entries : entries.filter((entry) => named.includes(entry));
  if (split === undefined) return chosen;
  const ofSplit = chosen.filter((entry) => entry.split === split);
  if (ofSplit.length > 0) return ofSplit;
  const found = `sequences of ${[...new Set(chosen.map((entry) => entry.split))].join(', ')}`;
  throw new InputError({ file: root, place: `split ${split}`, expected: 'sequences of it', found });
}

function hasSensors({ files, pictures }: Moment): boolean {
  return files.sweep !== undefined || Object.keys(pictures).length > 0;
}

/** What a moment lacks of what is needed, as incomplete frames tell it. */
function missingOf(
  { files, pictures }: Moment,
  cameras: readonly string[],
  { needs, isNamed }: { readonly needs: readonly Need[]; readonly isNamed: boolean },
): string[] {
  const lacking = cameras.filter((camera) => pictures[camera] === undefined);
  const ofPictures = isNamed ? lacking.map((camera) => `picture of ${camera}`) : lacking.map(() => 'picture');
  const [withImage, withPoints] = [needs.includes('image'), needs.includes('points')];
  return [
    ...(withImage ? ofPictures : []),
    ...(withPoints && files.sweep === undefined ? ['sweep'] : []),
    ...(withImage && withPoints && files.calibration === undefined ? ['calibration'] : []),
    ...(needs.includes('labels') && files.labels === undefined ? ['labels'] : []),
  ];
}
