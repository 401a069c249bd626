import sharp from 'sharp';
import { InputError } from '../engine/input-error.ts';
import type { ImageSize } from '../image/image-view.ts';

/** Steps a metre. */
const STEPS = 256;
/** Deeper than this is written as unknown, metres. */
const DEEPEST_M = 255;

/**
 * The bytes of a depth picture as KITTI's depth benchmark has them, a 16-bit grey PNG: metres along the camera's axis times
 * 256; 0 where there is none or more than 255 m. `depth` is metres, row by row.
 */
export async function encodeKittiDepth(
  depth: Float32Array,
  { width, height }: ImageSize,
): Promise<Uint8Array> {
  const steps = Uint16Array.from(depth, (metres) => (metres <= DEEPEST_M ? Math.round(STEPS * metres) : 0));
  return sharp(steps, { raw: { width, height, channels: 1 } })
    .toColourspace('grey16')
    .png({ compressionLevel: 2, adaptiveFiltering: true })
    .toBuffer();
}

/**
 * The metres of a depth picture, row by row, 0 where there is none; undoes `encodeKittiDepth`. Throws InputError unless
 * it is a whole 16-bit grey PNG of the size of the picture that it is about.
 */
export async function decodeKittiDepth(
  bytes: Uint8Array,
  { file = 'depth', image }: { readonly file?: string; readonly image: ImageSize },
): Promise<Float32Array> {
  const whole = 'a whole 16-bit grey PNG';
  const input = { failOn: 'warning', limitInputPixels: false } as const;
  try {
    const { format, depth, channels, width, height } = await sharp(bytes, input).metadata();
    const fault = (expected: string, found: string) => new InputError({ file, expected, found });
    if (format !== 'png' || depth !== 'ushort' || channels !== 1)
      throw fault(whole, `${format}, ${depth}, ${channels} channels`);
    if (width !== image.width || height !== image.height)
      throw fault(`${image.width} x ${image.height} pixels, as the image has`, `${width} x ${height}`);
    const raw = await sharp(bytes, input).toColourspace('grey16').raw({ depth: 'ushort' }).toBuffer();
    const steps = new Uint16Array(new Uint8Array(raw).buffer);
    return Float32Array.from(steps, (value) => value / STEPS);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const found = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new InputError({ file, expected: whole, found }, { cause: error });
  }
}
