import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { Random } from '../../src/engine/random.ts';
import { decodeImage, encodeJpeg, encodePng } from '../../src/image/decode-image.ts';
import type { RgbImage } from '../../src/image/rgb-image.ts';
import { describeWithRealData } from '../real-data.ts';

function noise(width: number, height: number, seed = 1): RgbImage {
  const random = Random.fromSeed(seed);
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, () => random.integer(256)) };
}

const image = noise(13, 7);
const raw = (data: Uint8Array, channels: 1 | 2 | 3 | 4) =>
  sharp(data, { raw: { width: 13, height: 7, channels } });

async function faultOf(bytes: Uint8Array, options = {}): Promise<InputError> {
  const error = await decodeImage(bytes, { file: 'a.png', ...options }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InputError);
  return error as InputError;
}

describe('decodeImage', () => {
  test('gives back exactly what a PNG was made of, in an array of its own', async () => {
    const decoded = await decodeImage(await encodePng(image));
    expect(decoded).toEqual(image);
    expect(decoded.data.byteLength).toBe(decoded.data.buffer.byteLength);
  });

  test('reads JPEG and lossless WebP', async () => {
    const smooth = { ...image, data: image.data.map((_, i) => 100 + (i % 3)) };
    const jpeg = await decodeImage(await encodeJpeg(smooth, { quality: 100 }));
    for (let i = 0; i < jpeg.data.length; i++)
      expect(Math.abs(jpeg.data[i] - smooth.data[i])).toBeLessThan(4);
    const webp = await raw(image.data, 3).webp({ lossless: true }).toBuffer();
    expect(await decodeImage(webp)).toEqual(image);
  });

  test('repeats grey over three channels', async () => {
    const grey = Uint8Array.from({ length: 13 * 7 }, (_, i) => i);
    const { data } = await decodeImage(await raw(grey, 1).toColourspace('b-w').png().toBuffer());
    expect(Array.from(data)).toEqual(Array.from(grey).flatMap((value) => [value, value, value]));
  });

  test('drops alpha without darkening what is under it', async () => {
    const rgba = Uint8Array.from({ length: 13 * 7 * 4 }, (_, i) =>
      i % 4 === 3 ? (i % 250) + 1 : image.data[Math.floor(i / 4) * 3 + (i % 4)],
    );
    expect(await decodeImage(await raw(rgba, 4).png().toBuffer())).toEqual(image);
  });

  test('keeps the upper eight of sixteen bits', async () => {
    const deep = await raw(image.data, 3).toColourspace('rgb16').png().toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe('ushort');
    expect(await decodeImage(deep)).toEqual(image);
  });

  test('turns CMYK into RGB', async () => {
    const red = Uint8Array.from({ length: 13 * 7 * 3 }, (_, i) => (i % 3 === 0 ? 200 : 40));
    const cmyk = await raw(red, 3).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk');
    const { data } = await decodeImage(cmyk);
    expect(data.length).toBe(13 * 7 * 3);
    expect(data[0]).toBeGreaterThan(150);
    expect(data[1]).toBeLessThan(110);
  });

  test('leaves pixels where the file has them, whatever EXIF says about turning them', async () => {
    const turned = await raw(image.data, 3).withMetadata({ orientation: 6 }).png().toBuffer();
    expect((await sharp(turned).metadata()).orientation).toBe(6);
    expect(await decodeImage(turned)).toEqual(image);
  });

  test('refuses what is no image, and names the file', async () => {
    expect((await faultOf(new Uint8Array())).fault.found).toBe('no bytes');
    expect(
      (await faultOf(new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>'))).fault.file,
    ).toBe('a.png');
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('', 'png', 'jpeg'),
        async (tail, kind) => {
          const head = { '': [], png: [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10], jpeg: [0xff, 0xd8, 0xff] }[
            kind
          ];
          await faultOf(Uint8Array.from([...head, ...tail]));
        },
      ),
      { numRuns: 100 },
    );
  });

  test('refuses a size that is too large before decoding', async () => {
    const huge = (await encodePng(image)).slice();
    const view = new DataView(huge.buffer);
    view.setUint32(16, 100_000);
    view.setUint32(20, 100_000);
    view.setUint32(29, crc32(huge.subarray(12, 29)));
    const error = await faultOf(huge);
    expect(error.fault).toMatchObject({ place: 'image header', found: '100000 x 100000' });
    expect((await faultOf(await encodePng(image), { limitPixels: 90 })).fault.found).toBe('13 x 7');
    expect(await decodeImage(await encodePng(image), { limitPixels: 91 })).toEqual(image);
  });

  test.each(['png', 'jpeg'] as const)(
    'a %s cut short anywhere is an error, or was whole already',
    async (format) => {
      const source = noise(40, 30, 5);
      const bytes = format === 'png' ? await encodePng(source) : await encodeJpeg(source);
      const whole = await decodeImage(bytes);
      let refused = 0;
      for (let cut = 0; cut < bytes.length; cut += cut > bytes.length - 40 ? 1 : 37) {
        const decoded = await decodeImage(bytes.subarray(0, cut)).catch((error: unknown) => error);
        if (decoded instanceof InputError) refused++;
        else expect(decoded).toEqual(whole);
      }
      expect(refused).toBeGreaterThan(30);
    },
  );

  test('a changed byte in a PNG is an error, or changes no pixel', async () => {
    const bytes = await encodePng(image);
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] ^= 0x11;
      const decoded = await decodeImage(changed).catch((error: unknown) => error);
      if (!(decoded instanceof InputError)) expect(decoded, `byte ${at}`).toEqual(image);
    }
  });
});

describeWithRealData('real pictures', 'kitti-object/training/image_2', (folder) => {
  const bytes = readFileSync(`${folder}/000001.png`);

  test('have the size of their header', async () => {
    const { width, height, data } = await decodeImage(bytes);
    expect([width, height, data.length]).toEqual([1242, 375, 1242 * 375 * 3]);
    const again = await decodeImage(await encodePng({ width, height, data }));
    expect(Buffer.compare(again.data, data)).toBe(0);
  });

  test('are never half grey: every cut is refused', async () => {
    for (let part = 0; part < 8; part++) {
      const cut = Math.floor((bytes.length * (part + 0.7)) / 8.2);
      const error = await faultOf(bytes.subarray(0, cut));
      expect(error.message).toContain('a.png: expected a whole PNG image');
    }
  });
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
