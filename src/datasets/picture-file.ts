import { InputError } from '../engine/input-error.ts';
import { readFrameFile } from './read-frame-file.ts';
import { type EncodedPicture, fileOf, momentAt, type Sequence } from './sequence.ts';

/** Reads the picture of a camera that is a file of its own. Throws InputError where the frame lacks it, or the sequence the camera. */
export async function readPictureFile(
  sequence: Pick<Sequence, 'root' | 'moments' | 'cameras'>,
  index: number,
  camera?: string,
): Promise<EncodedPicture> {
  const { root, cameras } = sequence;
  const { id, pictures } = momentAt(sequence, index);
  const place = `frame ${id}`;
  if (camera !== undefined && !cameras.includes(camera)) {
    const expected = cameras.length === 0 ? 'no camera' : `a camera of ${cameras.join(', ')}`;
    throw new InputError({ file: root, place, expected, found: camera });
  }
  const file = camera === undefined ? fileOf(sequence, index, 'picture') : pictures[camera]?.[0];
  if (file !== undefined) return { bytes: await readFrameFile(file), file };
  throw new InputError({ file: root, place, expected: `a picture of ${camera}`, found: 'none' });
}
