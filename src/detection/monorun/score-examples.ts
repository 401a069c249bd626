import type { ObjectLabel } from '../../datasets/frame.ts';
import type { Random } from '../../engine/random.ts';
import { angleDifference } from '../../geometry/angle.ts';
import { iou3d } from '../../geometry/box-overlap.ts';
import { kittiFromBox } from '../../geometry/kitti-box.ts';
import type { Matrix44 } from '../../geometry/matrix.ts';
import { inverseSymmetric } from '../../geometry/small-solve.ts';
import type { GivenBox } from '../detector.ts';
import type { SolvedRegion } from './monorun-predictor.ts';
import { scoreTarget } from './monorun-reprojection.ts';
import { jittered } from './monorun-sample.ts';
import type { ScoreInput } from './monorun-score.ts';

/** What PnP made of a region, and what was there. */
export interface ScoreExample extends ScoreInput {
  /** What the score is to be, 0 to 1. */
  readonly target: number;
  /** By how much the pose is off its label's (yaw, x, y, z) and the inverse of its covariance [4·4]; undefined without a label. */
  readonly error?: readonly [yaw: number, x: number, y: number, z: number];
  readonly precision?: Float64Array;
}

/** A pose's error is from the nearest label of its class; it has none where that is farther away than this share of the label's distance. */
const SAME_PLACE = 0.15;
/** A box that faces the wrong way is a mistake, and not an error that a covariance could describe. */
const MOST_TURN = Math.PI / 4;

/** Holds what was found in a frame against its labels. */
export function scoreExamples(
  found: readonly SolvedRegion[],
  labels: readonly ObjectLabel[],
  cameraFromLidar: Matrix44,
): ScoreExample[] {
  return found.map(({ object: { label, evidence }, features }): ScoreExample => {
    const told = { evidence, features };
    const same = labels.filter(({ type, box3 }) => type === label.type && box3 !== undefined);
    const ious = same.map(({ box3 }) => iou3d(label.box3!, box3!));
    const target = scoreTarget(Math.max(0, ...ious));
    const [nearest] = same
      .map(({ box3 }) => kittiFromBox(box3!, cameraFromLidar))
      .map(({ location, rotationY }) => {
        const shift = evidence.translation.map((value, k) => value - location[k]);
        return { location, rotationY, shift, apart: Math.hypot(...shift) };
      })
      .sort((a, b) => a.apart - b.apart);
    if (nearest === undefined || nearest.apart > SAME_PLACE * Math.hypot(...nearest.location))
      return { ...told, target };
    const turn = angleDifference(evidence.yaw, nearest.rotationY);
    const precision = inverseSymmetric(evidence.covariance, 4);
    if (precision === undefined || Math.abs(turn) > MOST_TURN) return { ...told, target };
    const [x, y, z] = nearest.shift;
    return { ...told, target, error: [turn, x, y, z], precision };
  });
}

/** Boxes of a frame's labels in 3D, as they are in the picture, each side moved by up to a share of the box's size. */
export function jitteredBoxes(
  labels: readonly ObjectLabel[],
  random: Random,
  { classes, jitter }: { readonly classes: readonly string[]; readonly jitter: number },
): GivenBox[] {
  return labels.flatMap(({ type, box2, box3 }) => {
    const classIndex = classes.indexOf(type);
    if (classIndex < 0 || box3 === undefined) return [];
    return [{ box: jittered(box2, jitter, random), classIndex }];
  });
}
