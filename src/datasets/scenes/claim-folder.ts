import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../engine/input-error.ts';
import { cannotWrite, replaceFile } from './scene-files.ts';

/** A folder that a generator writes to. */
export interface Claim {
  readonly out: string;
  /** The name of the file that says what the folder is made with, beside `beside`. */
  readonly record: string;
  readonly beside: string;
  readonly generator: string;
  readonly recipe: Readonly<Record<string, unknown>>;
  /** Folders below it that only this generator may have filled; made if they are not there. */
  readonly folders: readonly string[];
  /** The record of another generator, whose folder cannot be used. */
  readonly other: string;
}

/**
 * Makes the folders, clears away files that were never completed, and records what the folder is made with. Throws InputError
 * where it was made with something else, where other files are in the way, and where it cannot be written.
 */
export async function claimFolder(claim: Claim): Promise<void> {
  const { out, record, generator, recipe, folders } = claim;
  const file = join(out, record);
  const expected = `${JSON.stringify({ generator, ...recipe }, null, 2)}\n`;
  const found = await textOf(file);
  if (found !== undefined && found !== expected)
    throw new InputError({
      file,
      expected: `a folder made with ${oneLine(expected)}`,
      found: `one made with ${oneLine(found)}`,
    });
  if ((await textOf(join(out, claim.other))) !== undefined)
    throw new InputError({
      file: out,
      expected: `a folder of its own for ${generator}`,
      found: `${claim.other}, another generator's`,
    });
  for (const folder of folders.map((name) => join(out, name))) {
    const names = await prepareFolder(folder);
    if (found === undefined && names.length > 0)
      throw new InputError({
        file: folder,
        expected: `an empty folder, or a ${record} beside ${claim.beside}`,
        found: `${names.length} files`,
      });
  }
  if (found === undefined) await replaceFile(file, expected);
}

/** Makes a folder and clears away files in it that were never completed; the names of what it has. Throws InputError where that cannot be. */
export async function prepareFolder(folder: string): Promise<string[]> {
  try {
    await mkdir(folder, { recursive: true });
    const names = await readdir(folder);
    for (const name of names) if (/^\..+\.tmp$/.test(name)) await rm(join(folder, name), { force: true });
    return names.filter((name) => !name.startsWith('.'));
  } catch (error) {
    throw cannotWrite(folder, 0, error);
  }
}

async function textOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw cannotWrite(file, 0, error);
  });
}

function oneLine(json: string): string {
  return json.replace(/\s+/g, ' ').slice(0, 200).trim();
}
