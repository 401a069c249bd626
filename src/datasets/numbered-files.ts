import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../engine/input-error.ts';

/** The files of a part of a sequence, by the frames that they belong to. */
export interface NumberedFiles {
  /** The folder below the sequence's, as notes name it: `velodyne_points/data`. */
  readonly place: string;
  readonly files: ReadonlyMap<number, string>;
  /** What was left out, and what could not be read, a sentence each. */
  readonly notes: readonly string[];
  /** A sentence that says so where there is no file. */
  readonly none: string | undefined;
}

/** The files in `folder/place` with one of these endings, by the numbers that are their stems; a folder that is missing has none. */
export async function numberedFiles(
  folder: string,
  place: string,
  endings: readonly string[],
): Promise<NumberedFiles> {
  const files = new Map<number, string>();
  const notes: string[] = [];
  const others: string[] = [];
  const names = await readdir(join(folder, place)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') notes.push(`${place} cannot be read: ${reasonOf(error)}`);
    return [];
  });
  for (const name of names.sort()) {
    const ending = endings.find((candidate) => name.toLowerCase().endsWith(candidate));
    if (ending === undefined || name.startsWith('.')) continue;
    const stem = name.slice(0, -ending.length);
    if (/^\d{1,15}$/.test(stem) && !files.has(Number(stem))) {
      files.set(Number(stem), join(folder, place, name));
    } else others.push(name);
  }
  const none =
    files.size === 0 && notes.length === 0 ? `${place} has no ${endings.join(', ')} files` : undefined;
  if (others.length > 0) {
    const which = others.length === 1 ? others[0] : `${others.length} files such as ${others[0]}`;
    notes.push(`${place}: left out ${which}, for a frame has one file, named by its number`);
  }
  return { place, files, notes, none };
}

/** What is to be told of a part: that it has no files, and what was left out. */
export function notesOf({ none, notes }: NumberedFiles): readonly string[] {
  return none === undefined ? notes : [none, ...notes];
}

/** `frame 4 is missing`, or `frames 4 to 9 are missing`. */
export function missingFrames(first: number, last: number): string {
  return first === last ? `frame ${first} is missing` : `frames ${first} to ${last} are missing`;
}

/** Whether there is a file or folder of that name. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
