import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CommandFolder } from './command-folder.ts';

const cli = new CommandFolder();

describe('prepare', () => {
  it('packs a data set in threads, and finds a byte that was changed', async () => {
    const { code, stdout } = await cli.run(
      'prepare',
      cli.data,
      '--out',
      'prepared',
      '--workers',
      '2',
      '--verify',
    );
    expect(stdout).toMatch(
      /^6 frames written, 0 kept: .*prepared\n1 sequence, 1 shard, [\d.]+ MB; .*frames a second\nverified: 1 shard, 18 files/,
    );
    expect(code).toBe(0);
    const shard = join(cli.path, 'prepared', 'scenes-00000.tar');
    const bytes = await readFile(shard);
    bytes[1000] ^= 1;
    await writeFile(shard, bytes);
    const found = await cli.run('prepare', '--out', 'prepared', '--verify');
    expect(found.stdout).toMatch(
      /^prepared\/scenes-00000.tar: byte 512 \(000000.points.pcd, \d+ bytes\): expected data of CRC-32/,
    );
    expect([found.code, found.stderr.split('\n').at(-2)]).toEqual([
      1,
      'pointpair: prepared: expected shards as they were written, found 1 fault, named above',
    ]);
  });
});
