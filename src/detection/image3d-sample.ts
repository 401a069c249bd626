import type { Frame } from '../datasets/frame.ts';
import type { Stopwatch } from '../datasets/stopwatch.ts';
import type { Random } from '../engine/random.ts';
import { wrapAngle } from '../geometry/angle.ts';
import { meanSizeOf } from '../geometry/mean-sizes.ts';
import type { ImageSize } from '../image/image-view.ts';
import { headingCode } from '../views/point-targets.ts';
import { type CenterGrid, type CenterTargets, centerTargets } from './center-targets.ts';
import { requireLabels, sortLabels } from './detection-frames.ts';
import type { ImageDetectorConfig } from './image-config.ts';
import {
  boxOnCanvas,
  type CanvasObject,
  type CanvasPicture,
  canvasPicture,
  onCanvas,
} from './image-sample.ts';
import type { Image3dConfig } from './image3d-config.ts';

/** The targets of objects in space; M objects. */
export interface SpaceTargets {
  /** float32 [M]: log(z · `DEPTH_UNIT` / focal length), z the depth of the centre. */
  readonly depth: Float32Array;
  /** float32 [M·3]: logarithms of length, width and height over the class's mean. */
  readonly logSize: Float32Array;
  /** float32 [M·bins] and [M]: the observation angle, as `headingCode` has it. */
  readonly headingBin: Float32Array;
  readonly headingResidual: Float32Array;
}

/** A picture on the canvas, and the targets in it. */
export interface Image3dSample extends CanvasPicture {
  readonly targets?: CenterTargets & SpaceTargets;
}

/** An object at this depth with a focal length of one pixel has depth 0: it makes depths of some ten metres small numbers. */
export const DEPTH_UNIT = 10;
/** The least logarithm of the relative deviation of a depth: a hundredth of it. */
export const LEAST_LOG_DEVIATION = -4.5;
/** The stride of the map that centres are looked for on. */
export const CENTER_STRIDE = 4;

/** The map of centres of a canvas. */
export function gridOf({ image }: { readonly image: ImageSize }): CenterGrid {
  return { width: image.width / CENTER_STRIDE, height: image.height / CENTER_STRIDE, stride: CENTER_STRIDE };
}

/** Draws a frame's picture and, for training, makes its targets. The stopwatch gets `augment`. */
export function image3dSample(
  frame: Frame,
  random: Random,
  options: { readonly config: Image3dConfig; readonly training: boolean; readonly stopwatch?: Stopwatch },
): Image3dSample {
  const { config, training } = options;
  const picture = canvasPicture(frame, random, options);
  const sample = training ? { ...picture, targets: targetsOf(frame, picture, config) } : picture;
  options.stopwatch?.lap('augment');
  return sample;
}

/** The objects of a frame that are large enough on the canvas, and the regions where nothing counts. */
export function canvasObjects(frame: Frame, picture: CanvasPicture, config: ImageDetectorConfig) {
  const { objects, ignored } = sortLabels(requireLabels(frame), config.classes);
  const regions = ignored.map(({ box2 }) => boxOnCanvas(box2, picture.imageView));
  const wanted: Array<{ readonly object: CanvasObject; readonly classIndex: number }> = [];
  for (const { label, box3, classIndex } of objects) {
    const object = onCanvas({ ...label, box3 }, picture);
    const [left, top, right, bottom] = object.box;
    const offCanvas =
      right < 0 || bottom < 0 || left > config.image.width - 1 || top > config.image.height - 1;
    if (offCanvas) continue;
    if (bottom - top < config.minHeightPx || object.location[2] < 1) regions.push(object.box);
    else wanted.push({ object, classIndex });
  }
  return { wanted, regions };
}

/** Where the centre of an object's box is seen, in pixels of the canvas. */
export function centerPixel(
  { location, sizeM }: CanvasObject,
  { canvasFromCamera: p }: CanvasPicture,
): [number, number] {
  const [x, y, z] = [location[0], location[1] - sizeM[0] / 2, location[2]];
  const row = (r: number) => p[r] * x + p[r + 1] * y + p[r + 2] * z + p[r + 3];
  const w = row(8);
  return [row(0) / w, row(4) / w];
}

function targetsOf(
  frame: Frame,
  picture: CanvasPicture,
  config: Image3dConfig,
): CenterTargets & SpaceTargets {
  const { wanted, regions } = canvasObjects(frame, picture, config);
  const { maxObjects, headingBins: bins, classes } = config;
  const { targets, order } = centerTargets(
    wanted.map(({ object, classIndex }) => ({
      classIndex,
      center: centerPixel(object, picture),
      box: object.box,
    })),
    regions,
    { grid: gridOf(config), classes: classes.length, maxObjects },
  );
  const space: SpaceTargets = {
    depth: new Float32Array(maxObjects),
    logSize: new Float32Array(maxObjects * 3),
    headingBin: new Float32Array(maxObjects * bins),
    headingResidual: new Float32Array(maxObjects),
  };
  order.forEach((index, m) => {
    const { object, classIndex } = wanted[index];
    const [height, width, length] = object.sizeM;
    const [x, , z] = object.location;
    const mean = meanSizeOf(classes[classIndex]);
    space.depth[m] = Math.log((z * DEPTH_UNIT) / picture.canvasFromCamera[0]);
    space.logSize.set(
      [length, width, height].map((side, k) => Math.log(side / mean[k])),
      3 * m,
    );
    const { bin, residual } = headingCode(wrapAngle(object.rotationY - Math.atan2(x, z)), bins);
    space.headingBin[m * bins + bin] = 1;
    space.headingResidual[m] = residual;
  });
  return { ...targets, ...space };
}
