import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
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

  test('cuts sixteen bits, of colour and of grey, in PNG and TIFF', async () => {
    const deep = Uint16Array.from({ length: 13 * 7 * 3 }, (_, i) => (7919 * i) & 0xffff);
    for (const channels of [1, 3] as const) {
      const own = deep.subarray(0, 13 * 7 * channels);
      const space = channels === 1 ? 'grey16' : 'rgb16';
      const stored = () => sharp(own, { raw: { width: 13, height: 7, channels } }).toColourspace(space);
      const upper = Array.from(own).flatMap((v) => Array<number>(3 / channels).fill(v >> 8));
      for (const bytes of [
        await stored().png().toBuffer(),
        await stored().tiff({ compression: 'none' }).toBuffer(),
      ]) {
        expect((await sharp(bytes).metadata()).depth).toBe('ushort');
        expect([...(await decodeImage(bytes)).data]).toEqual(upper);
      }
    }
  });

  test('sees CMYK as light behind ink and black, without the profile of a printer', async () => {
    // Cyan, magenta, yellow, black of six pixels, and what is left of 255 by (255 - ink)(255 - black)/255.
    const inks = [
      [0, 0, 0, 0],
      [255, 0, 0, 0],
      [0, 0, 0, 255],
      [0, 0, 0, 51],
      [51, 102, 204, 0],
      [51, 102, 204, 51],
    ];
    const light = [
      [255, 255, 255],
      [0, 255, 255],
      [0, 0, 0],
      [204, 204, 204],
      [204, 153, 51],
      [163, 122, 41],
    ];
    const bytes = cmykTiff(6, 1, inks.flat());
    expect((await sharp(bytes).metadata()).space).toBe('cmyk');
    expect([...(await decodeImage(bytes)).data]).toEqual(light.flat());
    const plain = Uint8Array.from({ length: 32 * 32 * 4 }, (_, i) => inks[4][i % 4]);
    const jpeg = sharp(cmykTiff(32, 32, plain), { ignoreIcc: true }).pipelineColourspace('cmyk');
    const stored = await jpeg.toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(stored).metadata()).space).toBe('cmyk');
    const { data } = await decodeImage(stored);
    for (let i = 0; i < data.length; i++) expect(Math.abs(data[i] - light[4][i % 3])).toBeLessThan(4);
  });

  test('leaves the numbers alone whatever colour profile they belong to', async () => {
    const wide = await raw(image.data, 3).withIccProfile('p3').png().toBuffer();
    const profile = (await sharp(wide).metadata()).icc!;
    const plain = await encodePng(image);
    // The profile is put behind the header: 8 bytes of signature and 25 of IHDR.
    const chunk = pngChunk('iCCP', Buffer.concat([Buffer.from('P3\0\0', 'latin1'), deflateSync(profile)]));
    const tagged = Buffer.concat([plain.subarray(0, 33), chunk, plain.subarray(33)]);
    expect((await sharp(tagged).metadata()).icc).toEqual(profile);
    expect(await decodeImage(tagged)).toEqual(image);
  });

  test('looks a palette up, and drops what is transparent in it', async () => {
    // Three colours, the second half transparent, over two pixels each.
    const header = Buffer.from([0, 0, 0, 6, 0, 0, 0, 1, 8, 3, 0, 0, 0]);
    const bytes = Buffer.concat([
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]),
      pngChunk('IHDR', header),
      pngChunk('PLTE', Buffer.from([250, 10, 20, 30, 240, 50, 60, 70, 230])),
      pngChunk('tRNS', Buffer.from([255, 0, 128])),
      pngChunk('IDAT', deflateSync(Buffer.from([0, 0, 0, 1, 1, 2, 2]))),
      pngChunk('IEND', Buffer.alloc(0)),
    ]);
    const { data } = await decodeImage(bytes);
    expect([...data]).toEqual(
      [
        [250, 10, 20],
        [250, 10, 20],
        [30, 240, 50],
        [30, 240, 50],
        [60, 70, 230],
        [60, 70, 230],
      ].flat(),
    );
  });

  test('repeats grey with alpha, and drops the alpha', async () => {
    const pairs = Uint8Array.from({ length: 13 * 7 * 2 }, (_, i) => (i % 2 === 0 ? i : 3 * i));
    const bytes = await raw(pairs, 2).toColourspace('b-w').png().toBuffer();
    expect((await sharp(bytes).metadata()).channels).toBe(2);
    const { data } = await decodeImage(bytes);
    expect([...data]).toEqual(Array.from({ length: 13 * 7 }, (_, i) => [2 * i, 2 * i, 2 * i]).flat());
  });

  test('reads TIFF, GIF, AVIF and progressive JPEG', async () => {
    const few = { ...image, data: image.data.map((_, i) => (Math.floor(i / 3) % 2 === 0 ? 20 : 220)) };
    for (const compression of ['none', 'lzw', 'deflate'] as const)
      expect(await decodeImage(await raw(image.data, 3).tiff({ compression }).toBuffer())).toEqual(image);
    expect(await decodeImage(await raw(few.data, 3).gif({ dither: 0 }).toBuffer())).toEqual(few);
    const avif = await decodeImage(await raw(image.data, 3).avif({ lossless: true }).toBuffer());
    expect([avif.width, avif.height]).toEqual([13, 7]);
    for (let i = 0; i < avif.data.length; i++) expect(Math.abs(avif.data[i] - image.data[i])).toBeLessThan(8);
    const options = { quality: 100, chromaSubsampling: '4:4:4' };
    const progressive = await raw(image.data, 3)
      .jpeg({ ...options, progressive: true })
      .toBuffer();
    expect((await sharp(progressive).metadata()).isProgressive).toBe(true);
    expect(await decodeImage(progressive)).toEqual(
      await decodeImage(await raw(image.data, 3).jpeg(options).toBuffer()),
    );
  });

  test('takes the first of several pictures', async () => {
    const pages = [40, 200].map((level) => new Uint8Array(13 * 7 * 3).fill(level));
    const animation = sharp(Buffer.concat(pages), {
      raw: { width: 13, height: 14, channels: 3, pageHeight: 7 },
    });
    for (const bytes of [
      await animation.clone().gif({ dither: 0 }).toBuffer(),
      await animation.clone().webp({ lossless: true }).toBuffer(),
    ]) {
      expect((await sharp(bytes).metadata()).pages).toBe(2);
      expect(await decodeImage(bytes)).toEqual({ width: 13, height: 7, data: pages[0] });
    }
  });

  test('leaves pixels where the file has them, whatever EXIF says about turning them', async () => {
    const turned = await raw(image.data, 3).withMetadata({ orientation: 6 }).png().toBuffer();
    expect((await sharp(turned).metadata()).orientation).toBe(6);
    expect(await decodeImage(turned)).toEqual(image);
  });

  // Where EXIF says that the stored picture's first row and first column are, seen by who looks at the picture, and so which
  // stored corner (of top left, top right, bottom left, bottom right) is seen in each corner.
  test.each([
    [1, 'top', 'left', [0, 1, 2, 3]],
    [2, 'top', 'right', [1, 0, 3, 2]],
    [3, 'bottom', 'right', [3, 2, 1, 0]],
    [4, 'bottom', 'left', [2, 3, 0, 1]],
    [5, 'left', 'top', [0, 2, 1, 3]],
    [6, 'right', 'top', [2, 0, 3, 1]],
    [7, 'right', 'bottom', [3, 1, 2, 0]],
    [8, 'left', 'bottom', [1, 3, 0, 2]],
  ] as const)(
    'turns upright what EXIF calls %i: row 0 at the %s, column 0 at the %s',
    async (orientation, _row, _column, seen) => {
      const cornersOf = ({ width, height, data }: RgbImage) =>
        [0, width - 1, (height - 1) * width, height * width - 1].map((at) => [
          ...data.subarray(3 * at, 3 * at + 3),
        ]);
      for (const format of ['png', 'tiff', 'webp'] as const) {
        const options = { png: {}, tiff: { compression: 'none' }, webp: { lossless: true } }[format];
        const bytes = await raw(image.data, 3)
          .withMetadata({ orientation })
          .toFormat(format, options)
          .toBuffer();
        const turned = await decodeImage(bytes, { upright: true });
        expect([turned.width, turned.height]).toEqual(orientation >= 5 ? [7, 13] : [13, 7]);
        const stored = cornersOf(image);
        expect(cornersOf(turned), format).toEqual(seen.map((corner) => stored[corner]));
        expect(await decodeImage(bytes)).toEqual(image);
      }
      const jpeg = await raw(image.data, 3).withMetadata({ orientation }).jpeg().toBuffer();
      const [lying, standing] = [await decodeImage(jpeg), await decodeImage(jpeg, { upright: true })];
      expect(cornersOf(standing)).toEqual(seen.map((corner) => cornersOf(lying)[corner]));
    },
  );

  test('refuses more than sixteen bits a channel', async () => {
    const values = new Uint8Array(Float32Array.of(0, 0.25, 0.5, 1).buffer);
    const floats = tiff({ width: 2, height: 2, bits: [32], photometric: 1, floats: true, data: values });
    expect((await faultOf(floats)).fault).toMatchObject({
      place: 'image header',
      expected: 'at most 16 bits a channel',
      found: 'float',
    });
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

  test.each(['png', 'jpeg', 'progressive', 'webp', 'gif', 'tiff', 'avif'] as const)(
    'a %s cut short anywhere is an error, or was whole already',
    async (format) => {
      const source = noise(40, 30, 5);
      const stored = sharp(source.data, { raw: { width: 40, height: 30, channels: 3 } });
      const bytes = await {
        png: () => encodePng(source),
        jpeg: () => encodeJpeg(source),
        progressive: () => stored.jpeg({ progressive: true }).toBuffer(),
        webp: () => stored.webp().toBuffer(),
        gif: () => stored.gif().toBuffer(),
        tiff: () => stored.tiff({ compression: 'lzw' }).toBuffer(),
        avif: () => stored.avif().toBuffer(),
      }[format]();
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

/** A chunk of a PNG: length, type, data, checksum. */
function pngChunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(data.length, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
}

function cmykTiff(width: number, height: number, inks: ArrayLike<number>): Buffer {
  return tiff({ width, height, bits: [8, 8, 8, 8], photometric: 5, data: Uint8Array.from(inks) });
}

/** An uncompressed TIFF of one strip, little-endian. */
function tiff(picture: {
  readonly width: number;
  readonly height: number;
  /** Of each channel. */
  readonly bits: readonly number[];
  /** 1: grey; 5: CMYK. */
  readonly photometric: number;
  readonly floats?: boolean;
  readonly data: Uint8Array;
}): Buffer {
  const { width, height, bits, photometric, floats = false, data } = picture;
  const [SHORT, LONG] = [3, 4];
  const dataAt = 8 + 2 + 10 * 12 + 4 + 8;
  const bitsAt = dataAt - 8;
  const entries = [
    [256, LONG, 1, width],
    [257, LONG, 1, height],
    [258, SHORT, bits.length, bits.length === 1 ? bits[0] : bitsAt],
    [259, SHORT, 1, 1],
    [262, SHORT, 1, photometric],
    [273, LONG, 1, dataAt],
    [277, SHORT, 1, bits.length],
    [278, LONG, 1, height],
    [279, LONG, 1, data.length],
    [339, SHORT, 1, floats ? 3 : 1],
  ];
  const bytes = Buffer.alloc(dataAt + data.length);
  bytes.write('II*\0\x08\0\0\0', 'latin1');
  bytes.writeUInt16LE(entries.length, 8);
  for (const [i, [tag, type, count, value]] of entries.entries()) {
    const at = 10 + 12 * i;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(type, at + 2);
    bytes.writeUInt32LE(count, at + 4);
    bytes.writeUInt32LE(value, at + 8);
  }
  for (const [i, depth] of bits.entries()) bytes.writeUInt16LE(depth, bitsAt + 2 * i);
  bytes.set(data, dataAt);
  return bytes;
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
