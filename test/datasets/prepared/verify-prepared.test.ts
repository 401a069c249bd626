import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { prepareSequences } from '../../../src/datasets/prepared/prepare-sequences.ts';
import { type PreparedMoment, readIndex } from '../../../src/datasets/prepared/prepared-index.ts';
import { openPrepared } from '../../../src/datasets/prepared/prepared-sequence.ts';
import { verifyPrepared } from '../../../src/datasets/prepared/verify-prepared.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import { referenceToMade } from './memory-sequences.ts';

let folder = '';
let shard = '';
let whole: Buffer;
let moments: readonly PreparedMoment[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'verified-'));
  const source = referenceToMade({ seed: 1, lengths: [3, 1] });
  await prepareSequences({ source, described: { path: '/data', options: {} }, out: folder, workers: 0 });
  shard = join(folder, 'drive_0-00000.tar');
  whole = readFileSync(shard);
  moments = (await readIndex(folder)).shards[0][0].moments;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The faults where a byte of the shard is another one. */
async function faultsOfFlipped(at: number) {
  const bytes = Buffer.from(whole);
  bytes[at] ^= 16;
  writeFileSync(shard, bytes);
  return (await verifyPrepared(folder)).faults;
}

describe('verifyPrepared', () => {
  it('finds nothing where nothing is damaged', async () => {
    const told: number[] = [];
    const report = await verifyPrepared(folder, { onProgress: ({ done }) => told.push(done) });
    expect(report).toMatchObject({ shards: 2, moments: 4, members: 16, faults: [] });
    expect(told).toEqual([1, 2, 3, 4]);
    // All but the two blocks at the end of each shard.
    const size = whole.length + readFileSync(join(folder, 'drive_1-00000.tar')).length;
    expect(report.bytes).toBeLessThanOrEqual(size - 2048);
    expect(report.bytes).toBeGreaterThan(size - 2048 - 2 * 512 * 16);
  });

  it('finds any flipped byte, and names the member', async () => {
    const { sweep, pictures, record } = moments[1];
    const where = [
      [sweep!.offset, `byte ${sweep!.offset} (000001.points.pcd, ${sweep!.bytes} bytes)`],
      [
        pictures.right.offset + pictures.right.bytes - 1,
        `byte ${pictures.right.offset} (000001.right.png, ${pictures.right.bytes} bytes)`,
      ],
      [record.offset + 9, `byte ${record.offset} (000001.json, ${record.bytes} bytes)`],
      [sweep!.offset - 512, `byte ${sweep!.offset - 512} (head of 000001.points.pcd)`],
      [record.offset - 1, `byte ${record.offset - 1} (head of 000001.json)`],
      [
        pictures.left.offset + pictures.left.bytes,
        `byte ${pictures.left.offset + pictures.left.bytes} (zeros after 000001.left.png)`,
      ],
      [whole.length - 1, `byte ${whole.length - 1} (the end of the tar)`],
    ] as const;
    for (const [at, place] of where) {
      expect(await faultsOfFlipped(at)).toMatchObject([{ file: shard, place }]);
    }
    // No place is left unlooked at.
    for (let at = 3; at < whole.length; at += 997) expect(await faultsOfFlipped(at)).toHaveLength(1);
  }, 30_000);

  it('finds a tail that was cut off, one that was added, and a shard that is gone', async () => {
    const { sweep } = moments[2];
    writeFileSync(shard, whole.subarray(0, sweep!.offset + 5));
    expect((await verifyPrepared(folder)).faults).toEqual([
      {
        file: shard,
        place: `byte ${sweep!.offset + 5} (000002.points.pcd)`,
        expected: `${whole.length} bytes`,
        found: 'the end of the file: it was cut off',
      },
    ]);
    writeFileSync(shard, whole.subarray(0, whole.length - 600));
    expect((await verifyPrepared(folder)).faults).toMatchObject([
      { place: `byte ${whole.length - 600} (the end of the tar)`, found: 'the end of the file' },
    ]);
    writeFileSync(shard, Buffer.concat([whole, Buffer.alloc(1)]));
    expect((await verifyPrepared(folder)).faults).toMatchObject([
      { place: `byte ${whole.length} (the end of the tar)`, expected: 'the end of the file' },
    ]);
    rmSync(shard);
    expect((await verifyPrepared(folder)).faults).toMatchObject([{ file: shard, found: 'nothing' }]);
  });

  it('finds an index that says something else than the records', async () => {
    const file = join(folder, 'prepared.json');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('"timeS":0.1,', '"timeS":0.2,'));
    expect((await verifyPrepared(folder)).faults).toMatchObject([
      { file: shard, expected: 'what prepared.json says of frame 000001' },
    ]);
    writeFileSync(file, text.replace('"crc32":"', '"crc32":"x'));
    await expect(verifyPrepared(folder)).rejects.toThrow(/prepared.json: key shards.0.0.moments.0/);
    writeFileSync(file, text.slice(0, -20));
    await expect(verifyPrepared(folder)).rejects.toThrow(InputError);
    writeFileSync(file, text.replace('"complete":true', '"complete":false'));
    await expect(verifyPrepared(folder)).rejects.toThrow(/interrupted/);
  });
});

