import { join } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import { parseKittiCalibration, pixelFromRect, rectFromLidar } from '../geometry/kitti-calibration.ts';
import { type Matrix34, multiply34by44 } from '../geometry/matrix.ts';
import { decodeImage, readImageSize } from '../image/decode-image.ts';
import type { ImageSize } from '../image/image-view.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { readKittiBin } from '../pointcloud/kitti-bin.ts';
import type { CameraModel, Frame, ObjectLabel, PointFrame } from './frame.ts';
import { checkedNames, readFrameNames } from './frame-names.ts';
import { type IncompleteFrame, requireComplete } from './incomplete-frame.ts';
import { decodeKittiDepth } from './kitti-depth.ts';
import { parseKittiLabels } from './kitti-labels.ts';
import { filesByStem, findKittiLayout, KITTI_IMAGE_ENDINGS } from './kitti-layout.ts';
import { readFrameFile, readFrameText } from './read-frame-file.ts';
import { readPicture } from './read-picture.ts';
import { Stopwatch } from './stopwatch.ts';

/** Which frames of a KITTI object data set to open, and how. */
export interface KittiObjectOptions {
  /** `training` by default. */
  readonly split?: 'training' | 'testing';
  /** Only these frames, in this order. */
  readonly ids?: readonly string[];
  /** Only the frames that `ImageSets/<imageSet>.txt` lists, such as `train` or `val`. */
  readonly imageSet?: string;
  /** 2 or `image_2`, the left colour camera, by default; 3 or `image_3` is the right one. */
  readonly camera?: 2 | 3 | string;
  /** Whether labels are not read and not needed, as for pretraining. */
  readonly ignoreLabels?: boolean;
  /** Whether the depth of pixels is read too, of the frames that have it (`depth_2`, 16-bit PNG in KITTI's depth format). */
  readonly withDepth?: boolean;
  /** Whether frames need their pictures, true by default; without, there are `pointFrame`s alone. */
  readonly withPictures?: boolean;
  /** Whether a frame that lacks a file is an error instead of being left out and counted in `incomplete`. */
  readonly strict?: boolean;
}

/** The names of a frame's files, relative to the split's folder. */
interface FrameFiles {
  readonly image: string | undefined;
  readonly velodyne: string;
  readonly calib: string;
  readonly labels: string | undefined;
  readonly depth: string | undefined;
}

/**
 * A data set in the layout of KITTI's object benchmark: `training/{image_2,velodyne,calib,label_2}` (no labels in
 * `testing`), pictures PNG or JPEG of any size. Frames have their image, sweep and calibration, and the labels where
 * the split has them; those that lack a file are in `incomplete`, not in `ids`.
 *
 * @example
 * const data = await KittiObject.open('data/kitti', { imageSet: 'val' });
 * const { points, cameras, labels } = await data.frame(0);
 * data.ids; // ["000004", "000005"]
 */
export class KittiObject {
  readonly ids: readonly string[];
  /** The frames that were left out. */
  readonly incomplete: readonly IncompleteFrame[];
  readonly hasLabels: boolean;
  /** How many of the frames have no picture; 0 where pictures are needed. */
  readonly withoutPicture: number;
  private readonly folder: string;
  private readonly cameraNumber: 2 | 3;
  private readonly files: ReadonlyMap<string, FrameFiles>;

  private constructor(
    folder: string,
    camera: 2 | 3,
    found: { files: ReadonlyMap<string, FrameFiles>; incomplete: IncompleteFrame[]; hasLabels: boolean },
  ) {
    this.folder = folder;
    this.cameraNumber = camera;
    this.files = found.files;
    this.ids = [...found.files.keys()];
    this.incomplete = found.incomplete;
    this.hasLabels = found.hasLabels;
    this.withoutPicture = [...found.files.values()].filter(({ image }) => image === undefined).length;
  }

