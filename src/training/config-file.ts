import { readFile } from 'node:fs/promises';
import { InputError, reasonOf } from '../engine/input-error.ts';

/** The object in a JSON file of a configuration; `missing` is what an unreadable one is told as. Throws an InputError for anything else. */
export async function readConfigJson(
  file: string,
  missing: { readonly file: string; readonly expected: string },
): Promise<{ readonly [key: string]: unknown }> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ ...missing, found: reasonOf(error) });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError({ file, expected: 'JSON', found: (error as Error).message });
  }
  if (typeof value !== 'object' || value === null) {
    throw new InputError({ file, expected: 'a JSON object', found: typeof value });
  }
  return value as { readonly [key: string]: unknown };
}
