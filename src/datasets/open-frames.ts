import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, reasonOf } from '../engine/input-error.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { type DataKind, dataKindOf, describeOtherData, driveKindsOr } from './data-kind.ts';
import type { DataSelection } from './data-selection.ts';
import type { CameraModel, Frame, ObjectLabel, PointFrame } from './frame.ts';
import { openImageFolder, type PictureClasses } from './image-folder.ts';
import type { IncompleteFrame } from './incomplete-frame.ts';
import { itemAt } from './item-at.ts';
import { KittiObject } from './kitti-object.ts';
import { listKittiPictures } from './kitti-pictures.ts';
import { readPicture } from './read-picture.ts';
import type { Sequence } from './sequence.ts';
import { openSequenceFrames } from './sequence-frames.ts';
import { sharePaths } from './shared-paths.ts';
import type { Stopwatch } from './stopwatch.ts';

/** What has to be there of a frame: its picture, its sweep, where both are needed the calibration between them, and its labels. */
export type Need = 'image' | 'points' | 'labels';

/** The frames of a data set to learn from, whatever it is: everything that learns comes in here. */
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
  /** What other threads need not look for again, for their selection. There where an image folder was listed. */
  listing?(): SharedArrayBuffer;
  /** The sequences that the frames are of, where there are any: what is known of each moment before it is read. */
  readonly sequences: readonly Sequence[];
  /** Where a frame is among the sequences. There are no places where there are no sequences. */
  place(index: number): FramePlace;
  /** A frame's picture alone. Throws InputError for a damaged file, and where the data was opened without pictures. */
  picture(index: number, stopwatch?: Stopwatch): Promise<RgbImage>;
  /** A frame's points alone, rows of x, y, z, reflectance. Throws InputError for a damaged file. There only where points are needed. */
  sweep?(index: number, stopwatch?: Stopwatch): Promise<Float32Array>;
  /** All of a frame, its labels where they are needed. Throws InputError for a damaged file. There only where points and pictures are needed. */
  frame?(index: number, stopwatch?: Stopwatch): Promise<Frame>;
  /** A frame without its picture's pixels. There where it may lack a picture. */
  pointFrame?(index: number, stopwatch?: Stopwatch): Promise<PointFrame>;
  /** How many of the frames have no picture, where they may lack it. */
  readonly withoutPicture?: number;
  /** How a frame's points reach the pixels of its first camera. Throws InputError for a damaged file. There where points or labels are needed. */
  camera?(index: number): Promise<CameraModel>;
  /** A frame's labels alone. Throws InputError for a damaged file. There only where labels are needed. */
  labels?(index: number): Promise<readonly ObjectLabel[]>;
}

/** A moment of one of several sequences. */
export interface FramePlace {
  readonly sequence: number;
  readonly moment: number;
}

/** Frames with their sweeps. */
export type PointFrames = Frames & Required<Pick<Frames, 'frame'>>;

/**
 * Opens the frames of a selection; reads none yet. What is not needed is not demanded: for pictures alone KITTI data needs neither
 * sweeps nor calibration. `withDepth` reads the depth of pixels too, of KITTI object data that has it;
 * without `withPictures` frames of such data may lack their pictures, and have `pointFrame`s. Cameras' pictures stay as the sensor has them, pictures of a folder are turned upright by their EXIF
 * orientation. Throws an InputError where the selection lacks what is needed.
 *
 * @example
 * const frames = await openFrames({ root: 'data/kitti', imageSet: 'train' }, ['image']);
 * const { width, height } = await frames.picture(0);
 * [frames.length, width, height]; // [4, 320, 96]
 */
