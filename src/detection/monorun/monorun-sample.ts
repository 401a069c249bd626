import type { Frame } from '../../datasets/frame.ts';
import type { Stopwatch } from '../../datasets/stopwatch.ts';
import type { Random } from '../../engine/random.ts';
import type { ImageBox } from '../../geometry/box-projection.ts';
import type { Matrix34 } from '../../geometry/matrix.ts';
import { meanSizeOf } from '../../geometry/mean-sizes.ts';
import { type CenterTargets, centerTargets } from '../center-targets.ts';
import { type CanvasPicture, canvasPicture } from '../image-sample.ts';
import { canvasObjects, gridOf } from '../image3d-sample.ts';
import type { Intrinsics } from '../pnp/pnp-points.ts';
import { cellPixels, type RoiTables, roiTables } from '../roi-tables.ts';
import type { MonorunConfig } from './monorun-config.ts';
import { denseCoordinates, lidarCoordinates } from './monorun-coordinates.ts';
import { errorUnitPx } from './monorun-units.ts';

/** Bins of a region that features are sampled in, and cells that coordinates are predicted for, a side. */
export const REGION_BINS = 14;
export const REGION_CELLS = 28;

/** What regions of a picture show; R regions, K classes. */
export interface RegionTargets extends RoiTables {
  /** float32 [R]: 1 where there is an object. */
  readonly regionMask: Float32Array;
  /** float32 [R·K·2]: 1 for the class, as it is or mirrored. */
  readonly variant: Float32Array;
  /** float32 [R·K]: 1 for the class. */
  readonly regionClass: Float32Array;
  /** float32 [R·784·2]: pixels of the cells. */
  readonly cellPixels: Float32Array;
  /** float32 [R·4]: length, height, width in metres; and [R·3] the same, coded by `codeSize`. */
  readonly sizes: Float32Array;
  readonly codedSizes: Float32Array;
  /** float32 [R] and [R·3], [R·4]: the pose and the camera, as `ObjectPoses` has them. */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  readonly translation: Float32Array;
  readonly camera: Float32Array;
  readonly unitPx: Float32Array;
  /** float32 [R·784·3] and [R·784]: coordinates that depth or LiDAR points give, coded, and where they are known. */
  readonly coordinates: Float32Array;
  readonly known: Float32Array;
  /** float32 [R·width] twice: the global head's dropout, 0 or 1/(1 - p). */
  readonly dropout1: Float32Array;
  readonly dropout2: Float32Array;
}

/** A picture, and for training what its map and its regions are to say. */
export interface MonorunSample extends CanvasPicture {
  readonly targets?: CenterTargets;
  readonly regions?: RegionTargets;
}

/** Sizes are coded around a class's mean with this relative deviation. */
const SIZE_DEVIATION = 0.1;

/** A size as the network says it: (size - mean)/(0.1·mean) of length, height and width. */
export function codeSize(
  sizeM: readonly [length: number, height: number, width: number],
  type: string,
): number[] {
  const mean = meanLhw(type);
  return sizeM.map((side, k) => (side - mean[k]) / (SIZE_DEVIATION * mean[k]));
}

/** The size of a code, metres, and of its variance; undoes `codeSize`. */
export function sizeOf(
  code: ArrayLike<number>,
  type: string,
): [length: number, height: number, width: number] {
  const mean = meanLhw(type);
  const side = (k: number) => Math.max(0.2 * mean[k], mean[k] * (1 + SIZE_DEVIATION * code[k]));
  return [side(0), side(1), side(2)];
}

/** The deviation of a size, metres, from the variance of its code. */
export function sizeVariance(variance: ArrayLike<number>, type: string): [number, number, number] {
  const mean = meanLhw(type);
  const side = (k: number) => variance[k] * (SIZE_DEVIATION * mean[k]) ** 2;
  return [side(0), side(1), side(2)];
}

function meanLhw(type: string): [number, number, number] {
  const [length, width, height] = meanSizeOf(type);
  return [length, height, width];
}

/** A canvas's camera as K alone, and what is added to a place in its frame so that K projects it exactly: K⁻¹·P[:, 3]. */
export function plainCamera(p: Matrix34): {
  readonly camera: Intrinsics;
  readonly shift: readonly [number, number, number];
} {
  const camera = { fx: p[0], fy: p[5], cx: p[2], cy: p[6] };
  const shift = [(p[3] - p[2] * p[11]) / p[0], (p[7] - p[6] * p[11]) / p[5], p[11]] as const;
  return { camera, shift };
}

