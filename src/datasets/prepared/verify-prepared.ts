import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { crc32 } from 'node:zlib';
import { InputError, type InputFault, reasonOf } from '../../engine/input-error.ts';
import { exactJson } from './exact-json.ts';
import { indexName } from './index-name.ts';
import { type PreparedMember, type PreparedMoment, type PreparedShard, readIndex } from './prepared-index.ts';
import { TAR_BLOCK, tarEnd, tarHead, tarPadding } from './ustar.ts';

/** What reading everything back came to. */
export interface VerifyReport {
  readonly shards: number;
  readonly moments: number;
  /** Members of shards. */
  readonly members: number;
  /** Bytes read. */
  readonly bytes: number;
  /** What is not as it was written: shard, byte and member, in their order. */
  readonly faults: readonly InputFault[];
}

/** How a folder is verified. */
export interface VerifyOptions {
  readonly onProgress?: (progress: { readonly done: number; readonly count: number }) => void;
  /** The promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Reads every byte of prepared shards and compares it with what was written: data with their checksums, heads and zeros of the
 * tar with what belongs there, what the index says of a moment with the moment's own record. Throws InputError for a folder that is
 * none; what is damaged in it is told, all of it.
 */
export async function verifyPrepared(folder: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  const index = await readIndex(folder);
  if (!index.complete) {
    const found = 'one whose preparing was interrupted (the same command goes on)';
    throw new InputError({ file: join(folder, indexName), expected: 'a whole folder', found });
  }
  const shards = index.shards.flat();
  const count = shards.reduce((sum, { moments }) => sum + moments.length, 0);
  const faults: InputFault[] = [];
  const sums = { moments: 0, members: 0, bytes: 0 };
  for (const shard of shards) {
    await verifyShard(join(folder, shard.file), shard, {
      onFault: (fault) => faults.push(fault),
      onMoment: (members, bytes) => {
        sums.moments++;
        sums.members += members;
        sums.bytes += bytes;
        options.signal?.throwIfAborted();
        options.onProgress?.({ done: sums.moments, count });
      },
    });
  }
  return { shards: shards.length, ...sums, faults };
}

async function verifyShard(
  file: string,
  shard: PreparedShard,
  tell: {
    readonly onFault: (fault: InputFault) => void;
    readonly onMoment: (members: number, bytes: number) => void;
  },
): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(file);
  } catch (error) {
    const found = reasonOf(error as NodeJS.ErrnoException);
    tell.onFault({ file, expected: `a shard of ${shard.bytes} bytes`, found });
    return;
  }
  try {
    const { size } = await handle.stat();
    let end = 0;
    for (const moment of shard.moments) {
      const members = membersOf(moment);
      for (const member of members) {
        end = member.offset + member.bytes + tarPadding(member.bytes).length;
        if (end > size) {
          tell.onFault({
            file,
            place: `byte ${size} (${member.name})`,
            expected: `${shard.bytes} bytes`,
            found: `the end of the file: it was cut off`,
          });
          return;
        }
        for (const fault of await verifyMember(handle, member, moment)) tell.onFault({ file, ...fault });
      }
      const last = members[members.length - 1];
      tell.onMoment(members.length, last.offset + last.bytes - members[0].offset + TAR_BLOCK);
    }
    const rest = await readAt(handle, end, Math.min(size - end, tarEnd.length + 1));
    const fault = firstDifference(rest, tarEnd, { from: end, what: 'the end of the tar' });
    if (fault !== undefined) tell.onFault({ file, ...fault });
  } finally {
    await handle.close();
  }
}

/** The members of a moment in the order of the shard. */
function membersOf({ sweep, pictures, record }: PreparedMoment): PreparedMember[] {
  return [...(sweep ? [sweep] : []), ...Object.values(pictures), record].sort((a, b) => a.offset - b.offset);
}

type Fault = Omit<InputFault, 'file'>;

async function verifyMember(
  handle: FileHandle,
  member: PreparedMember,
  { record, head }: PreparedMoment,
): Promise<Fault[]> {
  const { name, offset, bytes } = member;
  const start = offset - TAR_BLOCK;
  const padding = tarPadding(bytes);
  const all = await readAt(handle, start, TAR_BLOCK + bytes + padding.length);
  const data = all.subarray(TAR_BLOCK, TAR_BLOCK + bytes);
  const faults = [
    firstDifference(all.subarray(0, TAR_BLOCK), tarHead(member), { from: start, what: `head of ${name}` }),
  ];
  const found = crc32(data).toString(16).padStart(8, '0');
  const place = `byte ${offset} (${name}, ${bytes} bytes)`;
  if (found !== member.crc32) faults.push({ place, expected: `data of CRC-32 ${member.crc32}`, found });
  else if (member === record && !isRecordOf(data, head)) {
    const expected = `what ${indexName} says of frame ${head.id}`;
    faults.push({ place, expected, found: 'something else: the index or the record was changed' });
  }
  const after = { from: offset + bytes, what: `zeros after ${name}` };
  faults.push(firstDifference(all.subarray(TAR_BLOCK + bytes), padding, after));
  return faults.filter((fault) => fault !== undefined);
}

function isRecordOf(data: Uint8Array, head: PreparedMoment['head']): boolean {
  const { moment } = JSON.parse(Buffer.from(data).toString()) as { moment?: unknown };
  return isDeepStrictEqual(moment, JSON.parse(exactJson(head)));
}

/** The first byte at which two differ, as a fault; undefined where they are the same. */
function firstDifference(
  found: Uint8Array,
  expected: Uint8Array,
  { from, what }: { readonly from: number; readonly what: string },
): Fault | undefined {
  const shorter = Math.min(found.length, expected.length);
  let at = 0;
  while (at < shorter && found[at] === expected[at]) at++;
  if (at === shorter && found.length === expected.length) return undefined;
  const byteAt = (bytes: Uint8Array) => (at < bytes.length ? String(bytes[at]) : 'the end of the file');
  return { place: `byte ${from + at} (${what})`, expected: byteAt(expected), found: byteAt(found) };
}

/** So many bytes from a place on, or what there is. */
async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
