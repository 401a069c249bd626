import type { Random } from '../engine/random.ts';
import { wrapAngle } from './angle.ts';
import type { Box3 } from './box.ts';
import { compose, identity44, type Matrix44, multiply44, transformPoint, transformPoints } from './matrix.ts';
import { rotationZ, scaling, translation } from './rigid-transform.ts';

type Vector3 = readonly [x: number, y: number, z: number];

/** One thing done to the points of a view, in the LiDAR frame (metres, radians); plain data that can be saved. */
export type ViewStep =
  | { readonly kind: 'rotateZ'; readonly angle: number; readonly pivot: Vector3 }
  | { readonly kind: 'scale'; readonly factor: number }
  | { readonly kind: 'flipY' }
  | { readonly kind: 'translate'; readonly by: Vector3 };

/** What was done to the points of a view, the first step first. */
export type ViewTransform = readonly ViewStep[];

/** The whole view as one 4x4 matrix: viewFromLidar. */
export function matrixOf(view: ViewTransform): Matrix44 {
  return view.reduce((done, step) => multiply44(stepMatrix(step), done), identity44());
}

/** The view that undoes `view`; throws RangeError for a scale that cannot be undone. */
export function inverseView(view: ViewTransform): ViewTransform {
  return view.toReversed().map(inverseStep);
}

/** The points (rows of `stride` numbers that begin with x, y, z) as the view has them, in a new array. */
export function applyView<Points extends Float32Array | Float64Array>(
  points: Points,
  stride: number,
  view: ViewTransform,
): Points {
  return transformPoints(matrixOf(view), points, stride);
}

/** A box as the view has it: moved, turned, mirrored and scaled with the points. */
export function applyViewToBox({ center, sizeM, yaw }: Box3, view: ViewTransform): Box3 {
  const m = matrixOf(view);
  const [ahead, left] = [Math.cos(yaw), Math.sin(yaw)];
  const [x, y] = [m[0] * ahead + m[1] * left, m[4] * ahead + m[5] * left];
  const scale = Math.hypot(x, y);
  const [length, width, height] = sizeM;
  return {
    center: transformPoint(m, center),
    sizeM: [scale * length, scale * width, scale * height],
    yaw: wrapAngle(Math.atan2(y, x)),
  };
}

/** Whether left and right are swapped, so that the image of the view has to be mirrored with it. */
export function isMirrored(view: ViewTransform): boolean {
  return view.filter((step) => step.kind === 'flipY').length % 2 === 1;
}

/** How far views are drawn. */
export interface ViewDraw {
  /** The angle is drawn from [-maxRotation, maxRotation) radians; π/2 by default. */
  readonly maxRotation?: number;
  /** What the rotation leaves in place, metres; (35.2, 0, -1), the middle of the cropped KITTI range, by default. */
  readonly pivot?: Vector3;
  /** The factor is drawn from this interval; [0.75, 1.25) by default. */
  readonly scale?: readonly [low: number, high: number];
  /** Standard deviation of the shift along each axis, metres; 0 by default. */
  readonly translationDeviationM?: Vector3;
  /** 0.5 by default. */
  readonly flipProbability?: number;
}

/**
 * The augmentation of a second view (Li et al. 2022), drawn from `random`: rotation about the pivot, scale about the LiDAR's
 * origin, translation, horizontal flip, in this order, with the released configuration's values by default.
 *
 * @example
 * const points = Float32Array.of(10, 2, -1, 0.5);
 * const view = sampleViewTransform(Random.fromSeed(0), { maxRotation: 0.3 });
 * applyView(applyView(points, 4, view), 4, inverseView(view)); // [10.000, 2.000, -1.000, 0.500]
 */
export function sampleViewTransform(random: Random, options: ViewDraw = {}): ViewTransform {
  const { maxRotation = Math.PI / 2, pivot = [35.2, 0, -1], scale = [0.75, 1.25] } = options;
  const { translationDeviationM = [0, 0, 0], flipProbability = 0.5 } = options;
  const view: ViewStep[] = [
    { kind: 'rotateZ', angle: random.uniform(-maxRotation, maxRotation), pivot },
    { kind: 'scale', factor: random.uniform(scale[0], scale[1]) },
  ];
  if (translationDeviationM.some((deviation) => deviation !== 0)) {
    const [x, y, z] = translationDeviationM;
    view.push({ kind: 'translate', by: [random.normal(0, x), random.normal(0, y), random.normal(0, z)] });
  }
  if (random.chance(flipProbability)) view.push({ kind: 'flipY' });
  return view;
}

function stepMatrix(step: ViewStep): Matrix44 {
  switch (step.kind) {
    case 'rotateZ': {
      const [x, y, z] = step.pivot;
      return compose(translation(x, y, z), rotationZ(step.angle), translation(-x, -y, -z));
    }
    case 'scale':
      return scaling(step.factor, step.factor, step.factor);
    case 'flipY':
      return scaling(1, -1, 1);
    case 'translate':
      return translation(...step.by);
  }
}

function inverseStep(step: ViewStep): ViewStep {
  switch (step.kind) {
    case 'rotateZ':
      return { ...step, angle: -step.angle };
    case 'scale':
      if (!(step.factor > 0 && 1 / step.factor < Infinity)) {
        throw new RangeError(`a scale of ${step.factor} cannot be undone`);
      }
      return { kind: 'scale', factor: 1 / step.factor };
    case 'flipY':
      return step;
    case 'translate':
      return { kind: 'translate', by: [-step.by[0], -step.by[1], -step.by[2]] };
  }
}
