import { basename, join, resolve } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import {
  type KittiCalibration,
  type KittiCamera,
  pixelFromRect,
  rectFromLidar,
} from '../geometry/kitti-calibration.ts';
import {
  type KittiRawCalibrationFiles,
  parseKittiRawCalibration,
} from '../geometry/kitti-raw-calibration.ts';
import { decodeImage } from '../image/decode-image.ts';
import { readKittiBin } from '../pointcloud/kitti-bin.ts';
import { cloudFromRows, type PointCloud } from '../pointcloud/point-cloud.ts';
import type { CameraModel, Frame, ObjectLabel } from './frame.ts';
import {
  findKittiRawDrive,
  imageFolderOf,
  type KittiRawDrive,
  pictureName,
  sweepName,
} from './kitti-raw-layout.ts';
import { type KittiRawMoments, momentsOf } from './kitti-raw-moments.ts';
import { parseKittiTracks } from './kitti-tracks.ts';
import { exists } from './numbered-files.ts';
import { readPictureFile } from './picture-file.ts';
import { readFrameFile, readFrameText } from './read-frame-file.ts';
import { cameraIn, type EncodedPicture, type Moment, type Sequence } from './sequence.ts';

/** How a KITTI raw drive is opened. */
export interface KittiRawOptions {
  /** The camera that comes first: 2, left colour, by default, or else the first that has a picture of 3 (right colour), 0 and 1 (left and right grey). */
  readonly camera?: KittiCamera;
  /** A label file of KITTI's tracking benchmark whose frame k is frame k of the drive, such as `label_02/0000.txt`; by default `label_02.txt` in the drive's folder, if it is there. */
  readonly tracks?: string;
  /** What the drive is called; its folder's name by default. */
  readonly name?: string;
}

/**
 * A drive in the layout of KITTI raw data, synced and rectified. Frames go by their number, the stem of their files: all
 * of which there is a sweep or a picture, in ascending order. What is missing or damaged is in the notes of its moment;
 * what concerns the whole drive is in those of the first.
 *
 * @example
 * const drive = await KittiRaw.open('2011_09_26/2011_09_26_drive_0005_sync');
 * for (const { id, timeS } of drive.moments) console.log(id, timeS);
 * const { points, cameras, worldFromLidar } = await drive.frame(0);
 */
export class KittiRaw implements Sequence {
  readonly kind = 'KITTI raw drive';
  readonly name: string;
  readonly root: string;
  readonly moments: readonly Moment[];
  /** The folders of the cameras that have pictures, such as `image_02`; the first one in any case. */
  readonly cameras: readonly string[];
  private readonly drive: KittiRawDrive;
  private readonly numbers: readonly KittiCamera[];
  private tracks: Promise<ReadonlyMap<number, ObjectLabel[]>> | undefined;

  private constructor(
    { root, name }: { readonly root: string; readonly name: string },
    drive: KittiRawDrive,
    { moments, cameras }: KittiRawMoments,
  ) {
    this.root = root;
    this.name = name;
    this.drive = drive;
    this.moments = moments;
    this.numbers = cameras;
    this.cameras = cameras.map(imageFolderOf);
  }

  /**
   * Opens the folder of a drive, or of a date with one drive in it: lists its frames and reads its times and poses.
   * Throws InputError for another layout, for several drives, and where there is no sweep and no picture.
   */
  static async open(path: string, options: KittiRawOptions = {}): Promise<KittiRaw> {
    const { camera, tracks } = options;
    const drive = await findKittiRawDrive(path, tracks);
    const name = options.name ?? basename(resolve(drive.folder));
    return new KittiRaw({ root: path, name }, drive, await momentsOf(drive, camera));
  }

  get length(): number {
    return this.moments.length;
  }

  /** A frame with the picture of its first camera, and with labels where the drive was opened with tracks. Throws InputError for a part that is missing or damaged. */
  async frame(index: number): Promise<Frame> {
    const { id, timeS, worldFromLidar } = this.momentOf(index);
    const picture = this.fileOf(index, 'picture');
    const [points, camera, bytes, labels] = await Promise.all([
      this.sweep(index),
      this.camera(index),
      readFrameFile(picture),
      this.drive.tracks === undefined ? undefined : this.labels(index),
    ]);
    const image = await decodeImage(bytes, { file: picture });
    return { id, points, cameras: [{ ...camera, image }], labels, timeS, worldFromLidar };
  }

  /** A frame's points alone: rows of x, y, z, reflectance. */
  async sweep(index: number): Promise<Float32Array> {
    const file = this.fileOf(index, 'sweep');
    return readKittiBin(await readFrameFile(file), { file });
  }

  async cloud(index: number): Promise<PointCloud> {
    return cloudFromRows(await this.sweep(index), ['x', 'y', 'z', 'reflectance']);
  }

  async picture(index: number, camera?: string): Promise<EncodedPicture> {
    return readPictureFile(this, index, camera);
  }

  async camera(index: number, camera?: string): Promise<CameraModel> {
    const name = cameraIn(this, index, camera);
    const number = this.numbers[this.cameras.indexOf(name)];
    const { camToCam, veloToCam } = this.drive.calibration;
    const calibration = await readCalibration({ camToCam, veloToCam }, number);
    return {
      name,
      pixelFromCamera: pixelFromRect(calibration, number),
      cameraFromLidar: rectFromLidar(calibration),
    };
  }

  async labels(index: number): Promise<readonly ObjectLabel[]> {
    const { id } = this.momentOf(index);
    const { tracks } = this.drive;
    if (tracks === undefined) {
      const expected = 'labels: a tracking label file given as tracks';
      throw new InputError({ file: this.root, place: `frame ${id}`, expected, found: 'none' });
    }
    this.tracks ??= this.readTracks(tracks, index);
    try {
      return (await this.tracks).get(Number(id)) ?? [];
    } catch (error) {
      // The file may have been mended when it is asked for again.
      this.tracks = undefined;
      throw error;
    }
  }

  /** The calibration of the drive, with the inertial unit's where its file is there. Throws InputError for one of the others that is missing, and for a damaged one. */
  async calibration(): Promise<KittiCalibration<never>> {
    const { imuToVelo, ...needed } = this.drive.calibration;
    const files = { ...needed, ...((await exists(imuToVelo)) ? { imuToVelo } : {}) };
    return readCalibration(files, this.numbers[0]);
  }

  private async readTracks(file: string, index: number) {
    const { cameraFromLidar } = await this.camera(index);
    return parseKittiTracks(await readFrameText(file), { file, rectFromLidar: cameraFromLidar });
  }

  private momentOf(index: number): Moment {
    const moment = this.moments[index];
    if (moment === undefined) throw new RangeError(`frame ${index} of ${this.moments.length}`);
    return moment;
  }

  /** The part's own file, or where it is missed: reading that throws an InputError with its name. */
  private fileOf(index: number, part: 'sweep' | 'picture'): string {
    const { id, files } = this.momentOf(index);
    const name = part === 'sweep' ? sweepName(id) : pictureName(this.cameras[0], id);
    return files[part]?.[0] ?? join(this.drive.folder, name);
  }
}

async function readCalibration(files: KittiRawCalibrationFiles, camera: KittiCamera) {
  const [camToCam, veloToCam, imuToVelo] = await Promise.all([
    readFrameText(files.camToCam),
    readFrameText(files.veloToCam),
    files.imuToVelo === undefined ? undefined : readFrameText(files.imuToVelo),
  ]);
  return parseKittiRawCalibration({ camToCam, veloToCam, imuToVelo }, { files, camera });
}
