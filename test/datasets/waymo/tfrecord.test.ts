import { appendFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { indexTfRecords, isTfRecordName, readTfRecord } from '../../../src/datasets/waymo/tfrecord.ts';
import { frameTfRecord } from '../../../src/engine/tfrecord-framing.ts';
import { bitwiseMaskedCrc } from './bitwise-crc.ts';
import { newFolder, removeFolders, writeRecords } from './write-records.ts';

afterEach(removeFolders);

const messages = [Buffer.from('first'), Buffer.alloc(0), Buffer.alloc(9000, 7), Buffer.from('last')];
const [second, third, fourth] = [21, 37, 9053];

function flip(file: string, byte: number): void {
  const bytes = readFileSync(file);
  bytes[byte] ^= 0x10;
  writeFileSync(file, bytes);
}

async function readAll(file: string): Promise<Array<Buffer | string>> {
  const { records } = await indexTfRecords(file);
  return Promise.all(
    records.map((record) => readTfRecord(file, record).catch((error: Error) => error.message)),
  );
}

describe('a TFRecord file', () => {
  it('is indexed by its heads, and read record by record', async () => {
    const file = writeRecords(messages);
    const { records, fault } = await indexTfRecords(file);
    expect(fault).toBeUndefined();
    expect(records.map(({ byte, length }) => [byte, length])).toEqual([
      [0, 5],
      [second, 0],
      [third, 9000],
      [fourth, 4],
    ]);
    expect(await readAll(file)).toEqual(messages);
  });

  it('has the bytes that the format says', () => {
    // TFRecord's own form of the data "abc": checksums bit by bit from the definition.

    const framed = Buffer.from(frameTfRecord(Buffer.from('abc')));
    expect(framed.readBigUInt64LE(0)).toBe(3n);
    expect(framed.readUInt32LE(8)).toBe(bitwiseMaskedCrc(framed.subarray(0, 8)));
    expect(framed.subarray(12, 15).toString()).toBe('abc');
    expect(framed.readUInt32LE(15)).toBe(bitwiseMaskedCrc(framed.subarray(12, 15)));
  });

  it('tells a flipped byte of a record, and reads the others', async () => {
    const file = writeRecords(messages);
    flip(file, third + 12 + 4000);
    const read = await readAll(file);
    expect([read[0], read[1], read[3]]).toEqual([messages[0], messages[1], messages[3]]);
    expect(read[2]).toMatch(
      /segment\.tfrecord: record 2 \(byte 37\): expected data of checksum 0x\w{8}, found damaged data, whose checksum is 0x\w{8}$/,
    );
  });

  it('tells a flipped byte of the checksum of the data', async () => {
    const file = writeRecords(messages);
    flip(file, second + 12);
    expect((await readAll(file))[1]).toMatch(/record 1 \(byte 21\): expected data of checksum/);
  });

  it.each([0, 3, 7, 8, 11])('ends with the record before a head whose byte %i is flipped', async (byte) => {
    const file = writeRecords(messages);
    flip(file, third + byte);
    const { records, fault } = await indexTfRecords(file);
    expect(records.length).toBe(2);
    expect(fault?.message).toMatch(
      /record 2 \(byte 37\): expected a record's length and its checksum, found checksum 0x\w{8} beside bytes whose checksum is 0x\w{8}$/,
    );
  });

  it.each([
    [
      'data',
      3,
      /record 3 \(byte 9053\): expected 4 bytes of data and 4 of checksum, found 5, then the end of the file/,
    ],
    [
      'head',
      12,
      /record 3 \(byte 9053\): expected the 12 bytes of a record's head, found 8, then the end of the file/,
    ],
  ])('whose tail is cut in the %s keeps the whole records before it', async (_, less, message) => {
    const file = writeRecords(messages);
    truncateSync(file, fourth + 20 - less);
    const { records, fault } = await indexTfRecords(file);
    expect(records.length).toBe(3);
    expect(fault?.message).toMatch(message);
  });

  it('tells what follows its last record and is none', async () => {
    const file = writeRecords(messages);
    appendFileSync(file, 'garbage that is long enough for a head');
    const { records, fault } = await indexTfRecords(file);
    expect(records.length).toBe(4);
    expect(fault?.message).toContain('record 4 (byte 9073)');
  });

  it.each([
    ['text', Buffer.from('this is no record at all'), "expected a record's length and its checksum"],
    ['nothing', Buffer.alloc(0), 'expected a TFRecord file, found an empty file'],
    [
      'gzip',
      Buffer.from('1f8b0800000000000003', 'hex'),
      'expected a TFRecord that is not compressed, found gzip',
    ],
  ])('is not one of %s', async (_, bytes, message) => {
    const file = join(newFolder(), 'some.tfrecord');
    writeFileSync(file, bytes);
    await expect(indexTfRecords(file)).rejects.toThrow(message);
  });

  it('is not a folder, and has to be there', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'a.tfrecord'));
    await expect(indexTfRecords(join(folder, 'a.tfrecord'))).rejects.toThrow(
      'expected a readable file, found a folder',
    );
    await expect(indexTfRecords(join(folder, 'b.tfrecord'))).rejects.toThrow('found nothing');
  });

  it('is known by its name', () => {
    const names = ['a.tfrecord', 'A.TFRecord', 'training.tfrecord-00001-of-01000', 'b.tfrecords'];
    expect(names.filter(isTfRecordName)).toEqual(names);
    expect(['tfrecord', 'a.tfrecord.gz', '.a.tfrecord', 'a.tfrecord-1'].filter(isTfRecordName)).toEqual([]);
  });
});
