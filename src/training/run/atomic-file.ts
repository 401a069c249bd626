import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, rename, rm, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InputError, reasonOf } from '../../engine/input-error.ts';

let serial = 0;

/** Whether a name is one that a file or folder here has until it is complete. */
export function isTemporaryName(name: string): boolean {
  return /^\..+\.tmp$/.test(name);
}

/** A name beside `path` that no other write uses. */
export function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}-${serial++}.tmp`);
}

/** The path that a temporary one stands for; any other as it is. */
export function finalPath(path: string): string {
  return join(dirname(path), basename(path).replace(/^\.(.+)\.\d+-\d+\.tmp$/, '$1'));
}

/**
 * Writes a file such that `path` holds either what it held before or all of `bytes`, whenever the process or the machine
 * stops. Throws an InputError that names the file where it cannot be written, with the sizes where there is no room.
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    await writeSynced(temporary, path, bytes);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await discard(temporary);
    throw writeError(path, error);
  }
}

/** Writes a value as indented JSON, atomically. */
export async function writeJsonAtomically(path: string, value: unknown): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Writes a folder of files such that it appears complete or not at all. A folder that is there already is replaced;
 * between its going and the new one's coming there is an instant with neither. Errors as in `writeFileAtomically`.
 */
export async function writeFolderAtomically(
  folder: string,
  files: ReadonlyArray<readonly [name: string, bytes: Uint8Array | string]>,
): Promise<void> {
  const temporary = temporaryPath(folder);
  try {
    await mkdir(temporary);
    for (const [name, bytes] of files) await writeSynced(join(temporary, name), join(folder, name), bytes);
    await syncFolder(temporary);
    await removeFolder(folder);
    await rename(temporary, folder);
    await syncFolder(dirname(folder));
  } catch (error) {
    await discard(temporary);
    throw writeError(folder, error);
  }
}

/** Makes a folder, and those that it lies in, where it is not there. Throws an InputError that names it where it cannot be made. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ file: path, expected: 'a folder that can be made', found: reasonOf(error) });
  });
}

/** Takes away what was not completed. Where that fails too, the first failure is the one to tell. */
async function discard(temporary: string): Promise<void> {
  await rm(temporary, { recursive: true, force: true }).catch(() => {});
}

/** Removes a folder, if it is there, such that nobody sees it half removed. */
export async function removeFolder(folder: string): Promise<void> {
  const going = temporaryPath(folder);
  try {
    await rename(folder, going);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await rm(going, { recursive: true, force: true });
}

async function writeSynced(path: string, finalPath: string, bytes: Uint8Array | string): Promise<void> {
  const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  const file = await open(path, 'wx');
  try {
    // In pieces, because one call takes less than 2 GiB.
    for (let at = 0; at < data.length; ) {
      at += (await file.write(data, at, Math.min(data.length - at, 2 ** 28))).bytesWritten;
    }
    await file.sync();
  } catch (error) {
    throw await noRoom(error, file, { path, finalPath, needed: data.length });
  } finally {
    await file.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open folders; there the rename itself is durable.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

async function noRoom(
  error: unknown,
  file: FileHandle,
  { path, finalPath, needed }: { path: string; finalPath: string; needed: number },
): Promise<unknown> {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (!NO_ROOM.has(code)) return error;
  // What was written of the file so far is given back, and so counts as free.
  await file.truncate(0);
  const { bavail, bsize } = await statfs(dirname(path));
  return new InputError(
    {
      file: finalPath,
      expected: `room for ${needed} bytes`,
      found: `${bavail * bsize} bytes free (${code})`,
    },
    { cause: error },
  );
}

function writeError(path: string, error: unknown): unknown {
  const fault = error as NodeJS.ErrnoException;
  if (error instanceof InputError || fault.code === undefined) return error;
  const found = fault.code === 'ENOENT' ? 'no such folder' : reasonOf(fault);
  return new InputError({ file: path, expected: 'a path that can be written', found }, { cause: error });
}
