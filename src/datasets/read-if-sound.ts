import { InputError } from '../engine/input-error.ts';
import { readFrameText } from './read-frame-file.ts';

/** What a file says, or a sentence why it cannot be had. */
export interface Reading<Value> {
  readonly value?: Value;
  readonly fault?: string;
  /** Whether the file is not there. */
  readonly absent?: boolean;
}

/** What is read from a file's text, or a sentence that says why it cannot be had; `name` is what a missing file is called. */
export async function readIfSound<Value>(
  file: string,
  name: string,
  parse: (text: string, file: string) => Value,
): Promise<Reading<Value>> {
  try {
    return { value: parse(await readFrameText(file), file) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const absent = (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    return { fault: absent ? `${name} is missing` : error.message, absent };
  }
}