export async function openFrames(
  data: DataSelection,
  needs: readonly Need[],
  {
    withDepth = false,
    withPictures = true,
  }: { readonly withDepth?: boolean; readonly withPictures?: boolean } = {},
): Promise<Frames> {
  const { root } = data;
  const picturesWillDo = !needs.includes('points') && !needs.includes('labels');
  const expected = `the folder of ${driveKindsOr(...(picturesWillDo ? ['of pictures'] : []))}`;
  await stat(root).catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ file: root, expected, found: reasonOf(error) }, { cause: error });
  });
  const kind = data.listing === undefined ? await dataKindOf(root) : 'image folder';
  if (kind === 'KITTI object data set') return openKittiObject(data, needs, { withDepth, withPictures });
  if (data.split !== undefined && kind !== 'KITTI tracking sequence')
    throw onlyFor('a KITTI object or tracking data set, which have the splits', data, kind);
  if (kind !== undefined && kind !== 'image folder' && kind !== 'point clouds') {
    if (data.imageSet !== undefined && kind !== 'prepared shards')
      throw onlyFor('a data set with image sets', data, kind);
    return openSequenceFrames(data, needs);
  }
  if (kind !== 'image folder') {
    const found = kind === undefined ? await describeOtherData(root) : `${kind} without pictures`;
    throw new InputError({ file: root, expected, found });
  }
  if (!picturesWillDo) {
    const found = 'pictures alone, without sweeps and calibrations';
    throw new InputError({ file: root, expected, found });
  }
  const wanted = data.camera ?? data.cameras ?? data.sequences;
  if (wanted !== undefined) {
    const place = `${data.sequences === undefined ? 'camera' : 'sequence'} ${wanted}`;
    throw new InputError({ file: root, place, expected: 'data of drives', found: 'a folder of pictures' });
  }
  const { root: folder, ids, paths, classes, notes } = await openImageFolder(root, data);
  return {
    kind,
    length: ids.length,
    ids,
    incomplete: [],
    notes,
    ...noSequences,
    ...(classes && { classes }),
    listing: () => sharePaths(paths),
    picture: async (index, stopwatch) =>
      readPicture(join(folder, itemAt(paths, index)), { upright: true, stopwatch }),
  };
}

/** Frames without an order in time. */
const noSequences: Pick<Frames, 'sequences' | 'place'> = {
  sequences: [],
  place: (index) => {
    throw new RangeError(`frame ${index} is of no sequence`);
  },
};

async function openKittiObject(
  { root, sequences, cameras, ...given }: DataSelection,
  needs: readonly Need[],
  { withDepth, withPictures }: { readonly withDepth: boolean; readonly withPictures: boolean },
): Promise<Frames> {
  const kind: DataKind = 'KITTI object data set';
  const fault = (place: string, expected: string) =>
    new InputError({ file: root, place, expected, found: kind });
  if (sequences !== undefined) throw fault(`sequence ${sequences}`, 'data of several sequences');
  const several = cameras === 'all' || (cameras !== undefined && cameras.length > 1);
  if (several) throw fault(`cameras ${cameras}`, 'one camera, or a data set of sequences');
  const selection = { ...given, camera: given.camera ?? cameras?.[0] };
  const withLabels = needs.includes('labels');
  if (needs.includes('points') || withLabels) {
    const options = { ...selection, ignoreLabels: !withLabels, withDepth, withPictures };
    const frames = await KittiObject.open(root, options);
    if (withLabels && !frames.hasLabels)
      throw new InputError({ file: root, expected: 'labels (label_2)', found: 'none' });
    const { length, ids, incomplete, withoutPicture } = frames;
    return {
      ...{ kind, length, ids, incomplete, notes: [], ...noSequences },
      picture: (index, stopwatch) => frames.picture(index, stopwatch),
      sweep: async (index, stopwatch) => (await frames.frame(index, stopwatch)).points,
      frame: (index, stopwatch) => frames.frame(index, stopwatch),
      ...(!withPictures && {
        withoutPicture,
        pointFrame: (index: number, stopwatch?: Stopwatch) => frames.pointFrame(index, stopwatch),
      }),
      camera: (index) => frames.camera(index),
      ...(withLabels && { labels: async (index) => (await frames.labels(index))! }),
    };
  }
  const { ids, files, incomplete } = await listKittiPictures(root, selection);
  return {
    ...{ kind, length: ids.length, ids, incomplete, notes: [], ...noSequences },
    picture: async (index, stopwatch) => readPicture(itemAt(files, index), { stopwatch }),
  };
}

function onlyFor(expected: string, { root, split, imageSet }: DataSelection, kind: DataKind | undefined) {
  const what = split === undefined ? `image set ${imageSet}` : `split ${split}`;
  return new InputError({ file: root, place: what, expected, found: kind ?? 'other data' });
}
