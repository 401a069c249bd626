import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { crc32c, frameTfRecord } from '../../../src/engine/tfrecord-framing.ts';
import { EventWriter } from '../../../src/training/run/tensorboard-events.ts';

/** CRC-32C bit by bit, straight from its definition. */
function slowCrc(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  return Number(crc ^ 0xffffffffn);
}

function slowMask(crc: number): number {
  const wide = BigInt(crc);
  return Number((((wide >> 15n) | (wide << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

/** The records of a TFRecord file, every checksum verified. */
function recordsOf(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(bytes.readUInt32LE(at + 8)).toBe(slowMask(slowCrc(bytes.subarray(at, at + 8))));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(slowMask(slowCrc(data)));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

type Field = { readonly number: number; readonly value: number | bigint | Buffer };

/** The fields of a protobuf message: varints as bigint, 32-bit as float, 64-bit as double, the rest as bytes. */
function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(varint());
    let value: Field['value'];
    if ((tag & 7) === 0) value = varint();
    else {
      const wire = tag & 7;
      const length = wire === 1 ? 8 : wire === 5 ? 4 : Number(varint());
      const bytes = message.subarray(at, at + length);
      at += length;
      value = wire === 1 ? bytes.readDoubleLE() : wire === 5 ? bytes.readFloatLE() : bytes;
    }
    fields.push({ number: tag >>> 3, value });
  }
  return fields;
}

const inside = (fields: Field[], number: number) =>
  fields.filter((field) => field.number === number).map(({ value }) => value);

function eventsOf(file: string) {
  return recordsOf(readFileSync(file)).map((record) => {
    const fields = fieldsOf(record);
    const values = inside(fields, 5).flatMap((summary) => inside(fieldsOf(summary as Buffer), 1));
    return {
      wallTime: inside(fields, 1)[0],
      step: inside(fields, 2)[0],
      version: inside(fields, 3)[0]?.toString(),
      session: inside(fields, 7).map((log) => fieldsOf(log as Buffer))[0],
      scalars: values.map((value) => {
        const [tag] = inside(fieldsOf(value as Buffer), 1);
        return [String(tag), inside(fieldsOf(value as Buffer), 2)[0]];
      }),
    };
  });
}

const folder = () => mkdtempSync(join(tmpdir(), 'pointpair-events-'));

describe('crc32c', () => {
  it.each([
    // RFC 3720, appendix B.4, and the check value of the catalogue of parametrised CRCs.
    ['123456789', Buffer.from('123456789'), 0xe3069283],
    ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    ['nothing', Buffer.alloc(0), 0],
  ])('%s', (_, bytes, crc) => {
    expect(crc32c(bytes)).toBe(crc);
  });
});

describe('TensorBoard events', () => {
  it('frames a record with its length and both masked checksums', () => {
    const data = Buffer.from('some bytes of a record');
    expect(recordsOf(Buffer.from(frameTfRecord(data)))).toEqual([data]);
  });

  it('writes the version, then scalars that decode to what was given', () => {
    const path = folder();
    const writer = new EventWriter(path, { host: 'box', now: () => 1_700_000_000.25 });
    writer.scalar(0, { 'loss/total': 13.5, 'loss/intra': Number.NaN }, 1_700_000_001.5);
    writer.scalar(2 ** 40, { learningRate: 0.03 });
    writer.close();
    expect(readdirSync(path)).toEqual(['events.out.tfevents.1700000000.box']);
    const none = { version: undefined, session: undefined };
    expect(eventsOf(writer.file)).toEqual([
      { ...none, wallTime: 1_700_000_000.25, step: undefined, version: 'brain.Event:2', scalars: [] },
      {
        ...none,
        wallTime: 1_700_000_001.5,
        step: 0n,
        scalars: [
          ['loss/total', 13.5],
          ['loss/intra', Number.NaN],
        ],
      },
      {
        ...none,
        wallTime: 1_700_000_000.25,
        step: 2n ** 40n,
        scalars: [['learningRate', Math.fround(0.03)]],
      },
    ]);
  });

  it('keeps events in memory until they are flushed', () => {
    const writer = new EventWriter(folder());
    writer.scalar(1, { loss: 1 });
    expect(eventsOf(writer.file)).toHaveLength(1);
    writer.flush();
    expect(eventsOf(writer.file)).toHaveLength(2);
    writer.flush();
    writer.close();
    expect(eventsOf(writer.file)).toHaveLength(2);
  });

  it('starts a file of its own when a run goes on within the same second, and says from which step', () => {
    const path = folder();
    const options = { host: 'box', now: () => 1_700_000_000 };
    new EventWriter(path, options).close();
    const second = new EventWriter(path, { ...options, resumeStep: 120 });
    second.close();
    expect(readdirSync(path)).toHaveLength(2);
    // SessionLog { status: START = 1 }
    expect(eventsOf(second.file)[1]).toMatchObject({ step: 120n, session: [{ number: 1, value: 1n }] });
  });
});
