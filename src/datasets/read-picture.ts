import { decodeImage } from '../image/decode-image.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { readFrameFile } from './read-frame-file.ts';
import { Stopwatch } from './stopwatch.ts';

/**
 * The pixels of a picture's file, turned upright by its EXIF orientation where that is wanted; the stopwatch gets `read` and
 * `decode`. Throws InputError for a file that is missing or damaged.
 */
export async function readPicture(
  file: string,
  options: { readonly upright?: boolean; readonly stopwatch?: Stopwatch } = {},
): Promise<RgbImage> {
  const { upright, stopwatch = new Stopwatch() } = options;
  const bytes = await readFrameFile(file);
  stopwatch.lap('read');
  const image = await decodeImage(bytes, { file, upright });
  stopwatch.lap('decode');
  return image;
}