/** Draws a frame's picture and, for training, makes its targets. The stopwatch gets `augment`. */
export function monorunSample(
  frame: Frame,
  random: Random,
  options: { readonly config: MonorunConfig; readonly training: boolean; readonly stopwatch?: Stopwatch },
): MonorunSample {
  const { config, training } = options;
  const picture = canvasPicture(frame, random, options);
  if (!training) return picture;
  const { wanted, regions } = canvasObjects(frame, picture, config);
  const { targets } = centerTargets(
    // MonoRUn's boxes are 2D: the peak is in the middle of what is seen.
    wanted.map(({ object: { box }, classIndex }) => ({
      classIndex,
      center: [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2] as const,
      box,
    })),
    regions,
    { grid: gridOf(config), classes: config.classes.length, maxObjects: config.maxObjects },
  );
  const sample = {
    ...picture,
    targets,
    regions: regionTargets(frame, picture, { wanted, random: random.fork('regions'), config }),
  };
  options.stopwatch?.lap('augment');
  return sample;
}

function regionTargets(
  frame: Frame,
  picture: CanvasPicture,
  options: {
    readonly wanted: ReturnType<typeof canvasObjects>['wanted'];
    readonly random: Random;
    readonly config: MonorunConfig;
  },
): RegionTargets {
  const { wanted, random, config } = options;
  const { regions: count, classes, globalWidth: width, dropout } = config;
  const cells = REGION_CELLS * REGION_CELLS;
  const order = random.fork('order').permutation(wanted.length);
  // Objects in turn, each with another jitter, until the regions are full.
  const chosen =
    wanted.length === 0 ? [] : Array.from({ length: count }, (_, r) => wanted[order[r % wanted.length]]);
  const boxes = Array.from(
    { length: count },
    (_, r): ImageBox =>
      chosen.length === 0
        ? [0, 0, 1, 1]
        : jittered(chosen[r].object.box, config.regionJitter, random.fork('jitter', r)),
  );
  const mask = () =>
    Float32Array.from({ length: count * width }, () => (random.chance(dropout) ? 0 : 1 / (1 - dropout)));
  const result: RegionTargets = {
    ...roiTables(boxes, gridOf(config), REGION_BINS),
    regionMask: new Float32Array(count).fill(chosen.length === 0 ? 0 : 1),
    variant: new Float32Array(count * classes.length * 2),
    regionClass: new Float32Array(count * classes.length),
    cellPixels: new Float32Array(count * cells * 2),
    sizes: new Float32Array(count * 3).fill(1),
    codedSizes: new Float32Array(count * 3),
    cos: new Float32Array(count).fill(1),
    sin: new Float32Array(count),
    translation: Float32Array.from({ length: count * 3 }, (_, i) => (i % 3 === 2 ? 10 : 0)),
    camera: new Float32Array(count * 4).fill(1),
    unitPx: new Float32Array(count).fill(1),
    coordinates: new Float32Array(count * cells * 3),
    known: new Float32Array(count * cells),
    dropout1: mask(),
    dropout2: mask(),
  };
  const { camera, shift } = plainCamera(picture.canvasFromCamera);
  const { depth } = frame.cameras[0];
  chosen.forEach(({ object, classIndex }, r) => {
    const [height, objectWidth, length] = object.sizeM;
    const size = [length, height, objectWidth] as const;
    const place = object.location.map((value, k) => value + shift[k]);
    result.variant[r * classes.length * 2 + classIndex * 2 + (picture.mirrored ? 1 : 0)] = 1;
    result.regionClass[r * classes.length + classIndex] = 1;
    result.cellPixels.set(cellPixels(boxes[r], REGION_CELLS), r * cells * 2);
    result.sizes.set(size, 3 * r);
    result.codedSizes.set(codeSize(size, classes[classIndex]), 3 * r);
    result.cos[r] = Math.cos(object.rotationY);
    result.sin[r] = Math.sin(object.rotationY);
    result.translation.set(place, 3 * r);
    result.camera.set([camera.fx, camera.fy, camera.cx, camera.cy], 4 * r);
    result.unitPx[r] = errorUnitPx(camera.fx, Math.hypot(...place));
    if (config.lossWeights.coordinates > 0) {
      const region = { object, box: boxes[r], size: REGION_CELLS };
      const given =
        depth === undefined
          ? lidarCoordinates(frame, picture, region)
          : denseCoordinates(depth, picture, region);
      result.coordinates.set(given.coordinates, r * cells * 3);
      result.known.set(given.known, r * cells);
    }
  });
  return result;
}

/** A box whose sides are each moved by up to a share of its size. */
export function jittered([left, top, right, bottom]: ImageBox, share: number, random: Random): ImageBox {
  const [width, height] = [right - left, bottom - top];
  const by = (size: number) => random.uniform(-share, share) * size;
  return [left + by(width), top + by(height), right + by(width), bottom + by(height)];
}
