import type { Frame } from '../datasets/frame.ts';
import { Stopwatch } from '../datasets/stopwatch.ts';
import type { Random } from '../engine/random.ts';
import { projectPoints } from '../geometry/projection.ts';
import { applyView, inverseView, isMirrored } from '../geometry/view-transform.ts';
import { type ImageView, mapPixels } from '../image/image-view.ts';
import { bilinearCorners } from '../views/bilinear-corners.ts';
import type { FusionConfig } from './fusion-config.ts';
import { canvasPicture } from './image-sample.ts';
import { CENTER_STRIDE, gridOf } from './image3d-sample.ts';
import { type PointSample, pointSample } from './point-sample.ts';

/** Points and candidates as `point3d` has them, and the frame's picture with the place of each candidate on it. */
export interface FusionSample extends PointSample {
  /** float32 (height, width, 3), normalised; mirrored where the points are. */
  readonly canvas: Float32Array;
  readonly imageView: ImageView;
  /** For each candidate, its pixel on the canvas (x, y; NaN behind the camera). */
  readonly pixels: Float32Array;
  /** For each candidate, the four cells around its pixel on the map with a stride of 4, and their weights: 0 off the canvas. */
  readonly cells: Int32Array;
  readonly cellWeights: Float32Array;
}

/**
 * Draws the points and the picture of a frame: for training, from labelled frames, both augmented, and mirrored
 * together. The stopwatch gets `augment` and `sample`. Throws an InputError where no point is in the range and in the picture.
 */
export function fusionSample(
  frame: Frame,
  random: Random,
  options: { readonly config: FusionConfig; readonly training: boolean; readonly stopwatch?: Stopwatch },
): FusionSample {
  const { config, training, stopwatch = new Stopwatch() } = options;
  const points = pointSample(frame, random, { config, training, stopwatch });
  const { canvas, imageView } = canvasPicture(frame, random.fork('picture'), {
    config,
    training,
    mirrored: isMirrored(points.view),
  });
  const pixels = candidatePixels(points, imageView);
  const { cells, weights: cellWeights } = candidateCells(pixels, config);
  stopwatch.lap('augment');
  return { ...points, canvas, imageView, pixels, cells, cellWeights };
}

/** Where candidates are seen on the canvas: what was done to the points is undone first. */
function candidatePixels(
  { candidates, view, pixelFromLidar }: PointSample,
  imageView: ImageView,
): Float32Array {
  const original = applyView(candidates, 3, inverseView(view));
  const { u, v } = projectPoints(original, 3, pixelFromLidar, { minDepthM: 1e-5 });
  const source = new Float32Array(2 * u.length);
  for (let n = 0; n < u.length; n++) source.set([u[n], v[n]], 2 * n);
  return mapPixels(imageView, source);
}

/** The cells of the map around these pixels of the canvas: pixel 4·k is the centre of cell k, as in the centre heads. */
function candidateCells(pixels: Float32Array, config: FusionConfig) {
  const { width, height } = gridOf(config);
  return bilinearCorners(pixels, {
    width,
    height,
    // What lies between the centres of the first and the last cell: places are x/4, without the shrinkage of `bilinearCorners`.
    imageWidth: (width - 1) * CENTER_STRIDE,
    imageHeight: (height - 1) * CENTER_STRIDE,
  });
}
