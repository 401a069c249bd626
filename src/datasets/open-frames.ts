import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { type DataKind, dataKindOf, describeOtherData } from './data-kind.ts';
import type { DataSelection } from './data-selection.ts';
import type { Frame } from './frame.ts';
import { openImageFolder, type PictureClasses } from './image-folder.ts';
import { type IncompleteFrame, requireComplete } from './incomplete-frame.ts';
import { KittiObject } from './kitti-object.ts';
import { listKittiPictures } from './kitti-pictures.ts';
import { KittiRaw } from './kitti-raw.ts';
import { findKittiRawDrives } from './kitti-raw-layout.ts';
import { frameOf } from './open-sequence.ts';
import { openPreparedFrames } from './prepared/prepared-frames.ts';
import { readPicture } from './read-picture.ts';
import type { FramePart } from './sequence.ts';
import type { Stopwatch } from './stopwatch.ts';

/** What has to be there of a frame: its picture, or its sweep as well, with the calibration between them. */
export type Need = 'image' | 'points';

/** The frames of a data set to learn from, whatever it is: everything that learns without labels comes in here. */
export interface Frames {
  /** What it is, such as `KITTI object data set`. */
  readonly kind: DataKind;
  readonly length: number;
  /** What the frames are called; each name once. */
  readonly ids: readonly string[];
  /** The frames that lack a file that is needed, and were left out. */
  readonly incomplete: readonly IncompleteFrame[];
  /** What else was left aside, a sentence each. */
  readonly notes: readonly string[];
  /** Where pictures are sorted by class: the names of the classes, and the class of each frame. */
  readonly classes?: PictureClasses;
  /** A frame's picture alone. Throws InputError for a damaged file. */
  picture(index: number, stopwatch?: Stopwatch): Promise<RgbImage>;
  /** All of a frame but its labels. Throws InputError for a damaged file. There only where points are needed. */
  frame?(index: number, stopwatch?: Stopwatch): Promise<Frame>;
}

/** Frames with their sweeps. */
export type PointFrames = Frames & Required<Pick<Frames, 'frame'>>;

/**
 * Opens the frames of a selection; reads none yet. What is not needed is not demanded: for pictures alone KITTI data needs neither
 * sweeps nor calibration. Cameras' pictures stay as the sensor has them, pictures of a folder are turned upright by their EXIF
 * orientation. Throws an InputError where the selection lacks what is needed.
 *
 * @example
 * const frames = await openFrames({ root: 'data/kitti', imageSet: 'train' }, ['image']);
 * const { width, height } = await frames.picture(0);
 * [frames.length, width, height]; // [4, 320, 96]
 */
export async function openFrames(data: DataSelection, needs: readonly Need[]): Promise<Frames> {
  const { root } = data;
  const takenAs = 'the folder of a KITTI object data set or of KITTI raw drives';
  const expected = needs.includes('points') ? takenAs : `${takenAs}, or of pictures`;
  await stat(root).catch((error: NodeJS.ErrnoException) => {
    const found = error.code === 'ENOENT' ? 'nothing' : String(error.code);
    throw new InputError({ file: root, expected, found }, { cause: error });
  });
  const kind = await dataKindOf(root);
  if (kind === 'KITTI object data set') return openObjectFrames(data, needs);
  if (kind === 'prepared shards' && data.split === undefined) return openPreparedFrames(data, needs);
  if (data.split !== undefined) throw onlyFor('a KITTI object data set, which has the splits', data, kind);
  if (kind === 'KITTI raw drive') return openDriveFrames(data, needs);
  if (kind !== 'image folder') {
    const found = kind === undefined ? await describeOtherData(root) : `${kind} without pictures`;
    throw new InputError({ file: root, expected, found });
  }
  if (needs.includes('points')) {
    const found = 'pictures alone, without sweeps and calibrations';
    throw new InputError({ file: root, expected, found });
  }
  const { ids, files, classes, notes } = await openImageFolder(root, data);
  return {
    kind,
    length: ids.length,
    ids,
    incomplete: [],
    notes,
    ...(classes && { classes }),
    picture: async (index, stopwatch) => readPicture(itemAt(files, index), { upright: true, stopwatch }),
  };
}

async function openObjectFrames(
  { root, ...selection }: DataSelection,
  needs: readonly Need[],
): Promise<Frames> {
  const kind: DataKind = 'KITTI object data set';
  if (needs.includes('points')) {
    const frames = await KittiObject.open(root, { ...selection, ignoreLabels: true });
    const { length, ids, incomplete } = frames;
    return {
      ...{ kind, length, ids, incomplete, notes: [] },
      picture: (index, stopwatch) => frames.picture(index, stopwatch),
      frame: (index, stopwatch) => frames.frame(index, stopwatch),
    };
  }
  const { ids, files, incomplete } = await listKittiPictures(root, selection);
  return {
    ...{ kind, length: ids.length, ids, incomplete, notes: [] },
    picture: async (index, stopwatch) => readPicture(itemAt(files, index), { stopwatch }),
  };
}

/** The frames of a drive, or of all drives of a date or of several, one after the other; named by their drives where there are several. */
async function openDriveFrames(data: DataSelection, needs: readonly Need[]): Promise<Frames> {
  const { root, imageSet, strict } = data;
  const kind: DataKind = 'KITTI raw drive';
  if (imageSet !== undefined) throw onlyFor('a data set with image sets', data, kind);
  const { synced, unsynced } = await findKittiRawDrives(root);
  // Where there is none, opening the root says what is there.
  const folders = synced.length === 0 ? [''] : synced;
  const parts: readonly FramePart[] = needs.includes('points')
    ? ['picture', 'sweep', 'calibration']
    : ['picture'];
  const complete: Array<{ drive: KittiRaw; place: number; id: string; picture: string }> = [];
  const incomplete: IncompleteFrame[] = [];
  for (const folder of folders) {
    const drive = await KittiRaw.open(join(root, folder));
    for (const [place, { id: number, files }] of drive.moments.entries()) {
      const id = folders.length === 1 ? number : `${folder}/${number}`;
      const missing = parts.filter((part) => files[part] === undefined);
      if (missing.length > 0) incomplete.push({ id, missing: missing.join(', ') });
      else complete.push({ drive, place, id, picture: files.picture![0] });
    }
  }
  requireComplete(root, { complete: complete.length, incomplete, strict });
  const frames: Frames = {
    ...{ kind, length: complete.length, ids: complete.map(({ id }) => id), incomplete },
    notes: unsynced.length === 0 ? [] : [`unsynced drives were left out: ${unsynced.join(', ')}`],
    picture: async (index, stopwatch) => readPicture(itemAt(complete, index).picture, { stopwatch }),
  };
  if (!needs.includes('points')) return frames;
  return {
    ...frames,
    frame: async (index, stopwatch) => {
      const { drive, place, id } = itemAt(complete, index);
      return { ...(await frameOf(drive, place, stopwatch)), id };
    },
  };
}

function onlyFor(expected: string, { root, split, imageSet }: DataSelection, kind: DataKind | undefined) {
  const what = split === undefined ? `image set ${imageSet}` : `split ${split}`;
  return new InputError({ file: root, place: what, expected, found: kind ?? 'other data' });
}

function itemAt<T>(items: readonly T[], index: number): T {
  if (Number.isInteger(index) && index >= 0 && index < items.length) return items[index];
  throw new RangeError(`frame ${index} of ${items.length}`);
}
