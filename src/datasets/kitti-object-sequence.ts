import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import { parseKittiCalibration, pixelFromRect, rectFromLidar } from '../geometry/kitti-calibration.ts';
import { readKittiBin } from '../pointcloud/kitti-bin.ts';
import { cloudFromRows, type PointCloud } from '../pointcloud/point-cloud.ts';
import type { CameraModel, ObjectLabel } from './frame.ts';
import { frameNamesIn } from './frame-names.ts';
import { parseKittiLabels } from './kitti-labels.ts';
import { filesByStem, findKittiLayout, KITTI_IMAGE_ENDINGS } from './kitti-layout.ts';
import { readPictureFile } from './picture-file.ts';
import { readFrameFile, readFrameText } from './read-frame-file.ts';
import {
  cameraIn,
  type EncodedPicture,
  type FramePart,
  fileOf,
  type Moment,
  type Sequence,
} from './sequence.ts';

/** The cameras of the benchmark, by the folders of their pictures: left and right colour. */
const CAMERAS = { image_2: 2, image_3: 3 } as const;
type ObjectCamera = keyof typeof CAMERAS;

/** The folder and the endings of each part. */
const parts = {
  sweep: { folder: 'velodyne', endings: ['.bin'] },
  picture: { folder: 'image_2', endings: KITTI_IMAGE_ENDINGS },
  calibration: { folder: 'calib', endings: ['.txt'] },
  labels: { folder: 'label_2', endings: ['.txt'] },
} as const satisfies { readonly [Part in FramePart]: unknown };

/** A data set in KITTI's object layout to be looked at: every frame of which there is a sweep or a picture, complete or not. */
export class KittiObjectSequence implements Sequence {
  readonly kind = 'KITTI object data set';
  readonly name: string;
  readonly root: string;
  readonly moments: readonly Moment[];
  /** `image_2`, and `image_3` where it has pictures. */
  readonly cameras: readonly ObjectCamera[];

  private constructor(root: string, moments: readonly Moment[], cameras: readonly ObjectCamera[]) {
    this.root = root;
    this.name = basename(resolve(root));
    this.moments = moments;
    this.cameras = cameras;
  }

  /** Lists the training frames under `root`; reads none yet. Throws InputError for another layout and where there is no frame. */
  static async open(root: string): Promise<KittiObjectSequence> {
    const layout = await findKittiLayout(root, 'training', ['velodyne']);
    const lists = await imageSets(layout.imageSets);
    const found = new Map<FramePart, ReadonlyMap<string, string>>();
    for (const part of Object.keys(parts) as FramePart[]) {
      const { folder, endings } = parts[part];
      found.set(part, await filesByStem(join(layout.folder, folder), endings).catch(noneIfAbsent));
    }
    const right = await filesByStem(join(layout.folder, 'image_3'), KITTI_IMAGE_ENDINGS).catch(noneIfAbsent);
    const ids = [...new Set([...found.get('sweep')!.keys(), ...found.get('picture')!.keys()])].sort();
    if (ids.length === 0) {
      throw new InputError({
        file: layout.folder,
        expected: 'sweeps in velodyne or pictures in image_2',
        found: 'neither',
      });
    }
    const hasLabels = found.get('labels')!.size > 0;
    const moments = ids.map((id): Moment => {
      const files: { [Part in FramePart]?: readonly string[] } = {};
      const notes: string[] = [];
      for (const part of Object.keys(parts) as FramePart[]) {
        const { folder, endings } = parts[part];
        const name = found.get(part)!.get(id);
        if (name !== undefined) files[part] = [join(layout.folder, folder, name)];
        else if (part !== 'labels' || hasLabels) notes.push(`${folder}/${id}${endings[0]} is missing`);
      }
      // Labels are read with the calibration, which takes them into the LiDAR frame.
      if (files.labels !== undefined) files.labels = [...files.labels, ...(files.calibration ?? [])];
      const ofRight = right.get(id);
      if (ofRight === undefined && right.size > 0) notes.push(`image_3/${id}.png is missing`);
      const pictures = {
        ...(files.picture && { [parts.picture.folder]: files.picture }),
        ...(ofRight && { image_3: [join(layout.folder, 'image_3', ofRight)] }),
      };
      return {
        id,
        files,
        pictures,
        notes,
        sets: lists.filter(({ names }) => names.has(id)).map(({ set }) => set),
      };
    });
    return new KittiObjectSequence(root, moments, right.size > 0 ? ['image_2', 'image_3'] : ['image_2']);
  }

  async cloud(index: number): Promise<PointCloud> {
    const file = fileOf(this, index, 'sweep');
    return cloudFromRows(readKittiBin(await readFrameFile(file), { file }), ['x', 'y', 'z', 'reflectance']);
  }

  async picture(index: number, camera?: string): Promise<EncodedPicture> {
    return readPictureFile(this, index, camera);
  }

  async camera(index: number, camera?: string): Promise<CameraModel> {
    const name = cameraIn(this, index, camera) as ObjectCamera;
    const number = CAMERAS[name];
    const file = fileOf(this, index, 'calibration');
    const calibration = parseKittiCalibration(await readFrameText(file), { file, camera: number });
    return {
      name,
      pixelFromCamera: pixelFromRect(calibration, number),
      cameraFromLidar: rectFromLidar(calibration),
    };
  }

  async labels(index: number): Promise<readonly ObjectLabel[]> {
    const file = fileOf(this, index, 'labels');
    const { cameraFromLidar } = await this.camera(index);
    return parseKittiLabels(await readFrameText(file), { file, rectFromLidar: cameraFromLidar });
  }
}

function noneIfAbsent(error: NodeJS.ErrnoException): ReadonlyMap<string, string> {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return new Map();
  throw error;
}

async function imageSets(folder: string) {
  const files = await readdir(folder).catch(() => []);
  const sets = files.filter((name) => /^[^.].*\.txt$/.test(name)).sort();
  return Promise.all(
    sets.map(async (name) => ({
      set: name.slice(0, -4),
      names: new Set(frameNamesIn(await readFrameText(join(folder, name)))),
    })),
  );
}
