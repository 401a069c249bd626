import { InputError } from '../../engine/input-error.ts';
import { RECORD_HEAD_BYTES } from '../../engine/tfrecord-framing.ts';
import type { Matrix44 } from '../../geometry/matrix.ts';
import { decodeTransform } from './frame-message.ts';
import { type MessageField, MessageFields, WIRE } from './message-fields.ts';
import { recordKindNames, recordKindOf } from './record-kind.ts';
import { type WaymoCamera, waymoCameras } from './sensor-names.ts';
import { placeOfRecord, readTfRecord, type TfRecord, type TfRecordIndex, withFile } from './tfrecord.ts';
import { matrixOf } from './transform.ts';

/** What a record's `Frame` says of itself before its pictures and range images are read. */
export interface FrameHead {
  readonly segment?: string;
  readonly timestampMicros?: number;
  readonly worldFromVehicle?: Matrix44;
  readonly hasLasers: boolean;
  readonly hasBoxes: boolean;
  readonly cameras: readonly WaymoCamera[];
  /** A pose and a time that cannot be right, which are left out. */
  readonly faults: readonly InputError[];
}

/** A record with the head of its frame, or with what is wrong with it. */
export interface OpenedRecord {
  readonly record: TfRecord;
  readonly head?: FrameHead;
  readonly fault?: InputError;
}

type Span = Pick<MessageField, 'start' | 'end'>;

/**
 * Reads the heads of all frames of a file; with `verify`, all data too, for its checksums. What is wrong with a record is told
 * beside it. Throws InputError where the first sound record is no frame, and where no record is sound.
 */
export async function readFrameHeads(
  { file, records }: TfRecordIndex,
  { verify }: { readonly verify: boolean },
): Promise<OpenedRecord[]> {
  return withFile(file, async (handle) => {
    const message = new MessageFields(handle);
    const opened: OpenedRecord[] = [];
    let isKnown = false;
    for (const record of records) {
      let fault = verify ? await damageOf(file, record) : undefined;
      const read = fault ?? (await headOf(message, { file, record, isKnown }));
      const isSuspect = read instanceof InputError || read.faults.length > 0;
      // Damage makes a frame look like anything.
      if (isSuspect) fault ??= await damageOf(file, record);
      if (fault !== undefined) opened.push({ record, fault });
      else if (!(read instanceof InputError)) opened.push({ record, head: read });
      else if (isKnown) opened.push({ record, fault: read });
      else throw read;
      isKnown ||= fault === undefined;
    }
    if (!isKnown) throw opened[0].fault!;
    return opened;
  });
}

async function damageOf(file: string, record: TfRecord): Promise<InputError | undefined> {
  return readTfRecord(file, record).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof InputError) return error;
      throw error;
    },
  );
}

async function headOf(
  message: MessageFields,
  { file, record, isKnown }: { readonly file: string; readonly record: TfRecord; readonly isKnown: boolean },
): Promise<FrameHead | InputError> {
  const start = record.byte + RECORD_HEAD_BYTES;
  const span = { start, end: start + record.length };
  const fault = (expected: string, found: string) =>
    new InputError({ file, place: placeOfRecord(record), expected, found });
  const frame = 'a Frame of the Waymo Open Dataset';
  const kind = isKnown ? 'frame' : await recordKindOf(message, span);
  if (kind !== 'frame') return fault(frame, recordKindNames[kind]);
  try {
    return await readFrameHead(message, span, fault);
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw error;
    return fault(frame, `bytes that are none: ${error instanceof Error ? error.message : error}`);
  }
}

/** Throws an Error for bytes that are no message. */
async function readFrameHead(
  message: MessageFields,
  span: Span,
  fault: (expected: string, found: string) => InputError,
): Promise<FrameHead> {
  let segment: string | undefined;
  let timestampMicros: number | undefined;
  let worldFromVehicle: Matrix44 | undefined;
  let hasLasers = false;
  let hasBoxes = false;
  const numbers = new Set<number>();
  const faults: InputError[] = [];
  for await (const field of message.fields(span.start, span.end)) {
    const isMessage = field.wire === WIRE.bytes;
    if (field.number === 1 && isMessage) {
      const name = await message.first(1, field);
      if (name !== undefined) segment = (await message.bytes(name.start, name.end)).toString('utf8');
    } else if (field.number === 2 && field.wire === WIRE.varint) {
      timestampMicros = await message.varint(field);
    } else if (field.number === 3 && isMessage) {
      const transform = decodeTransform(await message.bytes(field.start, field.end));
      const matrix = matrixOf(transform);
      if (typeof matrix === 'string') faults.push(fault('a pose of 16 finite numbers', matrix));
      else worldFromVehicle = matrix;
    } else if (field.number === 4 && isMessage) {
      const number = await pictureOf(message, field);
      if (number !== undefined) numbers.add(number);
    } else if (field.number === 5 && isMessage) hasLasers ||= await hasRanges(message, field);
    else if (field.number === 6 && isMessage) hasBoxes = true;
  }
  if (timestampMicros !== undefined && !Number.isSafeInteger(timestampMicros)) {
    faults.push(fault('a time in microseconds below 2^53', String(timestampMicros)));
    timestampMicros = undefined;
  }
  const cameras = waymoCameras.filter((_, index) => numbers.has(index + 1));
  return { segment, timestampMicros, worldFromVehicle, hasLasers, hasBoxes, cameras, faults };
}

/** The number of the camera whose picture a `CameraImage` has; undefined where it has none. */
async function pictureOf(message: MessageFields, image: Span): Promise<number | undefined> {
  let number: number | undefined;
  let hasBytes = false;
  for await (const field of message.fields(image.start, image.end)) {
    if (field.number === 1 && field.wire === WIRE.varint) number = await message.varint(field);
    if (field.number === 2) hasBytes ||= field.end > field.start;
  }
  return hasBytes ? number : undefined;
}

/** Whether a `Laser` has a range image in one of its returns. */
async function hasRanges(message: MessageFields, laser: Span): Promise<boolean> {
  for await (const { number, wire, start, end } of message.fields(laser.start, laser.end)) {
    if (number < 2 || wire !== WIRE.bytes) continue;
    for await (const part of message.fields(start, end)) {
      if ((part.number === 1 || part.number === 2) && part.end > part.start) return true;
    }
  }
  return false;
}
