import { checkRotation, readNumbers } from './keyed-numbers.ts';
import { type Matrix44, to44 } from './matrix.ts';

/**
 * A pose of KITTI's odometry benchmark from its line of 12 numbers (3x4, row by row, metres): the frame of camera 0 in the first
 * frame from camera 0's own (both rectified, x right, y down, z forward). Throws InputError for another count, for what is no
 * number, and for a rotation that is none.
 */
export function parseKittiPose(
  line: string,
  { file, place }: { readonly file: string; readonly place: string },
): Matrix44 {
  const pose = to44(Float64Array.from(readNumbers(line.trim().split(/\s+/), 12, { file, place })));
  checkRotation(pose, place, file);
  return pose;
}
