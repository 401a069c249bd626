import { join } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import {
  type KittiCamera,
  parseKittiCalibration,
  pixelFromRect,
  rectFromLidar,
} from '../geometry/kitti-calibration.ts';
import { readKittiBin } from '../pointcloud/kitti-bin.ts';
import { cloudFromRows } from '../pointcloud/point-cloud.ts';
import type { ObjectLabel } from './frame.ts';
import { KITTI_IMAGE_ENDINGS } from './kitti-layout.ts';
import { type NumberedFiles, notesOf, numberedFiles } from './numbered-files.ts';
import { readPictureFile } from './picture-file.ts';
import { readFrameFile, readFrameText } from './read-frame-file.ts';
import { cameraIn, fileOf, type Moment, type Sequence } from './sequence.ts';

/** A camera of a sequence: its name, the folder of its pictures, and KITTI's number of its projection. */
export interface NumberedCamera {
  readonly name: string;
  readonly place: string;
  readonly number: KittiCamera;
}

/** The sweeps and pictures of a sequence whose frames go by number. */
export interface NumberedParts {
  /** The folder that places are in. */
  readonly folder: string;
  readonly sweeps: NumberedFiles;
  /** Cameras that have pictures, the preferred one first; where there is no picture at all the preferred one alone. */
  readonly cameras: ReadonlyArray<NumberedCamera & { readonly pictures: NumberedFiles }>;
  /** The frames that have a sweep or a picture, ascending. */
  readonly numbers: readonly number[];
  readonly notes: readonly string[];
}

/** Lists the sweeps in a place below `folder`, and the pictures of cameras, the preferred one first. */
export async function listNumberedParts(
  folder: string,
  places: { readonly sweeps: string; readonly cameras: readonly NumberedCamera[] },
): Promise<NumberedParts> {
  const [sweeps, ...pictures] = await Promise.all([
    numberedFiles(folder, places.sweeps, ['.bin']),
    ...places.cameras.map(({ place }) => numberedFiles(folder, place, KITTI_IMAGE_ENDINGS)),
  ]);
  const listed = places.cameras.map((camera, i) => ({ ...camera, pictures: pictures[i] }));
  const there = listed.filter((camera) => camera.pictures.files.size > 0);
  const cameras = there.length === 0 ? listed.slice(0, 1) : there;
  const found = [sweeps, ...pictures].flatMap(({ files }) => [...files.keys()]);
  const left = listed
    .filter((camera) => !cameras.includes(camera))
    .flatMap((camera) => camera.pictures.notes);
  return {
    ...{ folder, sweeps, cameras },
    numbers: [...new Set(found)].sort((a, b) => a - b),
    notes: [...notesOf(sweeps), ...cameras.flatMap((camera) => notesOf(camera.pictures)), ...left],
  };
}

/** The files of a frame, and what it lacks that other frames have. */
export function partsOfFrame(
  { sweeps, cameras }: NumberedParts,
  number: number,
): Pick<Moment, 'files' | 'pictures' | 'notes' | 'id'> {
  const id = String(number).padStart(6, '0');
  const notes: string[] = [];
  const pictures: { [camera: string]: readonly string[] } = {};
  const sweep = sweeps.files.get(number);
  if (sweep === undefined && sweeps.files.size > 0) notes.push(`${sweeps.place}/${id}.bin is missing`);
  for (const { name, place, pictures: part } of cameras) {
    const file = part.files.get(number);
    if (file !== undefined) pictures[name] = [file];
    else if (part.files.size > 0) notes.push(`${place}/${id}.png is missing`);
  }
  const picture = pictures[cameras[0].name];
  return { id, files: { ...(sweep && { sweep: [sweep] }), ...(picture && { picture }) }, pictures, notes };
}

/** What a sequence with one calibration file, and perhaps one of tracks, is made of. */
export interface NumberedSequence {
  readonly kind: string;
  readonly name: string;
  readonly root: string;
  readonly parts: NumberedParts;
  readonly moments: readonly Moment[];
  /** The calibration's file below the folder. */
  readonly calibration: string;
  /** Reads the labels of all frames; undefined where the data set has none. */
  readonly readLabels?: () => Promise<ReadonlyMap<number, readonly ObjectLabel[]>>;
}

/** The sequence that reads these moments. */
export function numberedSequence(made: NumberedSequence): Sequence {
  const { kind, name, root, parts, moments, readLabels } = made;
  const cameras = parts.cameras.map((camera) => camera.name);
  const base = { kind, name, root, moments, cameras };
  const labels = readLabels && rememberOnce(readLabels);
  return {
    ...base,
    cloud: async (index) => {
      const file = fileOf(base, index, 'sweep');
      return cloudFromRows(readKittiBin(await readFrameFile(file), { file }), ['x', 'y', 'z', 'reflectance']);
    },
    picture: (index, camera) => readPictureFile(base, index, camera),
    camera: async (index, camera) => {
      const which = cameraIn(base, index, camera);
      const { number } = parts.cameras.find((each) => each.name === which)!;
      const file = join(parts.folder, made.calibration);
      const calibration = parseKittiCalibration(await readFrameText(file), { file, camera: number });
      return {
        name: which,
        pixelFromCamera: pixelFromRect(calibration, number),
        cameraFromLidar: rectFromLidar(calibration),
      };
    },
    labels: async (index) => {
      const file = fileOf(base, index, 'labels');
      if (labels === undefined) throw new InputError({ file, expected: 'labels', found: 'none' });
      return (await labels()).get(Number(moments[index].id)) ?? [];
    },
  };
}

/** Reads once; again where it failed, for the file may have been mended. */
function rememberOnce<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let known: Promise<Value> | undefined;
  return async () => {
    known ??= read();
    try {
      return await known;
    } catch (error) {
      known = undefined;
      throw error;
    }
  };
}
