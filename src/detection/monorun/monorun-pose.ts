import type { ObjectLabel } from '../../datasets/frame.ts';
import { Random } from '../../engine/random.ts';
import { wrapAngle } from '../../geometry/angle.ts';
import type { ImageBox } from '../../geometry/box-projection.ts';
import { boxFromKitti, type KittiBox } from '../../geometry/kitti-box.ts';
import { affineOf } from '../../image/image-view.ts';
import type { CellMaps } from '../detector.ts';
import type { CanvasPicture } from '../image-sample.ts';
import { inPicture } from '../image3d-decode.ts';
import type { Intrinsics } from '../pnp/pnp-points.ts';
import { type UncertainPose, uncertaintyPnp } from '../pnp/uncertainty-pnp.ts';
import { cellPixels } from '../roi-tables.ts';
import { plainCamera, REGION_CELLS, sizeOf, sizeVariance } from './monorun-sample.ts';
import type { PoseEvidence } from './monorun-score.ts';
import { COORDINATE_MEAN, COORDINATE_STD, errorUnitPx } from './monorun-units.ts';

const CELLS = REGION_CELLS * REGION_CELLS;
/** A first pose is searched for with at least this tolerance, pixels of the canvas. */
const LEAST_INLIER_PX = 2;
/** A region of a picture: where an object is, in pixels of the canvas. */
export interface Region {
  readonly box: ImageBox;
  readonly classIndex: number;
  readonly score: number;
}

/** An object by PnP, scored as its region is, with the maps behind it. */
export interface PosedObject {
  readonly label: ObjectLabel;
  readonly maps: CellMaps;
  readonly evidence: PoseEvidence;
}

/** What the network says of a region: coded coordinates [784·3], logarithms of deviations [784·2], and a coded size with its variance. */
export interface RegionSaid {
  readonly coded: Float32Array;
  readonly logStd: Float32Array;
  readonly size: Float32Array;
  readonly sizeVariance: Float32Array;
}

/**
 * The pose of a region's object by PnP; undefined where its cells fix none. The unit of predicted deviations depends on
 * the distance, which is known from a first pose; a second one counts them in pixels, with the variance of the size.
 */
export function solveRegion(
  sample: CanvasPicture,
  region: Region,
  said: RegionSaid & { readonly classes: readonly string[] },
): PosedObject | undefined {
  const type = said.classes[region.classIndex];
  const [length, height, width] = sizeOf(said.size, type);
  const { camera, shift } = plainCamera(sample.canvasFromCamera);
  const normalised = said.coded.map((value, i) => value * COORDINATE_STD[i % 3] + COORDINATE_MEAN[i % 3]);
  const objectPoints = normalised.map((value, i) => value * [length, height, width][i % 3]);
  const pixels = cellPixels(region.box, REGION_CELLS);
  const inlierThresholdPx = Math.max(LEAST_INLIER_PX, 0.2 * (region.box[3] - region.box[1]));
  const random = Random.fromSeed(sample.id).fork('pnp', Math.round(region.box[0]), Math.round(region.box[1]));
  const pnp = (logStd: Float32Array) =>
    uncertaintyPnp({ objectPoints, pixels, logStd }, { intrinsics: camera, inlierThresholdPx, random });
  const near = pnp(said.logStd);
  if (near === undefined) return undefined;
  const distance = Math.hypot(...near.translation);
  const logStd = withSizeVariance(said.logStd, {
    unitPx: errorUnitPx(camera.fx, distance),
    pixelsPerMetre: camera.fx / distance,
    variance: sizeVariance(said.sizeVariance, type),
    normalised,
  });
  const pose = pnp(logStd);
  if (pose === undefined) return undefined;
  const [x, y, z] = pose.translation.map((value, k) => value - shift[k]);
  const evidence: PoseEvidence = {
    yaw: pose.yaw,
    translation: [x, y, z],
    covariance: pose.covariance,
    sizeM: [length, height, width],
  };
  return {
    label: labelOf(sample, region, evidence, type),
    maps: mapsOf(sample, region, { pose, objectPoints, pixels, logStd, camera }),
    evidence,
  };
}

/** Deviations in pixels with what the size's variance adds: a coordinate is a share of the size, and so is its error. */
function withSizeVariance(
  logStd: Float32Array,
  options: {
    readonly unitPx: number;
    readonly pixelsPerMetre: number;
    readonly variance: readonly [number, number, number];
    readonly normalised: Float32Array;
  },
): Float32Array {
  const { unitPx, pixelsPerMetre, variance, normalised } = options;
  return logStd.map((log, i) => {
    const own = (Math.exp(log) * unitPx) ** 2;
    const at = 3 * Math.floor(i / 2);
    const part = (k: number) => variance[k] * normalised[at + k] ** 2;
    // Across the picture a length and a width are seen alike on average; down it a height.
    const added = i % 2 === 0 ? (part(0) + part(2)) / 2 : part(1);
    return Math.log(own + added * pixelsPerMetre ** 2) / 2;
  });
}

function labelOf(
  sample: CanvasPicture,
  region: Region,
  { yaw, translation, sizeM }: PoseEvidence,
  type: string,
): ObjectLabel {
  const [length, height, width] = sizeM;
  const box: KittiBox = { sizeM: [height, width, length], location: translation, rotationY: yaw };
  return {
    type,
    truncation: -1,
    occlusion: -1,
    alpha: wrapAngle(yaw - Math.atan2(translation[0], translation[2])),
    box2: inPicture(region.box, sample),
    box3: boxFromKitti(box, sample.cameraFromLidar),
    score: region.score,
  };
}

function mapsOf(
  sample: CanvasPicture,
  region: Region,
  found: {
    readonly pose: UncertainPose;
    readonly objectPoints: Float32Array;
    readonly pixels: Float32Array;
    readonly logStd: Float32Array;
    readonly camera: Intrinsics;
  },
): CellMaps {
  const { pose, objectPoints, pixels, logStd, camera } = found;
  // A pixel of the canvas is this many of the picture.
  const scale = 1 / Math.abs(affineOf(sample.imageView).scaleY);
  const [c, s] = [Math.cos(pose.yaw), Math.sin(pose.yaw)];
  const [tx, ty, tz] = pose.translation;
  const errorPx = Float32Array.from({ length: CELLS }, (_, i) => {
    const [x, y, z] = objectPoints.subarray(3 * i, 3 * i + 3);
    const depth = Math.max(0.5, c * z - s * x + tz);
    const u = camera.cx + (camera.fx * (c * x + s * z + tx)) / depth;
    const v = camera.cy + (camera.fy * (y + ty)) / depth;
    return scale * Math.hypot(u - pixels[2 * i], v - pixels[2 * i + 1]);
  });
  return {
    box: inPicture(region.box, sample),
    coordinates: objectPoints,
    logStd: logStd.map((log) => log + Math.log(scale)),
    errorPx,
  };
}
