import { join } from 'node:path';
import { type DataKind, dataKindOf } from '../../datasets/data-kind.ts';
import type { DataSelection } from '../../datasets/data-selection.ts';
import type { CameraModel, ObjectLabel } from '../../datasets/frame.ts';
import { openFrames } from '../../datasets/open-frames.ts';
import type { Sequence } from '../../datasets/sequence.ts';
import { InputError } from '../../engine/input-error.ts';
import { kittiFromBox } from '../../geometry/kitti-box.ts';
import type { Matrix44 } from '../../geometry/matrix.ts';
import { evaluatedClasses } from './kitti-matching.ts';
import {
  type KittiFolderPairs,
  type KittiFolders,
  soundPairs,
  withoutResults,
} from './kitti-result-files.ts';
import type { KittiObjectLine } from './kitti-result-lines.ts';
import { resultFilesIn } from './result-names.ts';
import { unknownClasses } from './unknown-classes.ts';

/** Which drives to compare with the result files of which folder. */
export interface DriveResults extends Pick<KittiFolders, 'detections' | 'missing' | 'damaged' | 'strict'> {
  readonly labels: DataSelection;
  /** Only the frames that have a result file. */
  readonly foundOnly?: boolean;
}

/** The frames of drives, and by how much boxes in the picture were scaled. */
export interface DriveResultPairs extends KittiFolderPairs {
  /** How many pixels of KITTI's camera one of the drives' camera is; 1 for cameras such as KITTI's. */
  readonly kittiPixels: number;
}

/** The focal length of KITTI's cameras, pixels; it differs by 2 % from day to day. */
const KITTI_FOCAL_PX = 721.5377;
const SAME_FOCAL = 0.05;

/** The sizes, location and rotation of a line without a box in space. */
const NO_BOX = { sizeM: [-1, -1, -1], location: [-1000, -1000, -1000], rotationY: -10 } as const;

/** What truncation is, as a fraction, where labels have a level: not cut, cut by less than a half, cut by more. */
const FRACTION_OF_LEVEL = [0, 0.5, 1];

const noDrives: ReadonlyArray<DataKind | undefined> = [
  undefined,
  'KITTI object data set',
  'image folder',
  'point clouds',
];

/** Whether there are drives at a path, whose labels `readDriveResults` reads. */
export async function areDrives(path: string): Promise<boolean> {
  return !noDrives.includes(await dataKindOf(path).catch(() => undefined));
}

/**
 * Reads the labels of drives and the result files of their frames, `<drive>/<frame>.txt`, or `<frame>.txt` for a path that is one
 * drive. Labels are all that a frame needs. Levels of truncation become 0, 0.5 and 1; boxes in the pictures of a camera with another focal
 * length than KITTI's are scaled to it, so that the benchmark's heights in pixels mean the same angles. Throws an InputError for
 * labels without what KITTI's rules need, and otherwise as `readKittiFolders` does.
 */
export async function readDriveResults(from: DriveResults): Promise<DriveResultPairs> {
  const { labels: data, detections, strict } = from;
  const drives = await openFrames(data, ['labels']);
  const names = await resultFilesIn(detections).catch((error: NodeJS.ErrnoException) => {
    const expected = 'a folder of result files, such as those of pointpair detect';
    throw new InputError({ file: detections, expected, found: error.code ?? error.message });
  });
  const results = new Map(names.map((name) => [name.slice(0, -4).normalize(), join(detections, name)]));
  const indices = new Map(drives.ids.map((id, index) => [id.normalize(), index]));
  const strange = [...results.keys()].filter((id) => !indices.has(id));
  if (strange.length > 0 && (data.sequences === undefined || strange.length === results.size)) {
    throw new InputError({
      file: detections,
      place: `${strange[0]}.txt`,
      expected: `results of the ${indices.size} labelled frames of ${data.root}, such as ${drives.ids[0]}.txt`,
      found: `${strange.length} of ${results.size} files of frames that have no labels there`,
    });
  }
  const ids = [...indices.keys()].filter((id) => from.foundOnly !== true || results.has(id));
  const missing = withoutResults(from, { ids, results });
  const kittiPixels = kittiPixelsOf(await drives.camera!(0));
  const labelsOf = async (id: string) => {
    const index = indices.get(id)!;
    const { cameraFromLidar } = await drives.camera!(index);
    const levels = hasLevels(drives.sequences[drives.place(index).sequence]);
    const place = { file: data.root, place: `labels of frame ${id}` };
    return (await drives.labels!(index)).map((label) => lineOf(label, { cameraFromLidar, levels, place }));
  };
  const { frames, damaged } = await soundPairs({ ids, results, labelsOf, strict, damaged: from.damaged });
  const scaled = frames.map((frame) => ({
    ...frame,
    labels: frame.labels.map((line) => scaledBy(line, kittiPixels)),
    detections: frame.detections.map((line) => scaledBy(line, kittiPixels)),
  }));
  return { frames: scaled, missing, damaged, unknown: unknownClasses(scaled), kittiPixels };
}

/** What is said of drives whose boxes were scaled; undefined where they were not. */
export function describeKittiPixels({
  kittiPixels,
}: Pick<DriveResultPairs, 'kittiPixels'>): string | undefined {
  if (kittiPixels === 1) return undefined;
  return `heights in the picture count as in KITTI's camera: a pixel is ${kittiPixels.toPrecision(3)} of its pixels`;
}

function kittiPixelsOf({ pixelFromCamera }: CameraModel): number {
  const scale = KITTI_FOCAL_PX / pixelFromCamera[5];
  return Math.abs(scale - 1) < SAME_FOCAL ? 1 : scale;
}

function scaledBy(line: KittiObjectLine, scale: number): KittiObjectLine {
  const [left, top, right, bottom] = line.box2;
  return { ...line, box2: [scale * left, scale * top, scale * right, scale * bottom] };
}

/** Whether truncation is a level in the labels of a sequence, as in KITTI's tracking labels. */
function hasLevels(sequence: Sequence & { readonly sourceKind?: string }): boolean {
  return (sequence.sourceKind ?? sequence.kind) !== 'KITTI object data set';
}

function lineOf(
  label: ObjectLabel,
  options: {
    readonly cameraFromLidar: Matrix44;
    readonly levels: boolean;
    readonly place: { readonly file: string; readonly place: string };
  },
): KittiObjectLine {
  const { cameraFromLidar, levels, place } = options;
  const { type, truncation, occlusion, alpha, box2, box3 } = label;
  if ((evaluatedClasses as readonly string[]).includes(type) && (truncation < 0 || occlusion < 0)) {
    const expected = "truncation and occlusion, by which KITTI's rules tell difficulties apart";
    throw new InputError({
      ...place,
      expected,
      found: `a ${type} with truncation ${truncation} and occlusion ${occlusion}`,
    });
  }
  return {
    ...{ type, occlusion, alpha, box2 },
    truncation: levels && truncation >= 0 ? FRACTION_OF_LEVEL[truncation] : truncation,
    ...(box3 === undefined ? NO_BOX : kittiFromBox(box3, cameraFromLidar)),
    score: Number.NaN,
  };
}
