import { InputError } from '../engine/input-error.ts';
import { readFrameFile } from './read-frame-file.ts';
import { cameraIn, type EncodedPicture, fileOf, momentAt, type Sequence } from './sequence.ts';

/** Reads the picture of a camera that is a file of its own. Throws InputError where the frame lacks it, or the sequence the camera. */
export async function readPictureFile(
  sequence: Pick<Sequence, 'root' | 'moments' | 'cameras'>,
  index: number,
  camera?: string,
): Promise<EncodedPicture> {
  const { id, pictures } = momentAt(sequence, index);
  const file =
    camera === undefined
      ? fileOf(sequence, index, 'picture')
      : pictures[cameraIn(sequence, index, camera)]?.[0];
  if (file !== undefined) return { bytes: await readFrameFile(file), file };
  const expected = `a picture of ${camera}`;
  throw new InputError({ file: sequence.root, place: `frame ${id}`, expected, found: 'none' });
}