  /**
   * Lists the frames under `root`, which is the data set's folder or its `training` folder; reads no frame yet.
   * Throws InputError for another layout, for no complete frame at all, and with `strict` for any incomplete one.
   */
  static async open(root: string, options: KittiObjectOptions = {}): Promise<KittiObject> {
    const {
      split = 'training',
      strict,
      ignoreLabels = false,
      withDepth = false,
      withPictures = true,
    } = options;
    const camera = objectCamera(root, options.camera);
    const imageFolder = `image_${camera}`;
    const depthFolder = `depth_${camera}`;
    const parts = [...(withPictures ? [imageFolder] : []), 'velodyne', 'calib'];
    const layout = await findKittiLayout(root, split, parts);
    const [images, sweeps, calibrations, labels, depths] = await Promise.all([
      withPictures
        ? filesByStem(join(layout.folder, imageFolder), KITTI_IMAGE_ENDINGS)
        : filesIfThere(join(layout.folder, imageFolder), KITTI_IMAGE_ENDINGS),
      filesByStem(join(layout.folder, 'velodyne'), ['.bin']),
      filesByStem(join(layout.folder, 'calib'), ['.txt']),
      ignoreLabels ? undefined : filesIfThere(join(layout.folder, 'label_2'), ['.txt']),
      withDepth ? filesIfThere(join(layout.folder, depthFolder), ['.png']) : undefined,
    ]);
    const ids = await wantedIds(layout.imageSets, options, () =>
      [...new Set([...(images?.keys() ?? []), ...sweeps.keys()])].sort(),
    );
    const files = new Map<string, FrameFiles>();
    const incomplete: IncompleteFrame[] = [];
    for (const id of ids) {
      const [image, velodyne, calib, label] = [images, sweeps, calibrations, labels].map((part) =>
        part?.get(id),
      );
      const missing = [
        withPictures && image === undefined ? `${imageFolder}/${id}.png` : '',
        velodyne === undefined ? `velodyne/${id}.bin` : '',
        calib === undefined ? `calib/${id}.txt` : '',
        labels !== undefined && label === undefined ? `label_2/${id}.txt` : '',
      ].filter((name) => name !== '');
      if (missing.length > 0) incomplete.push({ id, missing: missing.join(', ') });
      else {
        files.set(id, {
          image: image === undefined ? undefined : join(imageFolder, image),
          velodyne: join('velodyne', velodyne!),
          calib: join('calib', calib!),
          labels: label === undefined ? undefined : join('label_2', label),
          depth: depths?.has(id) ? join(depthFolder, depths.get(id)!) : undefined,
        });
      }
    }
    requireComplete(layout.folder, { complete: files.size, incomplete, strict });
    return new KittiObject(layout.folder, camera, { files, incomplete, hasLabels: labels !== undefined });
  }

  get length(): number {
    return this.ids.length;
  }

  /**
   * All of a frame; the stopwatch gets `read` and `decode`. Throws InputError for a file that is damaged, and for an image
   * and a sweep that cannot belong together.
   */
  async frame(index: number, stopwatch = new Stopwatch()): Promise<Frame> {
    const id = this.idOf(index);
    const files = this.files.get(id)!;
    const path = (name: string) => join(this.folder, name);
    const [imageBytes, points, calibrationText, labelText, depthBytes] = await Promise.all([
      readFrameFile(this.pictureFile(index)),
      this.sweep(index),
      readFrameText(path(files.calib)),
      files.labels === undefined ? undefined : readFrameText(path(files.labels)),
      files.depth === undefined ? undefined : readFrameFile(path(files.depth)),
    ]);
    const camera = this.cameraOf(calibrationText, path(files.calib));
    stopwatch.lap('read');
    const image = await decodeImage(imageBytes, { file: this.pictureFile(index) });
    this.checkTogether(id, { image, points, camera });
    const depth = depthBytes && (await decodeKittiDepth(depthBytes, { file: path(files.depth!), image }));
    stopwatch.lap('decode');
    return {
      id,
      points,
      cameras: [{ ...camera, image, ...(depth && { depth }) }],
      labels:
        labelText === undefined
          ? undefined
          : parseKittiLabels(labelText, { file: path(files.labels!), rectFromLidar: camera.cameraFromLidar }),
    };
  }

  /**
   * A frame without its picture's pixels, as for what learns from points alone: the size is that of the picture, where there
   * is one, or else twice the principal point, which lies near the middle. Throws InputError as `frame` does.
   */
  async pointFrame(index: number, stopwatch = new Stopwatch()): Promise<PointFrame> {
    const id = this.idOf(index);
    const files = this.files.get(id)!;
    const calibration = join(this.folder, files.calib);
    const [points, calibrationText, labels, imageBytes] = await Promise.all([
      this.sweep(index),
      readFrameText(calibration),
      this.labels(index),
      files.image === undefined ? undefined : readFrameFile(this.pictureFile(index)),
    ]);
    const camera = this.cameraOf(calibrationText, calibration);
    stopwatch.lap('read');
    const image =
      imageBytes === undefined
        ? sizeAbout(camera)
        : await readImageSize(imageBytes, { file: this.pictureFile(index) });
    this.checkTogether(id, { image, points, camera });
    return { id, points, cameras: [{ ...camera, image }], labels };
  }

  /** Where a frame's picture lies. Throws InputError where the data was opened without and it has none. */
  private pictureFile(index: number): string {
    const id = this.idOf(index);
    const { image } = this.files.get(id)!;
    if (image !== undefined) return join(this.folder, image);
    const file = join(this.folder, `image_${this.cameraNumber}`);
    throw new InputError({ file, place: id, expected: 'a picture', found: 'none' });
  }

  /** A frame's picture alone; the stopwatch gets `read` and `decode`. */
  async picture(index: number, stopwatch = new Stopwatch()): Promise<RgbImage> {
    return readPicture(this.pictureFile(index), { stopwatch });
  }

