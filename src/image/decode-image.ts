import sharp, { type Sharp } from 'sharp';
import { InputError } from '../engine/input-error.ts';
import { hexOf, imageFormatOf } from './image-format.ts';
import type { ImageSize } from './image-view.ts';
import type { RgbImage } from './rgb-image.ts';

/** What `decodeImage` takes besides the bytes. */
export interface DecodeOptions {
  /** The name that errors give to the bytes. */
  readonly file?: string;
  /** Images that claim more pixels than this are refused before anything is decoded; 100 million by default. */
  readonly limitPixels?: number;
  /**
   * Whether the picture is turned and mirrored as its EXIF orientation says. False by default, because camera calibrations
   * count the sensor's own rows and columns.
   */
  readonly upright?: boolean;
}

/**
 * The pixels of a PNG, JPEG, WebP, GIF, TIFF or AVIF file as 8-bit RGB (height, width, 3); of several pictures in a file
 * the first. Grey is repeated over the channels, a palette is looked up, alpha is dropped, 16 bits are cut to their upper 8,
 * CMYK becomes (1 - C)(1 - K) and so on, and embedded colour profiles are left alone: the numbers that Pillow's
 * `convert('RGB')` gives, but for 16-bit grey, which it clips at 255. Throws InputError unless the whole picture is there
 * and sound.
 *
 * @example
 * import { readFile } from 'node:fs/promises';
 * const file = 'data/kitti/training/image_2/000000.png';
 * const { width, height, data } = await decodeImage(await readFile(file), { file });
 * data.length === width * height * 3; // true
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): Promise<RgbImage> {
  const { file = 'image', limitPixels = 1e8, upright = false } = options;
  const format = imageFormatOf(bytes);
  if (format === undefined) {
    throw new InputError({
      file,
      place: 'byte 0',
      expected: 'the signature of a PNG, JPEG, WebP, GIF, TIFF or AVIF image',
      found:
        bytes.length === 0 ? 'no bytes' : `${hexOf(bytes.subarray(0, 8))} (${bytes.length} bytes in all)`,
    });
  }
  const input = { failOn: 'warning', limitInputPixels: false, ignoreIcc: true } as const;
  try {
    const { width, height, space, depth } = await sharp(bytes, input).metadata();
    const refused = (expected: string, found: string) =>
      new InputError({ file, place: 'image header', expected, found });
    if (width * height > limitPixels) throw refused(`at most ${limitPixels} pixels`, `${width} x ${height}`);
    if (depth !== 'uchar' && depth !== 'ushort') throw refused('at most 16 bits a channel', depth);
    const stored = sharp(bytes, input);
    const placed = upright ? stored.autoOrient() : stored;
    const { data, info } = await (space === 'cmyk' ? inkOf(placed) : lightOf(placed))
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const channels = space === 'cmyk' ? 4 : 3;
    if (info.channels !== channels) throw new Error(`${info.channels} channels`);
    // A copy, because memory that belongs to libvips cannot be transferred between threads.
    const pixels = space === 'cmyk' ? rgbFromCmyk(data) : new Uint8Array(data);
    return { width: info.width, height: info.height, data: pixels };
  } catch (error) {
    if (error instanceof InputError) throw error;
    const found = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new InputError({ file, expected: `a whole ${format} image`, found }, { cause: error });
  }
}

/** The width and height that a picture's header says, as its rows and columns are stored. Throws InputError for what is no picture. */
export async function readImageSize(
  bytes: Uint8Array,
  { file }: { readonly file: string },
): Promise<ImageSize> {
  try {
    const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata();
    return { width, height };
  } catch (error) {
    const found = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new InputError({ file, expected: "a picture's header", found }, { cause: error });
  }
}

function lightOf(image: Sharp): Sharp {
  return image.removeAlpha().toColourspace('srgb');
}

/** The four inks as the file has them, without a profile of any printer. */
function inkOf(image: Sharp): Sharp {
  return image.pipelineColourspace('cmyk').toColourspace('cmyk');
}

/** What is left of white light behind ink and black, each channel (255 - ink)(255 - black)/255. */
function rgbFromCmyk(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let from = 0, to = 0; from < cmyk.length; from += 4) {
    const light = 255 - cmyk[from + 3];
    for (let c = 0; c < 3; c++) rgb[to++] = light - Math.round((cmyk[from + c] * light) / 255);
  }
  return rgb;
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
