import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openFrames } from '../../src/datasets/open-frames.ts';
import { encodePng } from '../../src/image/decode-image.ts';
import { describePictures } from '../../src/report/describe-pictures.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function write(files: Readonly<Record<string, readonly [number, number] | string>>): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'pictures-'));
  folders.push(root);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    const [width, height] = typeof content === 'string' ? [0, 0] : content;
    const picture = { width, height, data: new Uint8Array(3 * width * height) };
    writeFileSync(join(root, name), typeof content === 'string' ? content : await encodePng(picture));
  }
  return root;
}

describe('describePictures', () => {
  it('counts classes, sizes, damaged files and what was left aside', async () => {
    const root = await write({
      'cat/1.png': [8, 4],
      'cat/2.png': [2, 3],
      'cat/3.png': [100, 50],
      'dog/1.png': 'no picture',
      'dog/list.txt': 'x',
      'dog/.hidden': 'x',
    });
    expect(await describePictures(await openFrames({ root }, ['image']))).toBe(
      [
        'image folder: 4 pictures in 2 classes, cat/1.png to dog/1.png',
        '  class  pictures',
        '  cat           3',
        '  dog           1',
        'width x height: 3 sizes, from 2 x 3 to 100 x 50, half of them up to 8 x 4',
        'damaged: 1',
        `  ${join(root, 'dog/1.png')}: byte 0: expected the signature of a PNG, JPEG, WebP, GIF, TIFF or AVIF image, found 6e6f207069637475 (10 bytes in all)`,
        'files that are no pictures were left aside: 1 .txt, 1 hidden',
      ].join('\n'),
    );
  });

  it('reads as many as it is to, spread evenly', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `${i}.png`);
    const root = await write(
      Object.fromEntries(names.map((name, i) => [name, i === 5 ? 'x' : ([4, 4] as const)])),
    );
    const frames = await openFrames({ root }, ['image']);
    const two = await describePictures(frames, { most: 2 });
    expect(two).toContain(
      'image folder: 10 pictures, 0.png to 9.png\nread 2 of them, spread evenly (--all reads every one)',
    );
    // Of ten pictures 0 and 5.
    expect(two).toContain('width x height: 4 x 4\ndamaged: 1\n');
    expect(await describePictures(frames, { most: 3 })).toMatch(/damaged: 0$/);
    expect(await describePictures(frames)).not.toContain('spread');
  });
});
