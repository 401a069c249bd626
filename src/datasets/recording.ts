import { InputError } from '../engine/input-error.ts';
import type { Matrix44 } from '../geometry/matrix.ts';
import type { PointCloud } from '../pointcloud/point-cloud.ts';
import type { CameraModel, ObjectLabel } from './frame.ts';

/** What a frame consists of; each part is read by itself, so that a damaged one does not hide the others. */
export type FramePart = 'sweep' | 'picture' | 'calibration' | 'labels';

/** What is known of a frame before anything of it is read. */
export interface Moment {
  readonly id: string;
  /** When the sweep was taken, seconds since the recording began; undefined where there is no clock. */
  readonly timeS?: number;
  /** The recording's own fixed frame (z up, metres) from the LiDAR frame; undefined where the pose is not known. */
  readonly worldFromLidar?: Matrix44;
  /** The files that a part is read from, the picture's own first; a part that the frame lacks has no entry. */
  readonly files: { readonly [Part in FramePart]?: readonly string[] };
  /** What is not as it should be, a sentence each: what is missing, and what was put in its place. */
  readonly notes: readonly string[];
  /** The data set's own lists that name the frame, such as `train` or `val`. */
  readonly sets?: readonly string[];
}

/**
 * Frames in their order, to be looked at part by part: whatever is there is shown, whatever is missing or damaged is told.
 * Reading a part that the frame lacks, or one that cannot be right, throws an InputError.
 */
export interface Recording {
  /** What it is, such as `KITTI raw drive`. */
  readonly kind: string;
  /** The file or folder that it was opened from. */
  readonly root: string;
  readonly moments: readonly Moment[];
  /** The sweep of a frame with every field of its file. */
  cloud(index: number): Promise<PointCloud>;
  /** How the points reach the pixels of the frame's picture. */
  camera(index: number): Promise<CameraModel>;
  labels(index: number): Promise<readonly ObjectLabel[]>;
}

/** The file that a part of a frame is read from. Throws InputError for a part that the frame lacks, and RangeError for an index that is none. */
export function fileOf(
  { root, moments }: Pick<Recording, 'root' | 'moments'>,
  index: number,
  part: FramePart,
): string {
  const moment = moments[index];
  if (moment === undefined) throw new RangeError(`frame ${index} of ${moments.length}`);
  const file = moment.files[part]?.[0];
  if (file !== undefined) return file;
  const expected = part === 'labels' ? part : `a ${part}`;
  throw new InputError({ file: root, place: `frame ${moment.id}`, expected, found: 'none' });
}
