import sharp, { type Sharp } from 'sharp';
import { InputError } from '../engine/input-error.ts';
import type { RgbImage } from './rgb-image.ts';

/** What `decodeImage` is told besides the bytes. */
export interface DecodeOptions {
  /** The name that errors give to the bytes. */
  readonly file?: string;
  /** Images that claim more pixels than this are refused before anything is decoded; 100 million by default. */
  readonly limitPixels?: number;
}

/**
 * The pixels of a PNG, JPEG or WebP file as 8-bit sRGB (height, width, 3).
 * Grey is repeated over the channels, 16 bits are cut to their upper 8, CMYK and embedded colour profiles are converted,
 * alpha is dropped. Pixels keep the places they have in the file: an EXIF orientation is not applied, because camera
 * calibrations count the sensor's own rows and columns. Throws InputError unless the whole picture is there and sound.
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): Promise<RgbImage> {
  const { file = 'image', limitPixels = 1e8 } = options;
  if (formatOf(bytes) === undefined) {
    throw new InputError({
      file,
      place: 'byte 0',
      expected: 'the signature of a PNG, JPEG or WebP image',
      found:
        bytes.length === 0 ? 'no bytes' : `${hexOf(bytes.subarray(0, 8))} (${bytes.length} bytes in all)`,
    });
  }
  const input = { failOn: 'warning', limitInputPixels: false } as const;
  try {
    const { width, height } = await sharp(bytes, input).metadata();
    if (width * height > limitPixels) {
      throw new InputError({
        file,
        place: 'image header',
        expected: `at most ${limitPixels} pixels`,
        found: `${width} x ${height}`,
      });
    }
    const { data, info } = await sharp(bytes, input)
      .removeAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`${info.channels} channels`);
    // A copy, because memory that belongs to libvips cannot be transferred between threads.
    return { width: info.width, height: info.height, data: new Uint8Array(data) };
  } catch (error) {
    if (error instanceof InputError) throw error;
    const found = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new InputError({ file, expected: `a whole ${formatOf(bytes)} image`, found }, { cause: error });
  }
}

/** The bytes of a PNG file that decodes to exactly these pixels. */
export async function encodePng(image: RgbImage): Promise<Uint8Array> {
  return new Uint8Array(await raw(image).png({ compressionLevel: 6 }).toBuffer());
}

/** The bytes of a JPEG file of these pixels; `quality` is 1 to 100. */
export async function encodeJpeg(
  image: RgbImage,
  options: { readonly quality?: number } = {},
): Promise<Uint8Array> {
  return new Uint8Array(
    await raw(image)
      .jpeg({ quality: options.quality ?? 90 })
      .toBuffer(),
  );
}

function raw({ width, height, data }: RgbImage): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

function formatOf(bytes: Uint8Array): 'PNG' | 'JPEG' | 'WebP' | undefined {
  const head = hexOf(bytes.subarray(0, 12));
  if (head.startsWith('89504e470d0a1a0a')) return 'PNG';
  if (head.startsWith('ffd8ff')) return 'JPEG';
  if (/^52494646.{8}57454250$/.test(head)) return 'WebP';
  return undefined;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
