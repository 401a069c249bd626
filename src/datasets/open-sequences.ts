import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { InputError, reasonOf } from '../engine/input-error.ts';
import { cloudEndings } from '../pointcloud/read-cloud.ts';
import { CloudSequence } from './cloud-sequence.ts';
import { dataKindOf, describeOtherData, driveKindsOr, type SequenceKind } from './data-kind.ts';
import { KittiObjectSequence } from './kitti-object-sequence.ts';
import { openKittiOdometry } from './kitti-odometry.ts';
import { findKittiOdometry } from './kitti-odometry-layout.ts';
import { KittiRaw } from './kitti-raw.ts';
import { findKittiRawDrives } from './kitti-raw-layout.ts';
import { openKittiTracking } from './kitti-tracking.ts';
import { findKittiTracking } from './kitti-tracking-layout.ts';
import { seenBy } from './seen-by.ts';
import type { Sequence } from './sequence.ts';
import type { WaymoSource } from './waymo/waymo-source.ts';

/** What is opened, in plain data that a worker thread can be given. */
export interface SequenceReference {
  /** A data set, a drive, several of them, a folder of point clouds, or a single one. */
  readonly path: string;
  /** The name of one of several sequences. */
  readonly sequence?: string;
  /** The camera that comes first; the data set's own order by default. */
  readonly camera?: string;
  /** A KITTI tracking label file that goes with a KITTI raw drive. */
  readonly tracks?: string;
  /** How many numbers a point has in `.bin` files that are opened as point clouds; KITTI's four by default. */
  readonly columns?: number;
}

/** A sequence that is there, before anything of it is read. */
export interface SequenceEntry {
  /** As that of the sequence. */
  readonly name: string;
  /** The split that it is of, where the data set has some. */
  readonly split?: string;
  open(): Promise<Sequence>;
}

/** The sequences at a path. */
export interface SequenceList {
  readonly kind: SequenceKind;
  readonly entries: readonly SequenceEntry[];
  /** What was left aside, a sentence each. */
  readonly notes: readonly string[];
}

type Lister = (reference: SequenceReference) => Promise<Omit<SequenceList, 'kind'>>;

/** How the sequences of each kind of data are found. */
const listers: { readonly [Kind in SequenceKind]: Lister } = {
  'KITTI tracking sequence': listTracking,
  'KITTI odometry sequence': listOdometry,
  'KITTI raw drive': listRawDrives,
  'KITTI object data set': async ({ path }) => oneOf(path, () => KittiObjectSequence.open(path)),
  // What checks an index or reads protocol buffers or Parquet is loaded where it is needed: it takes longer than reading a sweep.
  'prepared shards': async ({ path }) => {
    const { openPrepared } = await import('./prepared/prepared-sequence.ts');
    const sequences = await openPrepared(path);
    return { entries: sequences.map((each) => ({ name: each.name, open: async () => each })), notes: [] };
  },
  'Waymo records': async ({ path }) => {
    const { openWaymoRecords } = await import('./waymo/waymo-records.ts');
    return ofSources(await openWaymoRecords(path));
  },
  'Waymo components': async ({ path, sequence }) => {
    const { openWaymoComponents } = await import('./waymo/waymo-components.ts');
    return ofSources(await openWaymoComponents(path, { segment: sequence }));
  },
  'point clouds': async ({ path, columns }) => oneOf(path, () => CloudSequence.open(path, { columns })),
};

/**
 * Finds the sequences at a path, told by what lies there, and opens none yet; those of `camera` begin with it. Throws InputError
 * that says what can be opened and what is there instead, and for tracks or columns that do not go with it.
 */
export async function listSequences(reference: SequenceReference): Promise<SequenceList> {
  const { path, tracks, columns, camera } = reference;
  await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ file: path, expected: 'a file or a folder', found: reasonOf(error) });
  });
  const kind = await dataKindOf(path);
  const isDrive = kind !== undefined && kind !== 'point clouds' && kind !== 'image folder';
  if (columns !== undefined && isDrive) {
    const expected = 'point clouds alone, which columns go with';
    throw new InputError({ file: path, expected, found: kind });
  }
  if (tracks !== undefined && kind !== 'KITTI raw drive') {
    throw new InputError({ file: path, expected: 'a KITTI raw drive, which tracks go with', found: 'none' });
  }
  if (kind === undefined || kind === 'image folder') {
    const expected = driveKindsOr(`point clouds (${cloudEndings.join(', ')})`, 'a run');
    const pictures =
      'a folder of pictures alone, which have nothing to be shown in space (pointpair inspect says what is in it)';
    const found = kind === undefined ? await describeOtherData(path) : pictures;
    throw new InputError({ file: path, expected, found });
  }
  const { entries, notes } = await listers[kind](reference);
  if (camera === undefined) return { kind, entries, notes };
  const seen = entries.map((entry) => ({ ...entry, open: async () => seenBy(await entry.open(), camera) }));
  return { kind, entries: seen, notes };
}

