import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { cannotWrite } from '../scenes/scene-files.ts';

/** Whether a name is one that a file has until it is complete. */
export function isUnfinishedName(name: string): boolean {
  return /^\..+\.tmp$/.test(name);
}

/**
 * A file that is written piece by piece under another name and has its own only when it is whole and on the disk: whenever
 * the process or the machine stops, the path holds what it held before, or all of it.
 */
export class NewFile {
  /** Bytes so far. */
  size = 0;
  private readonly path: string;
  private readonly temporary: string;
  private readonly file: FileHandle;

  private constructor(path: string, temporary: string, file: FileHandle) {
    this.path = path;
    this.temporary = temporary;
    this.file = file;
  }

  /** Begins a file. Throws InputError, as all else here, where it cannot be written, no room among the reasons. */
  static async create(path: string): Promise<NewFile> {
    const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${threadId}.tmp`);
    try {
      return new NewFile(path, temporary, await open(temporary, 'w'));
    } catch (error) {
      throw cannotWrite(path, 0, error);
    }
  }

  /** Adds these bytes, one after the other. */
  async append(parts: readonly Uint8Array[]): Promise<void> {
    let left = parts.filter(({ length }) => length > 0);
    try {
      while (left.length > 0) {
        let { bytesWritten } = await this.file.writev(left);
        this.size += bytesWritten;
        // A write may be cut short, by a signal or a quota.
        left = left.flatMap((part) => {
          const rest = part.subarray(Math.min(bytesWritten, part.length));
          bytesWritten -= part.length - rest.length;
          return rest.length > 0 ? [rest] : [];
        });
      }
    } catch (error) {
      const bytes = left.reduce((sum, { length }) => sum + length, 0);
      throw cannotWrite(this.path, bytes, error);
    }
  }

  /** Makes it whole: to the disk, and under its own name. */
  async commit(): Promise<void> {
    try {
      await this.file.sync();
      await this.file.close();
      await rename(this.temporary, this.path);
      await syncFolder(dirname(this.path));
    } catch (error) {
      throw cannotWrite(this.path, this.size, error);
    }
  }

  /** Takes away what was written; where that fails too, what happened before is the thing to tell. */
  async discard(): Promise<void> {
    await this.file.close().catch(() => {});
    await rm(this.temporary, { force: true }).catch(() => {});
  }
}

/** Writes a whole text as `NewFile` does. */
export async function writeNewFile(path: string, text: string): Promise<void> {
  const file = await NewFile.create(path);
  try {
    await file.append([Buffer.from(text)]);
    await file.commit();
  } catch (error) {
    await file.discard();
    throw error;
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
