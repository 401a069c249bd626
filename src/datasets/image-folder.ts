import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import { imageEndings } from '../image/image-format.ts';
import { composed, listPictures, type PictureTree } from './picture-tree.ts';
import { sharedPaths } from './shared-paths.ts';

/** What pictures are sorted by, where they are: the names of the classes, sorted, and the class of each picture. */
export interface PictureClasses {
  readonly names: readonly string[];
  /** The place in `names`, by picture. */
  readonly of: Int32Array;
}

/** Pictures in a folder. */
export interface ImageFolder {
  /** The pictures' paths below the folder with `/`, each once, in the order of their code units. */
  readonly ids: readonly string[];
  /** The folder that they lie in, and the same paths as the files are called, however their accents are written. */
  readonly root: string;
  readonly paths: readonly string[];
  /** There where every picture lies in a folder in the folder: that one's name is its class. */
  readonly classes?: PictureClasses;
  /** What was left aside, and why there are no classes: a sentence each. */
  readonly notes: readonly string[];
}

/** Names of the folders that a data set is split into. */
const SPLIT = /^(train|training|val|valid|validation|test|testing)(\d{4})?$/i;

/**
 * Lists the pictures of a folder at any depth; reads none yet. With `imageSet`, those of the folder of that name in it; with
 * `listing` the paths are those that another thread has found, whatever came to the folder since. A class
 * without pictures is left out with a note, so that two splits are compared by the names of their classes, not by their places.
 * Throws InputError where there is no picture; for a folder of splits (`train`, `test`) as a whole, whose names would be taken for
 * classes; and with `strict` for a class without pictures.
 */
export async function openImageFolder(
  path: string,
  {
    imageSet,
    listing,
    strict = false,
  }: {
    readonly imageSet?: string;
    readonly listing?: SharedArrayBuffer;
    readonly strict?: boolean;
  } = {},
): Promise<ImageFolder> {
  const root = imageSet === undefined ? path : await splitFolder(path, imageSet);
  const tree = listing === undefined ? await listPictures(root) : listedPictures(listing);
  if (tree.ids.length === 0) {
    const found = tree.notes.length === 0 ? 'none' : `none (${tree.notes.join('; ')})`;
    throw new InputError({ file: root, expected: `pictures (${imageEndings.join(', ')})`, found });
  }
  const first = tree.ids.map((id) => id.slice(0, Math.max(0, id.indexOf('/'))));
  const names = [...new Set(first)].filter((name) => name !== '').sort();
  const splits = names.filter((name) => SPLIT.test(name));
  if (imageSet === undefined && splits.length > 0 && (splits.length > 1 || names.length === 1))
    throw wholeOfSplits(root, splits);
  const empty = tree.folders.filter((folder) => !names.includes(folder));
  if (strict && empty.length > 0) {
    throw new InputError({ file: join(root, empty[0]), expected: 'pictures of a class', found: 'none' });
  }
  const { ids, paths } = tree;
  const notes = [...tree.notes, ...notesOf(tree, { names, empty })];
  if (names.length === 0 || first.includes('')) return { root, ids, paths, notes };
  const places = new Map(names.map((name, i) => [name, i]));
  const classes = { names, of: Int32Array.from(first, (name) => places.get(name)!) };
  return { root, ids, paths, classes, notes };
}

/** What another thread has listed, found sound and told of there. */
function listedPictures(listing: SharedArrayBuffer): PictureTree {
  const paths = sharedPaths(listing);
  return { ids: composed(paths), paths, folders: [], notes: [] };
}

function notesOf(
  { ids }: PictureTree,
  { names, empty }: { names: readonly string[]; empty: readonly string[] },
) {
  const loose = ids.filter((id) => !id.includes('/')).length;
  const count = (number: number, one: string, more: string) => `${number} ${number === 1 ? one : more}`;
  return [
    ...(empty.length === 0 ? [] : [`folders without pictures were left out: ${empty.join(', ')}`]),
    ...(loose === 0 || names.length === 0
      ? []
      : [
          `${count(loose, 'picture lies', 'pictures lie')} beside ${count(names.length, 'folder', 'folders')} of pictures: ` +
            'all are taken, and folders are no classes',
        ]),
  ];
}

function wholeOfSplits(root: string, splits: readonly string[]): InputError {
  const sets = splits.map((split) => `--image-set ${split}`).join(' or ');
  return new InputError({
    file: root,
    expected: `one split: ${sets}, or such a folder itself`,
    found: `a folder of ${splits.join(', ')}`,
  });
}

async function splitFolder(path: string, imageSet: string): Promise<string> {
  const folder = join(path, imageSet);
  const entry = await stat(folder).catch(() => undefined);
  if (entry?.isDirectory()) return folder;
  const { folders } = await listPictures(path);
  const found = folders.length === 0 ? 'no folders' : folders.slice(0, 8).join(', ');
  throw new InputError({ file: path, expected: `a folder ${imageSet}`, found });
}
