import { InputError } from '../engine/input-error.ts';
import type { Matrix44 } from '../geometry/matrix.ts';
import type { PointCloud } from '../pointcloud/point-cloud.ts';
import type { CameraModel, ObjectLabel } from './frame.ts';

/** What a frame consists of; each part is read by itself, so that a damaged one does not hide the others. */
export type FramePart = 'sweep' | 'picture' | 'calibration' | 'labels';

/** What is known of a frame before anything of it is read. */
export interface Moment {
  readonly id: string;
  /** When the sweep was taken, seconds since the sequence began; undefined where there is no clock. */
  readonly timeS?: number;
  /** When the sweep began and ended, seconds as `timeS`; undefined where the data set does not say. */
  readonly sweepTimesS?: { readonly beginS: number; readonly endS: number };
  /** By camera, when its picture was taken, seconds as `timeS`; a camera whose time is not known has no entry. */
  readonly pictureTimesS?: { readonly [camera: string]: number };
  /** The sequence's own fixed frame (z up, metres) from the LiDAR frame; undefined where the pose is not known. */
  readonly worldFromLidar?: Matrix44;
  /** The files that a part is read from, the part's own first; a part that the frame lacks has no entry. The picture is that of the sequence's first camera. */
  readonly files: { readonly [Part in FramePart]?: readonly string[] };
  /** By camera, the files that its picture is read from; a camera whose picture the frame lacks has no entry. */
  readonly pictures: { readonly [camera: string]: readonly string[] };
  /** What is not as it should be, a sentence each: what is missing, and what was put in its place. */
  readonly notes: readonly string[];
  /** The data set's own lists that name the frame, such as `train` or `val`. */
  readonly sets?: readonly string[];
}

/** A picture as its file or record has it. */
export interface EncodedPicture {
  /** PNG, JPEG or another format that `decodeImage` knows. */
  readonly bytes: Uint8Array;
  /** The file, and the place in it where it holds more than the picture, as errors name it. */
  readonly file: string;
}

/**
 * The moments of a drive in their order, read part by part: whatever is there is given, whatever is missing or damaged is told.
 * Frames without an order, such as those of a detection data set, are a sequence without times.
 * Reading a part that a moment lacks, or one that cannot be right, throws an InputError.
 */
export interface Sequence {
  /** What it is, such as `KITTI raw drive`. */
  readonly kind: string;
  /** What it is called among the sequences that lie at the same path, such as `2011_09_26/2011_09_26_drive_0005_sync` or `0000`. */
  readonly name: string;
  /** The file or folder that it was opened from. */
  readonly root: string;
  readonly moments: readonly Moment[];
  /** The data set's own names of the cameras; `picture` and `camera` give the first where none is named. */
  readonly cameras: readonly string[];
  /** The sweep of a frame with every field of its file. */
  cloud(index: number): Promise<PointCloud>;
  picture(index: number, camera?: string): Promise<EncodedPicture>;
  /** How the points reach the pixels of a frame's picture. */
  camera(index: number, camera?: string): Promise<CameraModel>;
  labels(index: number): Promise<readonly ObjectLabel[]>;
  /** What a Frame has as reflectance, 0 to 1, for an intensity of `cloud`; the intensity itself where there is no such function. */
  readonly reflectanceOf?: (intensity: number) => number;
}

/** The name of a camera of a sequence, of its first one by default. Throws InputError where it has no such camera, and RangeError for an index that is none. */
export function cameraIn(
  sequence: Pick<Sequence, 'root' | 'moments' | 'cameras'>,
  index: number,
  camera?: string,
): string {
  const { root, cameras } = sequence;
  const { id } = momentAt(sequence, index);
  const name = camera ?? cameras[0];
  if (name !== undefined && cameras.includes(name)) return name;
  const place = `frame ${id}`;
  if (cameras.length === 0) throw new InputError({ file: root, place, expected: 'a camera', found: 'none' });
  throw new InputError({ file: root, place, expected: `a camera of ${cameras.join(', ')}`, found: name });
}

/** The moment at an index. Throws RangeError for an index that is none. */
export function momentAt({ moments }: Pick<Sequence, 'moments'>, index: number): Moment {
  const moment = moments[index];
  if (moment === undefined) throw new RangeError(`frame ${index} of ${moments.length}`);
  return moment;
}

/** The file that a part of a frame is read from. Throws InputError for a part that the frame lacks, and RangeError for an index that is none. */
export function fileOf(sequence: Pick<Sequence, 'root' | 'moments'>, index: number, part: FramePart): string {
  const moment = momentAt(sequence, index);
  const file = moment.files[part]?.[0];
  if (file !== undefined) return file;
  const expected = part === 'labels' ? part : `a ${part}`;
  throw new InputError({ file: sequence.root, place: `frame ${moment.id}`, expected, found: 'none' });
}
