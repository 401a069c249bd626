import sharp from 'sharp';
import type { EncodedPicture } from '../../datasets/sequence.ts';
import { decodeImage, encodeJpeg } from '../../image/decode-image.ts';
import { type LensCamera, undistortImage } from '../../image/undistort.ts';

/** Bytes of something that a browser knows, what it is, and its size in pixels. */
export interface ShownPicture {
  readonly type: 'image/webp' | 'image/jpeg';
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/**
 * A picture as the page shows it, so that points lie on it: without its lens where the camera has one, as a JPEG; otherwise JPEG
 * as it is, and anything else as WebP, which is a fifth of a PNG's bytes. Throws InputError for a picture that is damaged.
 */
export async function shownPicture(
  { bytes: stored, file }: EncodedPicture,
  camera?: LensCamera,
): Promise<ShownPicture> {
  const decoded = await decodeImage(stored, { file });
  const { width, height, data } = decoded;
  if (camera !== undefined) {
    const bytes = await encodeJpeg(undistortImage(decoded, camera), { quality: 92 });
    return { type: 'image/jpeg', bytes, width, height };
  }
  // Browsers would turn a picture that says how it was held; calibrations count the sensor's own rows.
  const { orientation = 1, format } = await sharp(stored).metadata();
  if (format === 'jpeg' && orientation === 1) return { type: 'image/jpeg', bytes: stored, width, height };
  const raw = { width, height, channels: 3 } as const;
  const bytes = await sharp(data, { raw }).webp({ quality: 92, effort: 1 }).toBuffer();
  return { type: 'image/webp', bytes, width, height };
}