  /** A frame's points alone: rows of x, y, z, reflectance. */
  async sweep(index: number): Promise<Float32Array> {
    const path = join(this.folder, this.files.get(this.idOf(index))!.velodyne);
    return readKittiBin(await readFrameFile(path), { file: path });
  }

  /** A frame's labels alone; undefined where the split has none. */
  async labels(index: number): Promise<ObjectLabel[] | undefined> {
    const { labels } = this.files.get(this.idOf(index))!;
    if (labels === undefined) return undefined;
    const { cameraFromLidar } = await this.camera(index);
    const file = join(this.folder, labels);
    return parseKittiLabels(await readFrameText(file), { file, rectFromLidar: cameraFromLidar });
  }

  /** How a frame's points reach the pixels of its camera. */
  async camera(index: number): Promise<CameraModel> {
    const file = join(this.folder, this.files.get(this.idOf(index))!.calib);
    return this.cameraOf(await readFrameText(file), file);
  }

  private cameraOf(calibrationText: string, file: string): CameraModel {
    const camera = this.cameraNumber;
    const calibration = parseKittiCalibration(calibrationText, { file, camera });
    return {
      name: `image_${camera}`,
      pixelFromCamera: pixelFromRect(calibration, camera),
      cameraFromLidar: rectFromLidar(calibration),
    };
  }

  private idOf(index: number): string {
    if (Number.isInteger(index) && index >= 0 && index < this.ids.length) return this.ids[index];
    throw new RangeError(`frame ${index} of ${this.ids.length}`);
  }

  /** What can be known without labels: the camera looks through the middle of its image, and the sweep is in it. */
  private checkTogether(
    id: string,
    { image, points, camera }: { image: ImageSize; points: Float32Array; camera: CameraModel },
  ): void {
    const { pixelFromCamera: p, cameraFromLidar } = camera;
    const files = this.files.get(id)!;
    const across = p[2] / p[10] / image.width;
    const down = p[6] / p[10] / image.height;
    if (!(across > 0.25 && across < 0.75 && down > 0.1 && down < 0.9)) {
      throw new InputError({
        file: join(this.folder, files.calib),
        place: `P${this.cameraNumber}`,
        expected: `a principal point near the middle of ${files.image ?? 'the picture'} (${image.width} x ${image.height})`,
        found: `(${p[2] / p[10]}, ${p[6] / p[10]}): a calibration of another image, or an image of another size`,
      });
    }
    if (!anyPointInImage(points, multiply34by44(p, cameraFromLidar), image)) {
      throw new InputError({
        file: join(this.folder, files.velodyne),
        expected: `points that ${files.calib} projects into ${files.image ?? 'the picture'}`,
        found: `none of ${points.length / 4}`,
      });
    }
  }
}

/** The number of a camera of the benchmark by its name or number, 2 by default. Throws InputError for another one. */
export function objectCamera(root: string, camera: 2 | 3 | string = 2): 2 | 3 {
  const number = ([2, 3] as const).find((each) => camera === each || camera === `image_${each}`);
  if (number !== undefined) return number;
  const expected = 'image_2 or image_3';
  throw new InputError({ file: root, place: `camera ${camera}`, expected, found: 'none of that name' });
}

async function filesIfThere(
  folder: string,
  endings: readonly string[],
): Promise<Map<string, string> | undefined> {
  return filesByStem(folder, endings).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}

async function wantedIds(
  imageSets: string,
  options: KittiObjectOptions,
  all: () => string[],
): Promise<readonly string[]> {
  if (options.ids !== undefined && options.imageSet !== undefined) {
    throw new RangeError('frames are chosen by ids or by imageSet, not by both');
  }
  if (options.ids !== undefined) return checkedNames(options.ids, 'ids');
  if (options.imageSet === undefined) return all();
  return readFrameNames(join(imageSets, `${options.imageSet}.txt`));
}

/** The size of a picture whose middle is the principal point. */
function sizeAbout({ pixelFromCamera: p }: CameraModel): ImageSize {
  return { width: Math.round((2 * p[2]) / p[10]), height: Math.round((2 * p[6]) / p[10]) };
}

function anyPointInImage(points: Float32Array, pixelFromLidar: Matrix34, image: ImageSize): boolean {
  const [a, b, c, d, e, f, g, h, i, j, k, l] = pixelFromLidar;
  for (let at = 0; at < points.length; at += 4) {
    const x = points[at];
    const y = points[at + 1];
    const z = points[at + 2];
    const w = i * x + j * y + k * z + l;
    if (w <= 0) continue;
    const u = (a * x + b * y + c * z + d) / w;
    const v = (e * x + f * y + g * z + h) / w;
    if (u >= -0.5 && v >= -0.5 && u < image.width - 0.5 && v < image.height - 0.5) return true;
  }
  return false;
}