/**
 * All sequences at a path, whatever they are: one drive or those of a day or of several, the sequences of a data set, point clouds.
 * With `sequence` that one alone. Throws InputError as `listSequences` does, and for a name that there is not.
 *
 * @example
 * const [sequence] = await openSequences({ path: 'data/kitti' });
 * [sequence.name, sequence.kind]; // ["kitti", "KITTI object data set"]
 */
export async function openSequences(reference: SequenceReference): Promise<readonly Sequence[]> {
  const { entries } = await listSequences(reference);
  const chosen =
    reference.sequence === undefined ? entries : [entryNamed(entries, reference.sequence, reference.path)];
  const sequences: Sequence[] = [];
  for (const { open } of chosen) sequences.push(await open());
  return sequences;
}

/** The entry of that name. Throws InputError that lists the names where there is none. */
export function entryNamed(entries: readonly SequenceEntry[], name: string, path: string): SequenceEntry {
  const entry = entries.find((each) => each.name === name);
  if (entry !== undefined) return entry;
  const expected = entries.length === 1 ? entries[0].name : `one of ${namesInWords(entries)}`;
  throw new InputError({ file: path, place: `sequence ${name}`, expected, found: 'none of that name' });
}

/** The names of sequences, one after the other. */
export function namesInWords(entries: ReadonlyArray<{ readonly name: string }>): string {
  return entries.map(({ name }) => name).join(', ');
}

/** A path that is one sequence. */
function oneOf(path: string, open: () => Promise<Sequence>): Omit<SequenceList, 'kind'> {
  return { entries: [{ name: basename(resolve(path)), open }], notes: [] };
}

/** Waymo's segments: finding them is opening them. */
function ofSources(sources: readonly WaymoSource[]): Omit<SequenceList, 'kind'> {
  const entries = sources.map((source) => ({
    name: source.segment,
    open: async () => (await import('./waymo/waymo-sequence.ts')).waymoSequence(source),
  }));
  return { entries, notes: [] };
}

async function listRawDrives({ path, tracks }: SequenceReference): Promise<Omit<SequenceList, 'kind'>> {
  const { synced, unsynced } = await findKittiRawDrives(path);
  if (tracks !== undefined && synced.length > 1) {
    const found = `${synced.length} drives: ${synced.join(', ')}`;
    throw new InputError({ file: path, expected: 'one drive, which tracks go with', found });
  }
  // Where there is none, opening the path says what is there.
  const folders = synced.length === 0 ? [''] : synced;
  const entries = folders.map((folder) => {
    const place = folder === '' ? path : join(path, folder);
    const name = folder === '' ? basename(resolve(path)) : folder;
    return { name, open: () => KittiRaw.open(place, { tracks, name }) };
  });
  const left = `unsynced drives were left out: ${unsynced.join(', ')}`;
  return { entries, notes: unsynced.length === 0 ? [] : [left] };
}

async function listTracking({ path }: SequenceReference): Promise<Omit<SequenceList, 'kind'>> {
  const places = await findKittiTracking(path);
  if (places.length === 0) {
    const expected = 'sequences such as 0000 in velodyne, image_02, label_02 or calib';
    throw new InputError({ file: path, expected, found: 'none' });
  }
  const entries = places.map((place) => ({
    name: place.name,
    split: place.split,
    open: () => openKittiTracking(place),
  }));
  return { entries, notes: [] };
}

async function listOdometry({ path }: SequenceReference): Promise<Omit<SequenceList, 'kind'>> {
  const places = await findKittiOdometry(path);
  return {
    entries: places.map((place) => ({ name: place.number, open: () => openKittiOdometry(place) })),
    notes: [],
  };
}
