import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import { readFrameText } from './read-frame-file.ts';

/** The names in a list of frames, one a line; blank lines and blanks around a name do not matter. */
export function frameNamesIn(text: string): string[] {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim().normalize())
    .filter((name) => name !== '');
}

/** Reads a list of frames, such as an image set. Throws InputError for a missing one (with those that are beside it), an empty one, for what names no file, and for a frame twice. */
export async function readFrameNames(file: string): Promise<readonly string[]> {
  const text = await readFrameText(file).catch(async (error: unknown) => {
    if (!(error instanceof InputError) || error.fault.found !== 'nothing') throw error;
    const found = `nothing; ${await listsIn(dirname(file))}`;
    throw new InputError({ file, expected: 'a list of frames, one a line', found }, { cause: error });
  });
  const names = frameNamesIn(text);
  if (names.length > 0) return checkedNames(names, file);
  throw new InputError({ file, expected: 'the names of frames, one a line', found: 'none' });
}

/** The lists that a folder has, in words. */
async function listsIn(folder: string): Promise<string> {
  const all = await readdir(folder).catch(() => []);
  const names = all.filter((name) => name.endsWith('.txt')).sort();
  if (names.length === 0) return 'that folder has no lists';
  return `that folder has ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`;
}

/** Frames as they are named. Throws InputError for what can be the name of no file in a folder, and for a frame twice. */
export function checkedNames(names: readonly string[], file: string): readonly string[] {
  const seen = new Set<string>();
  for (const name of names) {
    if (name.length > 255 || name === '.' || name === '..' || /[/\\\p{Cc}]/u.test(name)) {
      const found = JSON.stringify(name.slice(0, 40));
      throw new InputError({ file, expected: 'names of frames such as 000007', found });
    }
    if (seen.has(name)) throw new InputError({ file, expected: 'each frame once', found: `${name} twice` });
    seen.add(name);
  }
  return names;
}
