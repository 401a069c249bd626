import type { FileHandle } from 'node:fs/promises';
import protobuf from 'protobufjs/minimal.js';
import { readBytes } from './tfrecord.ts';

/** A field is at most so long before its content: a tag and a length. */
const HEAD_BYTES = 20;
const WINDOW_BYTES = 2048;

/** Protobuf's wire types that Waymo's messages use. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** One field of a message in a file, before it is read. */
export interface MessageField {
  readonly number: number;
  readonly wire: number;
  /** Where its content begins and ends in the file, bytes. */
  readonly start: number;
  readonly end: number;
}

/** Reads the fields of messages in a file in small pieces, so that pictures and range images within them are passed over. */
export class MessageFields {
  private readonly handle: FileHandle;
  private window: Buffer = Buffer.alloc(0);
  private windowAt = 0;

  constructor(handle: FileHandle) {
    this.handle = handle;
  }

  /** The fields of the message that lies from `start` to `end`, in their order. Throws an Error for what is no message. */
  async *fields(start: number, end: number): AsyncGenerator<MessageField> {
    for (let at = start; at < end; ) {
      const head = await this.bytes(at, Math.min(at + HEAD_BYTES, end));
      const reader = protobuf.Reader.create(head);
      const tag = reader.uint32();
      const wire = tag & 7;
      let length = 0;
      if (wire === WIRE.bytes) length = reader.uint32();
      const begin = at + reader.pos;
      if (wire === WIRE.varint) {
        reader.uint64();
        length = at + reader.pos - begin;
      } else if (wire === WIRE.fixed64) length = 8;
      else if (wire === WIRE.fixed32) length = 4;
      else if (wire !== WIRE.bytes) throw new Error(`wire type ${wire}`);
      const field = { number: tag >>> 3, wire, start: begin, end: begin + length };
      if (field.number === 0) throw new Error('field 0');
      if (field.end > end)
        throw new Error(`field ${field.number} of ${length} bytes, ${end - begin} before the end`);
      yield field;
      at = field.end;
    }
  }

  /** The first field of that number within a message, or undefined. */
  async first(
    number: number,
    { start, end }: Pick<MessageField, 'start' | 'end'>,
  ): Promise<MessageField | undefined> {
    for await (const field of this.fields(start, end)) if (field.number === number) return field;
    return undefined;
  }

  /** The value of a varint field; exact up to 2^53. */
  async varint({ start, end }: MessageField): Promise<number> {
    const value = protobuf.Reader.create(await this.bytes(start, end)).int64();
    return Number(value.toString());
  }

  /** The bytes from `start` to `end`. */
  async bytes(start: number, end: number): Promise<Buffer> {
    if (start < this.windowAt || end > this.windowAt + this.window.length) {
      this.window = await readBytes(this.handle, start, Math.max(WINDOW_BYTES, end - start));
      this.windowAt = start;
    }
    return this.window.subarray(start - this.windowAt, end - this.windowAt);
  }
}
