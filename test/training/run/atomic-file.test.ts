import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import * as promises from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { InputError } from '../../../src/engine/input-error.ts';
import {
  isTemporaryName,
  temporaryPath,
  writeFileAtomically,
  writeFolderAtomically,
  writeJsonAtomically,
} from '../../../src/training/run/atomic-file.ts';

vi.mock('node:fs/promises', async (original) => ({ ...(await original<typeof promises>()) }));
afterEach(() => vi.restoreAllMocks());

const folder = () => mkdtempSync(join(tmpdir(), 'pointpair-atomic-'));

/** Makes files stop taking bytes after `room` of them, as a full disk does. */
function fillDisk(room: number): void {
  const { open } = promises;
  let left = room;
  vi.spyOn(promises, 'open').mockImplementation(async (...args) => {
    const file = await open(...args);
    const write = file.write.bind(file) as (...args: unknown[]) => Promise<{ bytesWritten: number }>;
    file.write = (async (data: Uint8Array, at: number, length: number) => {
      if (left === 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      const taken = Math.min(left, length);
      left -= taken;
      return write(data, at, taken);
    }) as typeof file.write;
    return file;
  });
}

describe('writeFileAtomically', () => {
  it('writes new files and replaces old ones, and leaves nothing else', async () => {
    const path = join(folder(), 'config.json');
    await writeJsonAtomically(path, { seed: 7 });
    expect(readFileSync(path, 'utf8')).toBe('{\n  "seed": 7\n}\n');
    await writeFileAtomically(path, Uint8Array.of(1, 2, 3));
    expect([...readFileSync(path)]).toEqual([1, 2, 3]);
    await writeFileAtomically(path, '');
    expect(readFileSync(path)).toHaveLength(0);
    expect(readdirSync(join(path, '..'))).toEqual(['config.json']);
  });

  it('goes on where a write takes a part only', async () => {
    const path = join(folder(), 'a');
    const { open } = promises;
    vi.spyOn(promises, 'open').mockImplementation(async (...args) => {
      const file = await open(...args);
      const write = file.write.bind(file) as (...args: unknown[]) => Promise<{ bytesWritten: number }>;
      file.write = ((data: Uint8Array, at: number, length: number) =>
        write(data, at, Math.min(length, 7))) as typeof file.write;
      return file;
    });
    const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
    await writeFileAtomically(path, bytes);
    expect([...readFileSync(path)]).toEqual([...bytes]);
  });

  it('says on a full disk how much room is needed and there, and keeps the old file', async () => {
    const path = join(folder(), 'report.html');
    writeFileSync(path, 'old');
    fillDisk(10);
    const error = await writeFileAtomically(path, 'x'.repeat(100)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InputError);
    expect((error as Error).message).toMatch(
      /report\.html: expected room for 100 bytes, found \d+ bytes free \(ENOSPC\)$/,
    );
    const free = Number(/found (\d+)/.exec((error as Error).message)![1]);
    const { bavail, bsize } = statfsSync(tmpdir());
    expect(Math.abs(free - bavail * bsize)).toBeLessThan(0.1 * bavail * bsize);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(join(path, '..'))).toEqual(['report.html']);
  });

  it.skipIf(process.platform === 'win32')('meets a real limit of the system the same way', () => {
    const path = folder();
    const module = fileURLToPath(new URL('../../../src/training/run/atomic-file.ts', import.meta.url));
    const script = `import { writeFileAtomically } from ${JSON.stringify(module)};
      await writeFileAtomically(${JSON.stringify(join(path, 'state'))}, new Uint8Array(1e6)).catch((error) => console.log(error.name, error.message));`;
    const node = `"${process.execPath}" --import tsx --input-type=module --eval "$SCRIPT"`;
    const output = execFileSync('sh', ['-c', `ulimit -f 100; ${node}`], {
      env: { ...process.env, SCRIPT: script },
      encoding: 'utf8',
    });
    expect(output).toMatch(
      /^InputError .*state: expected room for 1000000 bytes, found \d+ bytes free \(EFBIG\)/,
    );
    expect(readdirSync(path)).toEqual([]);
  });

  it('names the file where the folder is missing', async () => {
    const path = join(folder(), 'none', 'a.json');
    await expect(writeJsonAtomically(path, 1)).rejects.toThrow(InputError);
    await expect(writeJsonAtomically(path, 1)).rejects.toThrow(
      /none\/a\.json: expected a path that can be written, found no such folder$/,
    );
    // Below a file, taking away what was not written fails as well.
    writeFileSync(join(path, '..', '..', 'file'), '');
    const below = join(path, '..', '..', 'file', 'a.json');
    await expect(writeJsonAtomically(below, 1)).rejects.toThrow(
      /file\/a\.json: expected a path that can be written, found a file where a folder has to be \(ENOTDIR\)$/,
    );
    await expect(writeFolderAtomically(below, [['a', 'one']])).rejects.toThrow(
      /file\/a\.json: expected a path that can be written, found a file where a folder has to be \(ENOTDIR\)$/,
    );
  });
});

describe('writeFolderAtomically', () => {
  it('writes all files, and replaces a folder that is there', async () => {
    const path = join(folder(), '00000012');
    await writeFolderAtomically(path, [
      ['a', 'one'],
      ['b', Uint8Array.of(2)],
    ]);
    expect(readdirSync(path)).toEqual(['a', 'b']);
    await writeFolderAtomically(path, [['a', 'three']]);
    expect(readdirSync(path)).toEqual(['a']);
    expect(readFileSync(join(path, 'a'), 'utf8')).toBe('three');
    expect(readdirSync(join(path, '..'))).toEqual(['00000012']);
  });

  it('leaves the old folder and no temporary one when the disk is full', async () => {
    const path = join(folder(), '00000012');
    mkdirSync(path);
    writeFileSync(join(path, 'a'), 'old');
    fillDisk(10);
    const files = [
      ['a', 'new'],
      ['b', new Uint8Array(100)],
    ] as const;
    await expect(writeFolderAtomically(path, files)).rejects.toThrow(
      /00000012\/b: expected room for 100 bytes/,
    );
    expect(readFileSync(join(path, 'a'), 'utf8')).toBe('old');
    expect(readdirSync(join(path, '..'))).toEqual(['00000012']);
  });
});

it('knows its temporary names', () => {
  expect(isTemporaryName(temporaryPath('/a/b').slice('/a/'.length))).toBe(true);
  expect(['b', '.tmp', '.gitignore', 'a.tmp', '00000012'].some(isTemporaryName)).toBe(false);
});
