import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { checkedNames } from '../../datasets/frame-names.ts';
import { filesByStem } from '../../datasets/kitti-layout.ts';
import { allDamaged } from '../../datasets/loader.ts';
import { InputError, reasonOf } from '../../engine/input-error.ts';
import { type KittiFramePair, type KittiObjectLine, readObjects } from './kitti-result-lines.ts';
import { type UnknownClass, unknownClasses } from './unknown-classes.ts';

/** Which files to compare. */
export interface KittiFolders {
  /** A folder of label files, or a data set with one (`training/label_2`). */
  readonly labels: string;
  readonly detections: string;
  /** Only these frames; all that have labels where it is not given. */
  readonly ids?: readonly string[];
  /** What a labelled frame without a result file is: an error by default, or a frame in which nothing was detected. */
  readonly missing?: 'error' | 'empty';
  /** What a frame is whose label or result file cannot be right: an error by default, or left out. */
  readonly damaged?: 'error' | 'left out';
  /** Whether a class that KITTI does not know is an error; else it is neither right nor wrong. */
  readonly strict?: boolean;
}

/** The frames of two folders, and which of them have no result file. */
export interface KittiFolderPairs {
  readonly frames: readonly KittiFramePair[];
  readonly missing: readonly string[];
  /** What is wrong with the frames that were left out as damaged. */
  readonly damaged: readonly string[];
  /** The classes that KITTI does not know. */
  readonly unknown: readonly UnknownClass[];
}

/**
 * Reads label and result files that belong together by name. Throws an InputError for empty folders, result files of
 * frames without labels, frames without a result file (unless `missing` is `empty`), and (unless `damaged` is `left out`) lines
 * that cannot be right: another number of columns, what is no finite number, results without a score, labels with one; with
 * `strict` also unknown classes.
 */
export async function readKittiFolders(folders: KittiFolders): Promise<KittiFolderPairs> {
  const labelFolder = await labelFolderOf(folders.labels);
  const labels = await textsIn(labelFolder, 'label files, such as 000000.txt');
  const results = await textsIn(folders.detections, 'result files, such as 000000.txt');
  const wanted = folders.ids?.map((id) => id.normalize()) ?? [...labels.keys()];
  const ids = checkedNames(wanted, 'frames');
  const unlabelled = ids.find((id) => !labels.has(id));
  if (unlabelled !== undefined)
    throw new InputError({ file: labelFolder, expected: `labels of frame ${unlabelled}`, found: 'none' });
  const strange = [...results.keys()].filter((id) => !labels.has(id));
  if (strange.length > 0) {
    throw new InputError({
      file: folders.detections,
      place: `${strange[0]}.txt`,
      expected: `results of the ${labels.size} frames of ${labelFolder}`,
      found: `${strange.length} of ${results.size} files of frames that have no labels there`,
    });
  }
  const missing = withoutResults(folders, { ids, results });
  const { strict } = folders;
  const labelsOf = (id: string) => readObjects({ file: labels.get(id)!, kind: 'labels', strict });
  const sound = await soundPairs({ ids, results, labelsOf, strict, damaged: folders.damaged });
  return { ...sound, missing, unknown: unknownClasses(sound.frames) };
}

/** Reads the labels and results of frames. Throws an InputError for damaged ones unless they are `left out`, and where all are. */
export async function soundPairs(from: {
  readonly ids: readonly string[];
  readonly labelsOf: (id: string) => Promise<readonly KittiObjectLine[]>;
  /** The result file of each frame that has one. */
  readonly results: ReadonlyMap<string, string>;
  readonly strict?: boolean;
  readonly damaged?: 'error' | 'left out';
}): Promise<{ readonly frames: readonly KittiFramePair[]; readonly damaged: readonly string[] }> {
  const { ids, results, labelsOf, strict } = from;
  const frames: KittiFramePair[] = [];
  const damaged: string[] = [];
  for (const id of ids) {
    const result = results.get(id);
    try {
      frames.push({
        id,
        labels: await labelsOf(id),
        detections: result === undefined ? [] : await readObjects({ file: result, kind: 'results', strict }),
      });
    } catch (error) {
      if (from.damaged !== 'left out' || !(error instanceof InputError)) throw error;
      damaged.push(error.message);
    }
  }
  if (frames.length === 0) throw allDamaged(damaged.length, damaged[damaged.length - 1]);
  return { frames, damaged };
}

/** The labelled frames without a result. Throws an InputError for any unless they count as empty. */
export function withoutResults(
  { detections, missing: rule = 'error' }: Pick<KittiFolders, 'detections' | 'missing'>,
  { ids, results }: { readonly ids: readonly string[]; readonly results: ReadonlyMap<string, string> },
): readonly string[] {
  const missing = ids.filter((id) => !results.has(id));
  if (missing.length === 0 || rule === 'empty') return missing;
  throw new InputError({
    file: detections,
    place: `${missing[0]}.txt`,
    expected: `a result file for each of ${ids.length} labelled frames, an empty one where nothing was detected`,
    found: `none for ${missing.length} of them; --missing empty counts them as frames without detections`,
  });
}

/** Where a data set lists the frames of an image set: `ImageSets/<name>.txt` beside the split that has the labels. */
export async function imageSetFile(labels: string, name: string): Promise<string> {
  return join(dirname(dirname(resolve(await labelFolderOf(labels)))), 'ImageSets', `${name}.txt`);
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

/** The text files of a folder by their stem, in the stems' order. */
async function textsIn(folder: string, expected: string): Promise<ReadonlyMap<string, string>> {
  const files = await filesByStem(folder, ['.txt']).catch((error: NodeJS.ErrnoException) => {
    if (error instanceof InputError) throw error;
    throw new InputError({
      file: folder,
      expected: `a folder of ${expected}`,
      found: reasonOf(error),
    });
  });
  if (files.size === 0) throw new InputError({ file: folder, expected, found: 'none' });
  return new Map(
    [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, name]) => [id, join(folder, name)]),
  );
}
