import { Matrix4, Vector3 } from 'three';
import { along, type Pose, type Triple } from './pose.ts';
import { type Pinhole, type Projection, projectionOf } from './projection.ts';
import type { Half } from './side.ts';

/** A half of the canvas, or all of it. */
export interface View {
  readonly half: Half;
  /** CSS pixels from the canvas's left edge; views are as high as the canvas. */
  readonly left: number;
  readonly width: number;
  readonly height: number;
  readonly projection: Projection;
}

/** Where something is in a view. */
export interface Projected {
  /** CSS pixels from the canvas's top left. */
  readonly x: number;
  readonly y: number;
  /** Whether it is in front and within the view. */
  readonly visible: boolean;
}

/** Where something is in a view, with how far away. */
export interface Placed extends Projected {
  /** The clip coordinate w: metres ahead of the eye in perspective, 1 from above. */
  readonly w: number;
  /** From -1 at the near plane to 1 at the far one. */
  readonly depth: number;
}

/** The views of a canvas: one, or two halves with the same eye; none on a canvas without area. */
export function viewsOf(
  canvas: { readonly width: number; readonly height: number; readonly split: boolean },
  pose: Pose,
  camera: Pinhole | undefined,
): View[] {
  const { width, height, split } = canvas;
  const middle = split ? Math.round(width / 2) : width;
  if (middle < 1 || height < 1) return [];
  const view = (half: Half, left: number, right: number): View => {
    const extent = { width: right - left, height };
    return { half, left, ...extent, projection: projectionOf(pose, extent, camera) };
  };
  return split && width > middle
    ? [view('left', 0, middle), view('right', middle, width)]
    : [view('left', 0, middle)];
}

/** Where a place in the world is in a view. */
export function projectOn(view: View, point: Triple): Placed {
  const e = view.projection.clipFromWorld.elements;
  const [px, py, pz] = point;
  const w = e[3] * px + e[7] * py + e[11] * pz + e[15];
  const clipX = (e[0] * px + e[4] * py + e[8] * pz + e[12]) / w;
  const clipY = (e[1] * px + e[5] * py + e[9] * pz + e[13]) / w;
  return {
    x: view.left + ((clipX + 1) / 2) * view.width,
    y: ((1 - clipY) / 2) * view.height,
    visible: w > 0 && Math.abs(clipX) <= 1 && Math.abs(clipY) <= 1,
    w,
    depth: (e[2] * px + e[6] * py + e[10] * pz + e[14]) / w,
  };
}

/**
 * What one points at, at (x, y) of the canvas, where there is no point: the ground at height `groundZ` if it is
 * there and not much farther than what one looks at, else a place as far away as that.
 */
export function placeUnder(view: View, x: number, y: number, groundZ: number): Triple {
  const { projection } = view;
  const worldFromClip = new Matrix4().copy(projection.clipFromWorld).invert();
  const clipX = (2 * (x - view.left)) / view.width - 1;
  const clipY = 1 - (2 * y) / view.height;
  const from = new Vector3(clipX, clipY, -1).applyMatrix4(worldFromClip);
  const direction = new Vector3(clipX, clipY, 0.5).applyMatrix4(worldFromClip).sub(from).normalize();
  const start = from.toArray();
  const toGround = (groundZ - from.z) / direction.z;
  const farthest = projection.orthographic ? Infinity : 4 * projection.referenceM;
  const isGround = Number.isFinite(toGround) && toGround > 0 && toGround < farthest;
  return along(start, direction.toArray(), isGround ? toGround : projection.referenceM);
}