describe('a prepared sequence', () => {
  it('says where what it reads is damaged', async () => {
    const { sweep, record, pictures } = moments[1];
    const [sequence] = await openPrepared(folder);
    await faultsOfFlipped(sweep!.offset + 100);
    await expect(sequence.cloud(1)).rejects.toThrow(
      `${shard}: byte ${sweep!.offset} (000001.points.pcd): expected data of CRC-32 ${sweep!.crc32}, found`,
    );
    expect((await sequence.picture(1)).file).toBe(`${shard}: byte ${pictures.left.offset} (000001.left.png)`);
    await faultsOfFlipped(record.offset + 100);
    await expect(sequence.camera(1)).rejects.toThrow(`byte ${record.offset} (000001.json)`);
    await expect(sequence.labels(1)).rejects.toThrow(`byte ${record.offset} (000001.json)`);
    writeFileSync(shard, whole.subarray(0, record.offset + 3));
    await expect(sequence.labels(1)).rejects.toThrow(`expected ${record.bytes} bytes, found 3`);
    writeFileSync(shard, whole);
    expect(await sequence.labels(1)).toHaveLength(1);
  });

  it('says what a moment lacks', async () => {
    const [sequence] = await openPrepared(folder);
    await expect(sequence.picture(0, 'top')).rejects.toThrow(
      `${folder}: frame 000000: expected a camera of left, right, found top`,
    );
    await expect(sequence.camera(0, 'top')).rejects.toThrow('found top');
    await expect(sequence.cloud(3)).rejects.toThrow(RangeError);
    await expect(sequence.picture(3)).rejects.toThrow(RangeError);
    await expect(sequence.camera(-1)).rejects.toThrow(RangeError);
  });

  it('keeps a shard open for a while', async () => {
    const [sequence] = await openPrepared(folder);
    await sequence.cloud(0);
    rmSync(shard);
    expect((await sequence.cloud(1)).count).toBeGreaterThan(0);
    const [other] = await openPrepared(folder);
    await expect(other.cloud(0)).rejects.toThrow(
      `${shard}: byte 512 (000000.points.pcd): expected a shard that`,
    );
    writeFileSync(shard, whole);
    expect((await other.cloud(0)).count).toBe(20);
  });

  // Where a process can see which files it has open.
  it.skipIf(!existsSync('/proc/self/fd'))('and closes it then', async () => {
    const handles = () =>
      readdirSync('/proc/self/fd').filter((name) => {
        const path = `/proc/self/fd/${name}`;
        return existsSync(path) && readlinkSync(path) === shard;
      }).length;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const [sequence] = await openPrepared(folder);
      await Promise.all([sequence.cloud(0), sequence.cloud(1), sequence.picture(2)]);
      expect(handles()).toBe(1);
      vi.advanceTimersByTime(4000);
      await sequence.labels(0);
      vi.advanceTimersByTime(4000);
      // Closing takes a moment of its own.
      await wait(50);
      expect(handles()).toBe(1);
      vi.advanceTimersByTime(2000);
      await vi.waitFor(() => expect(handles()).toBe(0));
      expect((await sequence.cloud(0)).count).toBe(20);
    } finally {
      vi.useRealTimers();
    }
  });
});
