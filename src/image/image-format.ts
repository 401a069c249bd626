/** The formats of pictures that can be read. */
export type ImageFormat = 'PNG' | 'JPEG' | 'WebP' | 'GIF' | 'TIFF' | 'AVIF';

/** The endings of pictures that can be read, in lower case. */
export const imageEndings: readonly string[] = [
  ...['.png', '.jpg', '.jpeg', '.jpe', '.jfif', '.webp', '.gif', '.tif', '.tiff', '.avif'],
];

/** The endings of pictures that cannot be read, in lower case. */
export const foreignImageEndings: readonly string[] = [
  ...['.bmp', '.dib', '.heic', '.heif', '.jp2', '.j2k', '.jxl', '.pbm', '.pgm', '.ppm', '.pnm', '.tga'],
  ...['.svg', '.psd', '.exr', '.hdr', '.ico', '.dng', '.cr2', '.nef', '.arw'],
];

/** The first bytes of each format, in hexadecimal. */
const signatures: ReadonlyArray<readonly [ImageFormat, RegExp]> = [
  ['PNG', /^89504e470d0a1a0a/],
  ['JPEG', /^ffd8ff/],
  ['WebP', /^52494646.{8}57454250/],
  ['GIF', /^47494638(37|39)61/],
  ['TIFF', /^(49492a00|4d4d002a|49492b00|4d4d002b)/],
  // A box `ftyp` with the brand `avif` or `avis`, as its own or among those that it goes with.
  ['AVIF', /^.{8}66747970(.{8})*617669(66|73)/],
];

/** The format that the first bytes of a file tell, whatever its name; undefined for any that cannot be read. */
export function imageFormatOf(bytes: Uint8Array): ImageFormat | undefined {
  const head = hexOf(bytes.subarray(0, 32));
  return signatures.find(([, signature]) => signature.test(head))?.[0];
}

/** Bytes in hexadecimal digits. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
