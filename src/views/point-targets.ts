import { wrapAngle } from '../geometry/angle.ts';
import type { Box3 } from '../geometry/box.ts';
import { meanSizeOf } from '../geometry/mean-sizes.ts';

/** What candidates are to say; N candidates, K classes. */
export interface PointTargets {
  /** float32 [N·K]: 1 for the class of the object that the candidate is of. */
  readonly classes: Float32Array;
  /** float32 [N]: 0 where the candidate counts neither as of an object nor as of none. */
  readonly weights: Float32Array;
  /** float32 [N]: 1 where the candidate is of an object. */
  readonly positive: Float32Array;
  /** float32 [N·3]: from the candidate to the object's centre, metres; upwards from the ground to its bottom, where the ground is given. */
  readonly offset: Float32Array;
  /** float32 [N·3]: logarithms of length, width and height over the class's mean. */
  readonly logSize: Float32Array;
  /** float32 [N·bins]: 1 for the bin of the heading; and [N] how far in it, -1 to 1 over the bin. */
  readonly headingBin: Float32Array;
  readonly headingResidual: Float32Array;
}

/** What targets are made from. */
export interface PointTargetOptions {
  readonly objects: ReadonlyArray<{ readonly box3: Box3; readonly classIndex: number }>;
  /** Boxes of neighbour classes. */
  readonly ignored: readonly Box3[];
  /** The height of the ground under each candidate, metres, where boxes are measured from it. */
  readonly ground?: Float32Array;
  /** 1 for each candidate that is to be ignored for another reason. */
  readonly alsoIgnored?: Uint8Array;
  readonly classes: readonly string[];
  /** Bins of a whole turn; where which end of a box is its front is not known (`axes`), of half a turn. */
  readonly headingBins: number;
  readonly axes?: boolean;
  readonly insideMarginM: number;
  readonly ignoreMarginM: number;
}

/**
 * What each candidate (rows of x, y, z) is to say: of the object in whose box it lies (the nearest centre's, where boxes
 * meet), with a margin; beyond it up to the larger margin, and in ignored boxes, it does not count; else it is of none.
 */
export function pointTargets(candidates: Float32Array, options: PointTargetOptions): PointTargets {
  const { objects, ignored, classes, headingBins, insideMarginM, ignoreMarginM } = options;
  const count = candidates.length / 3;
  const targets: PointTargets = {
    classes: new Float32Array(count * classes.length),
    weights: new Float32Array(count).fill(1),
    positive: new Float32Array(count),
    offset: new Float32Array(count * 3),
    logSize: new Float32Array(count * 3),
    headingBin: new Float32Array(count * headingBins),
    headingResidual: new Float32Array(count),
  };
  for (let n = 0; n < count; n++) {
    const [x, y, z] = candidates.subarray(3 * n, 3 * n + 3);
    let nearest: (typeof objects)[number] | undefined;
    let nearestM = Number.POSITIVE_INFINITY;
    let near =
      options.alsoIgnored?.[n] === 1 || ignored.some((box) => outsideBy(box, x, y, z) <= insideMarginM);
    for (const object of objects) {
      const { center } = object.box3;
      const outside = outsideBy(object.box3, x, y, z);
      if (outside <= ignoreMarginM) near = true;
      if (outside > insideMarginM) continue;
      const distance = Math.hypot(center[0] - x, center[1] - y, center[2] - z);
      if (distance < nearestM) [nearest, nearestM] = [object, distance];
    }
    if (nearest === undefined) {
      if (near) targets.weights[n] = 0;
      continue;
    }
    const { box3, classIndex } = nearest;
    const mean = meanSizeOf(classes[classIndex]);
    targets.positive[n] = 1;
    targets.classes[n * classes.length + classIndex] = 1;
    const up =
      options.ground === undefined
        ? box3.center[2] - z
        : box3.center[2] - box3.sizeM[2] / 2 - options.ground[n];
    targets.offset.set([box3.center[0] - x, box3.center[1] - y, up], 3 * n);
    targets.logSize.set(
      box3.sizeM.map((side, k) => Math.log(side / mean[k])),
      3 * n,
    );
    // Twice the angle is the same of both ends.
    const { bin, residual } = headingCode(options.axes ? 2 * box3.yaw : box3.yaw, headingBins);
    targets.headingBin[n * headingBins + bin] = 1;
    targets.headingResidual[n] = residual;
  }
  return targets;
}

/** A heading as a bin (bin 0 is centred on 0) and how far it lies from the bin's centre, in half bins, -1 to 1. */
export function headingCode(yaw: number, bins: number): { readonly bin: number; readonly residual: number } {
  const width = (2 * Math.PI) / bins;
  const turned = wrapAngle(yaw + width / 2);
  const positive = turned < 0 ? turned + 2 * Math.PI : turned;
  const bin = Math.min(bins - 1, Math.floor(positive / width));
  return { bin, residual: (positive - bin * width) / (width / 2) - 1 };
}

/** The heading of a bin and a residual, radians in [-π, π); undoes `headingCode`. */
export function headingOf(bin: number, residual: number, bins: number): number {
  const width = (2 * Math.PI) / bins;
  return wrapAngle(bin * width + (residual * width) / 2);
}

/** How far a point is outside of a box along its axes, metres; 0 inside. */
function outsideBy(box: Box3, x: number, y: number, z: number): number {
  const dx = x - box.center[0];
  const dy = y - box.center[1];
  const [c, s] = [Math.cos(box.yaw), Math.sin(box.yaw)];
  return Math.max(
    0,
    Math.abs(c * dx + s * dy) - box.sizeM[0] / 2,
    Math.abs(c * dy - s * dx) - box.sizeM[1] / 2,
    Math.abs(z - box.center[2]) - box.sizeM[2] / 2,
  );
}
