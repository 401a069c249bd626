import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { InputError, reasonOf } from '../../engine/input-error.ts';

/** A file that is open for the time of one call. */
export interface OpenFile {
  readonly file: string;
  readonly bytes: number;
  /** When it was last written, milliseconds. */
  readonly writtenMs: number;
  /** The bytes from `start` to before `end`. Throws InputError where the file has fewer. */
  read(start: number, end: number): Uint8Array;
}

/** Opens a file, hands it to `use`, and closes it. Throws InputError for what cannot be read. */
export function withFile<Result>(file: string, use: (open: OpenFile) => Result): Result {
  const expected = 'a readable Parquet file';
  const handle = attempt(file, expected, () => openSync(file, 'r'));
  try {
    const stat = attempt(file, expected, () => fstatSync(handle));
    if (!stat.isFile()) throw new InputError({ file, expected, found: 'no regular file' });
    return use({
      file,
      bytes: stat.size,
      writtenMs: stat.mtimeMs,
      read: (start, end) => readRange(file, handle, start, end),
    });
  } finally {
    closeSync(handle);
  }
}

function readRange(file: string, handle: number, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const read = attempt(file, 'bytes that can be read', () =>
      readSync(handle, bytes, filled, bytes.length - filled, start + filled),
    );
    if (read === 0)
      throw new InputError({
        file,
        place: `byte ${start + filled}`,
        expected: `${bytes.length} bytes from byte ${start} on`,
        found: 'the end of the file',
      });
    filled += read;
  }
  return bytes;
}

function attempt<Result>(file: string, expected: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      { file, expected, found: reasonOf(error as NodeJS.ErrnoException) },
      { cause: error },
    );
  }
}
