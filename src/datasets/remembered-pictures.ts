import type { RgbImage } from '../image/rgb-image.ts';
import type { Frames } from './open-frames.ts';

/** As many bytes of decoded pictures are kept, at most: 80,000 photographs of 32 x 32, or 180 camera pictures of KITTI. */
const limitBytes = 256 * 2 ** 20;

/** The pictures of frames, decoded once as long as there is room: decoding takes longer than drawing views of small ones. */
export function rememberPictures(frames: Pick<Frames, 'picture'>): Frames['picture'] {
  const known = new Map<number, RgbImage>();
  let bytes = 0;
  return async (index, stopwatch) => {
    const before = known.get(index);
    if (before !== undefined) return before;
    const picture = await frames.picture(index, stopwatch);
    if (bytes + picture.data.byteLength <= limitBytes) {
      bytes += picture.data.byteLength;
      known.set(index, picture);
    }
    return picture;
  };
}
