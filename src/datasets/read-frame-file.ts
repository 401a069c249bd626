import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { InputError, reasonOf } from '../engine/input-error.ts';

/** Nothing that belongs to one frame is larger; what claims to be is refused before it is read. */
const LIMIT_BYTES = 2 ** 29;

/** The bytes of a frame's file. Throws InputError for what is missing, unreadable, no regular file or larger than 512 MiB. */
export async function readFrameFile(path: string): Promise<Uint8Array> {
  const fault = (found: string, cause?: unknown) =>
    new InputError(
      { file: path, expected: `a file that can be read, of at most ${LIMIT_BYTES / 2 ** 20} MiB`, found },
      { cause },
    );
  // Without O_NONBLOCK a named pipe would be waited for.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw fault(reasonOf(error as NodeJS.ErrnoException), error);
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw fault(stat.isDirectory() ? 'a folder' : 'a device, pipe or socket');
    if (stat.size > LIMIT_BYTES) throw fault(`${stat.size} bytes`);
    return await readBytes(file, stat.size);
  } catch (error) {
    throw error instanceof InputError ? error : fault(reasonOf(error as NodeJS.ErrnoException), error);
  } finally {
    await file.close();
  }
}

/** So many bytes, or what there is, in one piece: `readFile` would read pieces of half a megabyte and join them. */
async function readBytes(file: FileHandle, size: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(bytes, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** The text of a frame's file; InputError also for bytes that are not UTF-8. */
export async function readFrameText(path: string): Promise<string> {
  const bytes = await readFrameFile(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InputError({ file: path, expected: 'a text (UTF-8)', found: 'other bytes' }, { cause: error });
  }
}
