import { Matrix4 } from 'three';
import { basisOf, eyeOf, FIELD_OF_VIEW, type Pose, type Triple } from './pose.ts';

/** A camera as the stage needs it. */
export interface Pinhole {
  /** (u·w, v·w, w) = P · (x, y, z, 1); 3x4, row-major, with pixel centres at whole numbers. */
  readonly pixelFromLidar: ArrayLike<number>;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** Width and height of what is drawn on, CSS pixels. */
export interface Extent {
  readonly width: number;
  readonly height: number;
}

/** How the world falls on one viewport. */
export interface Projection {
  readonly viewFromWorld: Matrix4;
  readonly clipFromView: Matrix4;
  readonly clipFromWorld: Matrix4;
  readonly nearM: number;
  readonly farM: number;
  readonly orthographic: boolean;
  /** CSS pixels that a metre has where the clip coordinate w is 1. */
  readonly pixelsPerMetre: number;
  /** How far away what one looks at is. */
  readonly referenceM: number;
}

const NEAR_M = 0.1;
const FAR_M = 4000;
/** Half the depth that the view from above sees, around its target. */
const SLAB_M = 1000;

/** The projection of a pose; a camera's view without a camera is looked at freely. */
export function projectionOf(pose: Pose, extent: Extent, camera: Pinhole | undefined): Projection {
  if (pose.view === 'camera' && camera !== undefined) return cameraProjection(pose, extent, camera);
  if (pose.view === 'birds-eye') return topProjection(pose, extent);
  const focal = 1 / Math.tan(FIELD_OF_VIEW / 2);
  const [depthScale, depthShift] = depthRow();
  const clipFromView = new Matrix4().set(
    ...[(focal * extent.height) / extent.width, 0, 0, 0],
    ...[0, focal, 0, 0],
    ...[0, 0, depthScale, depthShift],
    ...[0, 0, -1, 0],
  );
  return {
    ...combined(viewMatrix(pose, eyeOf(pose)), clipFromView),
    nearM: NEAR_M,
    farM: FAR_M,
    orthographic: false,
    pixelsPerMetre: (focal * extent.height) / 2,
    referenceM: pose.distanceM,
  };
}

/** Metres in a CSS pixel at the target of a free or top view. */
export function metresPerPixel(pose: Pose, extent: Extent): number {
  return (2 * pose.distanceM * Math.tan(FIELD_OF_VIEW / 2)) / extent.height;
}

/** Where a camera's whole picture lies in its viewport, CSS pixels; it may reach beyond when magnified. */
export function pictureRectangle(
  pose: Pose,
  extent: Extent,
  camera: Pinhole,
): { left: number; top: number; width: number; height: number } {
  const scale = Math.min(extent.width / camera.width, extent.height / camera.height) * pose.zoom;
  const width = camera.width * scale;
  const height = camera.height * scale;
  return {
    left: extent.width / 2 - pose.center[0] * width,
    top: extent.height / 2 - pose.center[1] * height,
    width,
    height,
  };
}

function topProjection(pose: Pose, extent: Extent): Projection {
  const pixelsPerMetre = 1 / metresPerPixel(pose, extent);
  const eye: Triple = [pose.target[0], pose.target[1], pose.target[2] + SLAB_M];
  const clipFromView = new Matrix4().set(
    ...[(2 * pixelsPerMetre) / extent.width, 0, 0, 0],
    ...[0, (2 * pixelsPerMetre) / extent.height, 0, 0],
    ...[0, 0, -1 / SLAB_M, -1],
    ...[0, 0, 0, 1],
  );
  return {
    ...combined(viewMatrix(pose, eye), clipFromView),
    nearM: 0,
    farM: 2 * SLAB_M,
    orthographic: true,
    pixelsPerMetre,
    referenceM: pose.distanceM,
  };
}

/** P taken apart into K · [R | t] with R's rows of length 1, so that what is seen is P's own, skew and all. */
function cameraProjection(pose: Pose, extent: Extent, camera: Pinhole): Projection {
  const p = Array.from({ length: 12 }, (_, k) => camera.pixelFromLidar[k]);
  const norm = Math.hypot(p[8], p[9], p[10]);
  const [row1, row2, row3] = [0, 4, 8].map((at) => p.slice(at, at + 4).map((value) => value / norm));
  const r3 = row3.slice(0, 3);
  const cy = dot(row2, r3);
  const rest2 = r3.map((value, k) => row2[k] - cy * value);
  const fy = Math.hypot(...rest2);
  const r2 = rest2.map((value) => value / fy);
  const cx = dot(row1, r3);
  const skew = dot(row1, r2);
  const rest1 = r3.map((value, k) => row1[k] - cx * value - skew * r2[k]);
  const fx = Math.hypot(...rest1);
  const r1 = rest1.map((value) => value / fx);
  const t3 = row3[3];
  const t2 = (row2[3] - cy * t3) / fy;
  const t1 = (row1[3] - cx * t3 - skew * t2) / fx;
  const viewFromWorld = new Matrix4().set(
    ...[r1[0], r1[1], r1[2], t1],
    ...[-r2[0], -r2[1], -r2[2], -t2],
    ...[-r3[0], -r3[1], -r3[2], -t3],
    ...[0, 0, 0, 1],
  );

  const { left, top, width } = pictureRectangle(pose, extent, camera);
  const scale = width / camera.width;
  const a = (2 * scale) / extent.width;
  const b = (2 * scale) / extent.height;
  // Pixel u lies scale · (u + 1/2) to the right of the picture's left edge.
  const shiftX = (2 * (left + scale / 2)) / extent.width - 1;
  const shiftY = 1 - (2 * (top + scale / 2)) / extent.height;
  const [depthScale, depthShift] = depthRow();
  const clipFromView = new Matrix4().set(
    ...[a * fx, -a * skew, -a * cx - shiftX, 0],
    ...[0, b * fy, b * cy - shiftY, 0],
    ...[0, 0, depthScale, depthShift],
    ...[0, 0, -1, 0],
  );
  return {
    ...combined(viewFromWorld, clipFromView),
    nearM: NEAR_M,
    farM: FAR_M,
    orthographic: false,
    pixelsPerMetre: fy * scale,
    referenceM: 20,
  };
}

function viewMatrix(pose: Pose, eye: Triple): Matrix4 {
  const { right, up, ahead } = basisOf(pose);
  return new Matrix4().set(
    ...[right[0], right[1], right[2], -dot(right, eye)],
    ...[up[0], up[1], up[2], -dot(up, eye)],
    ...[-ahead[0], -ahead[1], -ahead[2], dot(ahead, eye)],
    ...[0, 0, 0, 1],
  );
}

function combined(viewFromWorld: Matrix4, clipFromView: Matrix4) {
  return {
    viewFromWorld,
    clipFromView,
    clipFromWorld: new Matrix4().multiplyMatrices(clipFromView, viewFromWorld),
  };
}

function depthRow(): [scale: number, shift: number] {
  return [(NEAR_M + FAR_M) / (NEAR_M - FAR_M), (2 * NEAR_M * FAR_M) / (NEAR_M - FAR_M)];
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
