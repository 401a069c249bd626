import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type LabelLine, labelLines } from '../datasets/kitti-labels.ts';
import { readFrameText } from '../datasets/read-frame-file.ts';
import { InputError } from '../engine/input-error.ts';
import type { ImageBox } from '../geometry/box-projection.ts';
import type { KittiBox } from '../geometry/kitti-box.ts';

/** An object of a label or result file as it stands there, in the rectified camera frame. */
export interface KittiObjectLine extends KittiBox {
  readonly type: string;
  readonly truncation: number;
  readonly occlusion: number;
  /** Observation angle, radians; -10 where it is not known. */
  readonly alpha: number;
  readonly box2: ImageBox;
  /** NaN in label files. */
  readonly score: number;
}

/** A frame's labels and detections. */
export interface KittiFramePair {
  readonly id: string;
  readonly labels: readonly KittiObjectLine[];
  readonly detections: readonly KittiObjectLine[];
}

/** The classes that KITTI's files name. */
export const kittiClasses = [
  'Car',
  'Van',
  'Truck',
  'Pedestrian',
  'Person_sitting',
  'Cyclist',
  'Tram',
  'Misc',
  'DontCare',
] as const;

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** Which files to compare. */
export interface KittiFolders {
  /** A folder of label files, or a data set with one (`training/label_2`). */
  readonly labels: string;
  readonly detections: string;
  /** Only these frames; all that have labels where it is not given. */
  readonly ids?: readonly string[];
  /** What a labelled frame without a result file is: an error by default, or a frame in which nothing was detected. */
  readonly missing?: 'error' | 'empty';
}

/** The frames of two folders, and which of them have no result file. */
export interface KittiFolderPairs {
  readonly frames: readonly KittiFramePair[];
  readonly missing: readonly string[];
}

/**
 * Reads label and result files that belong together by name. Throws an InputError for empty folders, result files of
 * frames without labels, frames without a result file (unless `missing` is `empty`), and lines that cannot be right:
 * another number of columns, unknown classes, what is no finite number, results without a score, labels with one.
 */
export async function readKittiFolders(folders: KittiFolders): Promise<KittiFolderPairs> {
  const labelFolder = await labelFolderOf(folders.labels);
  const labelIds = await idsIn(labelFolder, 'label files, such as 000000.txt');
  const resultIds = await idsIn(folders.detections, 'result files, such as 000000.txt');
  const known = new Set(labelIds);
  const ids = folders.ids ?? labelIds;
  const unknown = ids.find((id) => !known.has(id));
  if (unknown !== undefined)
    throw new InputError({ file: labelFolder, expected: `labels of frame ${unknown}`, found: 'none' });
  const twice = firstRepeated(ids);
  if (twice !== undefined)
    throw new InputError({ file: 'frames', expected: 'each frame once', found: `${twice} twice` });
  const strange = resultIds.filter((id) => !known.has(id));
  if (strange.length > 0) {
    throw new InputError({
      file: folders.detections,
      place: `${strange[0]}.txt`,
      expected: `results of the ${labelIds.length} frames of ${labelFolder}`,
      found: `${strange.length} of ${resultIds.length} files of frames that have no labels there`,
    });
  }
  const there = new Set(resultIds);
  const missing = ids.filter((id) => !there.has(id));
  if (missing.length > 0 && (folders.missing ?? 'error') === 'error') {
    throw new InputError({
      file: folders.detections,
      place: `${missing[0]}.txt`,
      expected: `a result file for each of ${ids.length} labelled frames, an empty one where nothing was detected`,
      found: `none for ${missing.length} of them; --missing empty counts them as frames without detections`,
    });
  }
  const frames: KittiFramePair[] = [];
  for (const id of ids) {
    frames.push({
      id,
      labels: await readObjects(join(labelFolder, `${id}.txt`), 'labels'),
      detections: there.has(id) ? await readObjects(join(folders.detections, `${id}.txt`), 'results') : [],
    });
  }
  return { frames, missing };
}

/** Where a data set lists the frames of an image set: `ImageSets/<name>.txt` beside the split that has the labels. */
export async function imageSetFile(labels: string, name: string): Promise<string> {
  return join(dirname(dirname(resolve(await labelFolderOf(labels)))), 'ImageSets', `${name}.txt`);
}

/** The names of frames in a list. Throws an InputError where it cannot be read or names none. */
export async function listedIds(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ file, expected: 'a list of frames', found: error.code ?? error.message });
  });
  const ids = text.split(/\s+/).filter((id) => id !== '');
  if (ids.length > 0) return ids;
  throw new InputError({ file, expected: 'the names of frames, one a line', found: 'none' });
}

/** The objects of a label or a result file. Throws an InputError with the line and the column for what cannot be right. */
export async function readObjects(file: string, kind: 'labels' | 'results'): Promise<KittiObjectLine[]> {
  return labelLines(await readFrameText(file), { file }).map((line) => objectOf(line, { file, kind }));
}

function objectOf(
  { fields, place, check }: LabelLine,
  { file, kind }: { readonly file: string; readonly kind: 'labels' | 'results' },
): KittiObjectLine {
  const wanted = kind === 'labels' ? 15 : 16;
  if (fields.length !== wanted) {
    const [expected, found] =
      kind === 'labels'
        ? ['labels, with 15 columns', '16 columns: a result file, with scores']
        : ['results, with 16 columns of which the last is the score', '15 columns: a label file?'];
    throw new InputError({ file, place, expected, found });
  }
  const type = kittiClasses.find((name) => name.toLowerCase() === fields[0].toLowerCase());
  check(0, type !== undefined, `one of ${kittiClasses.join(', ')}`);
  const values = fields.map((field, column) => {
    if (column === 0) return Number.NaN;
    const value = Number(field);
    check(column, NUMBER.test(field) && Number.isFinite(value), 'a finite number');
    return value;
  });
  const [, truncation, occlusion, alpha, left, top, right, bottom, height, width, length, x, y, z] = values;
  return {
    type: type!,
    truncation,
    occlusion,
    alpha,
    box2: [left, top, right, bottom],
    sizeM: [height, width, length],
    location: [x, y, z],
    rotationY: values[14],
    score: kind === 'results' ? values[15] : Number.NaN,
  };
}

async function labelFolderOf(path: string): Promise<string> {
  for (const inside of ['training/label_2', 'label_2']) {
    const folder = join(path, inside);
    if (
      await stat(folder).then(
        (entry) => entry.isDirectory(),
        () => false,
      )
    )
      return folder;
  }
  return path;
}

function firstRepeated(ids: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return ids.find((id) => seen.size === seen.add(id).size);
}

async function idsIn(folder: string, expected: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    throw new InputError({
      file: folder,
      expected: `a folder of ${expected}`,
      found: error.code ?? error.message,
    });
  });
  const ids = names.flatMap((name) => (/^[^.].*\.txt$/.test(name) ? [name.slice(0, -4)] : []));
  if (ids.length > 0) return ids.sort();
  throw new InputError({ file: folder, expected, found: `none in ${names.length} entries` });
}
