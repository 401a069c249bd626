import { InputError } from '../../engine/input-error.ts';
import { imageFormatOf } from '../../image/image-format.ts';
import { writePcd } from '../../pointcloud/pcd.ts';
import type { PointCloud } from '../../pointcloud/point-cloud.ts';
import type { CameraModel, ObjectLabel } from '../frame.ts';
import { momentAt, type Sequence } from '../sequence.ts';
import type { MomentHead } from './moment-record.ts';

/** All of a moment, ready to be written. */
export interface ReadMoment {
  /** With a note for each part that could not be read. */
  readonly head: MomentHead;
  /** The points as PCD, and what that cannot hold. */
  readonly sweep?: { readonly pcd: Uint8Array; readonly rest: Pick<PointCloud, 'viewpoint' | 'notes'> };
  readonly pictures: ReadonlyArray<{
    readonly camera: string;
    readonly ending: string;
    readonly bytes: Uint8Array;
  }>;
  readonly cameras: { readonly [camera: string]: CameraModel };
  readonly labels?: readonly ObjectLabel[];
  /** What is not there of it, such as `sweep: damaged` or `picture of image_02: missing`. */
  readonly leftOut: readonly string[];
}

/** The parts that a sequence has of any moment, as `leftOut` names them. */
export function partsOf(sequence: Sequence): ReadonlySet<string> {
  return new Set(sequence.moments.flatMap((_, index) => presentParts(sequence, index)));
}

/** The parts that there are of other moments and not of this one. */
export function missingParts(sequence: Sequence, index: number, parts: ReadonlySet<string>): string[] {
  const present = new Set(presentParts(sequence, index));
  return [...parts].filter((part) => !present.has(part));
}

function presentParts({ moments, cameras }: Sequence, index: number): string[] {
  const { files, pictures } = moments[index];
  return [
    ...(files.sweep ? ['sweep'] : []),
    ...cameras.filter((camera) => pictures[camera] !== undefined).map((camera) => `picture of ${camera}`),
    ...(files.calibration ? ['calibration'] : []),
    ...(files.labels ? ['labels'] : []),
  ];
}

/**
 * Reads all parts of a moment that it says it has, at the same time. A part that cannot be right is left out, with a note; with
 * `strict` it is thrown, and so is a part that is missing while other moments have it. Throws InputError.
 */
export async function readMoment(
  sequence: Sequence,
  index: number,
  { parts, strict }: { readonly parts: ReadonlySet<string>; readonly strict: boolean },
): Promise<ReadMoment> {
  const { files, pictures: pictureFiles, ...known } = momentAt(sequence, index);
  const missing = missingParts(sequence, index, parts);
  if (strict && missing.length > 0) throw missingPart(sequence, index, missing[0]);
  const notes = [...known.notes];
  const leftOut = missing.map((part) => `${part}: missing`);
  const attempt = async <T>(part: string, read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      if (strict) throw error;
      faults.set(part, error.message);
      return undefined;
    }
  };
  const faults = new Map<string, string>();
  const seen = sequence.cameras.filter((camera) => pictureFiles[camera] !== undefined);
  const [sweep, pictures, models, labels] = await Promise.all([
    files.sweep && attempt('sweep', async () => encodeSweep(await sequence.cloud(index), sequence.root)),
    Promise.all(
      seen.map((camera) => attempt(`picture of ${camera}`, () => pictureOf(sequence, index, camera))),
    ),
    Promise.all(
      (files.calibration ? sequence.cameras : []).map((camera) =>
        attempt(`calibration of ${camera}`, () => sequence.camera(index, camera)),
      ),
    ),
    files.labels && attempt('labels', () => sequence.labels(index)),
  ]);
  // In an order of their own, not in that in which they failed.
  for (const part of [...faults.keys()].sort()) {
    notes.push(`${part} is left out: ${faults.get(part)}`);
    leftOut.push(`${part}: damaged`);
  }
  return {
    head: { ...known, notes },
    ...(sweep && { sweep }),
    pictures: pictures.filter((each) => each !== undefined),
    cameras: Object.fromEntries(
      sequence.cameras.flatMap((camera, at) => (models[at] === undefined ? [] : [[camera, models[at]]])),
    ),
    ...(labels && { labels }),
    leftOut,
  };
}

/** What is said of a part that a moment lacks. */
export function missingPart(sequence: Sequence, index: number, part: string): InputError {
  const place = `frame ${sequence.moments[index].id}`;
  const others = 'which other frames have';
  return new InputError({ file: sequence.root, place, expected: `${part}, ${others}`, found: 'none' });
}

function encodeSweep(cloud: PointCloud, file: string): NonNullable<ReadMoment['sweep']> {
  const { viewpoint, notes } = cloud;
  try {
    return { pcd: writePcd(cloud, { encoding: 'binary' }), rest: { viewpoint, notes } };
  } catch (error) {
    // The writer knows no file.
    throw error instanceof InputError ? new InputError({ ...error.fault, file }, { cause: error }) : error;
  }
}

/** The bytes of a picture as they are; only that they begin as a picture does is looked at. */
async function pictureOf(sequence: Sequence, index: number, camera: string) {
  const { bytes, file } = await sequence.picture(index, camera);
  const format = imageFormatOf(bytes);
  if (format === undefined) {
    throw new InputError({ file, expected: 'a picture (PNG, JPEG or the like)', found: 'other bytes' });
  }
  const ending = format === 'JPEG' ? 'jpg' : format.toLowerCase();
  return { camera, ending, bytes };
}
