import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { InputError, reasonOf } from '../../engine/input-error.ts';
import type { PreparedMember } from './prepared-index.ts';

/** So long a shard stays open after it was read from. */
const IDLE_MS = 5000;

interface OpenFile {
  readonly handle: Promise<FileHandle>;
  /** Reads under way. */
  reads: number;
  timer: NodeJS.Timeout | undefined;
}

/** The shards of a folder, each opened once, read at any place by many at a time, and closed when it was left alone for a while. */
export class ShardFiles {
  readonly folder: string;
  private readonly files = new Map<string, OpenFile>();

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Where a member lies, as errors name it. */
  placeOf(
    shard: string,
    { name, offset }: PreparedMember,
  ): { readonly file: string; readonly place: string } {
    return { file: join(this.folder, shard), place: `byte ${offset} (${name})` };
  }

  /** The data of a member. Throws InputError for a shard that cannot be read or is cut off, and for data of another checksum. */
  async read(shard: string, member: PreparedMember): Promise<Uint8Array> {
    const where = this.placeOf(shard, member);
    const bytes = Buffer.allocUnsafeSlow(member.bytes);
    let filled = 0;
    try {
      filled = await this.fill(shard, bytes, member.offset);
    } catch (error) {
      const found = reasonOf(error as NodeJS.ErrnoException);
      throw new InputError({ ...where, expected: 'a shard that can be read', found }, { cause: error });
    }
    if (filled < bytes.length) {
      throw new InputError({ ...where, expected: `${bytes.length} bytes`, found: `${filled}` });
    }
    const found = crc32(bytes).toString(16).padStart(8, '0');
    if (found === member.crc32) return bytes;
    throw new InputError({ ...where, expected: `data of CRC-32 ${member.crc32}`, found });
  }

  private async fill(shard: string, bytes: Buffer, offset: number): Promise<number> {
    const file = this.files.get(shard) ?? this.opened(shard);
    clearTimeout(file.timer);
    file.reads++;
    try {
      const handle = await file.handle;
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    } finally {
      file.reads--;
      if (file.reads === 0) {
        // A process that has nothing else to do does not wait for it.
        file.timer = setTimeout(() => this.close(shard, file), IDLE_MS).unref();
      }
    }
  }

  private opened(shard: string): OpenFile {
    const file: OpenFile = { handle: open(join(this.folder, shard)), reads: 0, timer: undefined };
    this.files.set(shard, file);
    // What could not be opened may be there when it is asked for again.
    file.handle.catch(() => this.files.delete(shard));
    return file;
  }

  private close(shard: string, file: OpenFile): void {
    this.files.delete(shard);
    file.handle.then((handle) => handle.close()).catch(() => {});
  }
}
