import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { InputError, reasonOf } from '../../engine/input-error.ts';
import { maskedCrc, RECORD_HEAD_BYTES, RECORD_TAIL_BYTES } from '../../engine/tfrecord-framing.ts';

/** No frame is larger; what claims to be is refused before it is read. */
const LIMIT_BYTES = 2 ** 29;
/** What is read at a head: small records that follow are found in it. */
const WINDOW_BYTES = 4096;

/** Where the data of a record lies in its file. */
export interface TfRecord {
  /** Its number, from 0. */
  readonly index: number;
  /** The byte at which its framing begins, 12 before its data. */
  readonly byte: number;
  /** Bytes of its data. */
  readonly length: number;
}

/** The records of a file, and why there are no more if the file does not end with a whole record. */
export interface TfRecordIndex {
  readonly file: string;
  readonly records: readonly TfRecord[];
  /** The damage that ends the index: a cut tail or a damaged head. What follows it cannot be found. */
  readonly fault?: InputError;
}

/** Whether a name is one of a TFRecord file: `.tfrecord`, or a shard such as `training.tfrecord-00001-of-01000`. */
export function isTfRecordName(name: string): boolean {
  return /\.tfrecords?(-\d+-of-\d+)?$/i.test(name) && !name.startsWith('.');
}

/** How errors call a record. */
export function placeOfRecord({ index, byte }: TfRecord): string {
  return `record ${index} (byte ${byte})`;
}

/** Opens a file for reading parts of it. Throws InputError for what is missing, unreadable or no regular file. */
export async function withFile<Value>(
  file: string,
  use: (handle: FileHandle, size: number) => Promise<Value>,
): Promise<Value> {
  const fault = (found: string, cause?: unknown) =>
    new InputError({ file, expected: 'a readable file', found }, { cause });
  // Without O_NONBLOCK a named pipe would be waited for.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: Error) => {
    throw fault(reasonOf(error), error);
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw fault(stat.isDirectory() ? 'a folder' : 'a device, pipe or socket');
    return await use(handle, stat.size);
  } catch (error) {
    throw error instanceof Error && 'syscall' in error ? fault(reasonOf(error), error) : error;
  } finally {
    await handle.close();
  }
}

/** `length` bytes of a file from `byte` on, or those that there are. */
export async function readBytes(handle: FileHandle, byte: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, byte + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/**
 * Finds the records of a TFRecord file by their heads (u64 length, u32 masked CRC-32C of it; little-endian), whose checksums
 * are checked; the data is not read. Damage ends the index and is told in `fault`; records before it are kept. Throws
 * InputError for a file that cannot be read, and for one that does not begin with a record.
 */
export async function indexTfRecords(file: string): Promise<TfRecordIndex> {
  return withFile(file, async (handle, size) => {
    const records: TfRecord[] = [];
    let window: Buffer = Buffer.alloc(0);
    let windowAt = 0;
    let fault: InputError | undefined;
    for (let byte = 0; byte < size && fault === undefined; ) {
      if (byte < windowAt || byte + RECORD_HEAD_BYTES > windowAt + window.length) {
        window = await readBytes(handle, byte, Math.min(WINDOW_BYTES, size - byte));
        windowAt = byte;
      }
      const head = window.subarray(byte - windowAt, byte - windowAt + RECORD_HEAD_BYTES);
      const record = { index: records.length, byte, length: 0 };
      const found = (expected: string, what: string) =>
        new InputError({ file, place: placeOfRecord(record), expected, found: what });
      fault = faultOfHead(head, size - byte, found);
      if (fault !== undefined) break;
      const length = Number(head.readBigUInt64LE(0));
      records.push({ ...record, length });
      byte += RECORD_HEAD_BYTES + length + RECORD_TAIL_BYTES;
    }
    if (records.length > 0) return { file, records, fault };
    throw fault ?? new InputError({ file, expected: 'a TFRecord file', found: 'an empty file' });
  });
}

function faultOfHead(
  head: Buffer,
  left: number,
  fault: (expected: string, found: string) => InputError,
): InputError | undefined {
  if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) {
    return fault('a TFRecord that is not compressed', 'gzip');
  }
  if (head.length < RECORD_HEAD_BYTES) {
    return fault(
      `the ${RECORD_HEAD_BYTES} bytes of a record's head`,
      `${head.length}, then the end of the file`,
    );
  }
  const stored = head.readUInt32LE(8);
  const computed = maskedCrc(head.subarray(0, 8));
  if (stored !== computed) {
    return fault(
      "a record's length and its checksum",
      `checksum ${hex(stored)} beside bytes whose checksum is ${hex(computed)}`,
    );
  }
  const length = head.readBigUInt64LE(0);
  const whole = BigInt(left - RECORD_HEAD_BYTES - RECORD_TAIL_BYTES);
  if (length > whole) {
    const there = left - RECORD_HEAD_BYTES;
    return fault(
      `${length} bytes of data and ${RECORD_TAIL_BYTES} of checksum`,
      `${there}, then the end of the file`,
    );
  }
  if (length > LIMIT_BYTES) return fault(`at most ${LIMIT_BYTES} bytes of data`, `${length}`);
  return undefined;
}

/** The data of a record, its checksum checked. Throws InputError with the place for a damaged one. */
export async function readTfRecord(file: string, record: TfRecord): Promise<Buffer> {
  return withFile(file, async (handle) => {
    const { byte, length } = record;
    const bytes = await readBytes(handle, byte + RECORD_HEAD_BYTES, length + RECORD_TAIL_BYTES);
    const fault = (expected: string, found: string) =>
      new InputError({ file, place: placeOfRecord(record), expected, found });
    if (bytes.length < length + RECORD_TAIL_BYTES) {
      throw fault(
        `${length + RECORD_TAIL_BYTES} bytes`,
        `${bytes.length}: the file was cut since it was opened`,
      );
    }
    const data = bytes.subarray(0, length);
    const stored = bytes.readUInt32LE(length);
    const computed = maskedCrc(data);
    if (stored === computed) return data;
    throw fault(`data of checksum ${hex(stored)}`, `damaged data, whose checksum is ${hex(computed)}`);
  });
}

function hex(number: number): string {
  return `0x${number.toString(16).padStart(8, '0')}`;
}
