import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TAR_NAME_BYTES, tarEnd, tarHead, tarPadding } from '../../../src/datasets/prepared/ustar.ts';

const longest = 'n'.repeat(TAR_NAME_BYTES);
const files = [
  ['a.json', Buffer.from('{}')],
  ['empty', Buffer.alloc(0)],
  [longest, Buffer.alloc(512, 'x')],
  ['b.bin', Buffer.alloc(513, 'y')],
] as const;

function tarOf(all: ReadonlyArray<readonly [name: string, data: Buffer]>): Buffer {
  const members = all.flatMap(([name, data]) => [
    tarHead({ name, bytes: data.length }),
    data,
    tarPadding(data.length),
  ]);
  return Buffer.concat([...members, tarEnd]);
}

describe('tarHead', () => {
  it('is read by tar', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ustar-'));
    try {
      const path = join(folder, 'some.tar');
      writeFileSync(path, tarOf(files));
      // Other systems' tar lists otherwise.
      if (process.platform === 'linux') {
        const list = execFileSync('tar', ['--utc', '--full-time', '-tvf', path], { encoding: 'utf8' });
        const lines = files.map(
          ([name, data]) => `-rw-r--r-- 0/0 ${data.length} 1970-01-01 00:00:00 ${name}`,
        );
        expect(list.trim().replace(/ +/g, ' ').split('\n')).toEqual(lines);
      }
      execFileSync('tar', ['-xf', path, '-C', folder]);
      for (const [name, data] of files) expect(readFileSync(join(folder, name)).equals(data)).toBe(true);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('takes the largest size that fits, and refuses what does not', () => {
    const bytes = 8 ** 11 - 1;
    expect(Buffer.from(tarHead({ name: 'a', bytes })).toString('latin1', 124, 136)).toBe('77777777777\0');
    expect(() => tarHead({ name: 'a', bytes: bytes + 1 })).toThrow(RangeError);
    expect(() => tarHead({ name: 'a', bytes: 0.5 })).toThrow(RangeError);
    for (const name of ['', 'ä', 'a b', `${longest}n`])
      expect(() => tarHead({ name, bytes: 0 })).toThrow(RangeError);
  });
});
