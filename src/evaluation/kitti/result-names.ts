import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** The files in a folder at any depth, by their path in it with `/`, in order; without those whose name begins with a dot. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
    .sort();
}

/** The result files of a detector in a folder, `<frame>.txt` or `<drive>/<frame>.txt`, in order. */
export async function resultFilesIn(folder: string): Promise<string[]> {
  return (await filesIn(folder)).filter((name) => name.endsWith('.txt'));
}
