import type { Frame } from '../datasets/frame.ts';
import { Stopwatch } from '../datasets/stopwatch.ts';
import type { PictureInput } from '../encoders/encoder-config.ts';
import type { Random } from '../engine/random.ts';
import { projectPoints } from '../geometry/projection.ts';
import {
  applyView,
  isMirrored,
  sampleViewTransform,
  type ViewDraw,
  type ViewTransform,
} from '../geometry/view-transform.ts';
import { type ImageSize, type ImageView, mapPixels } from '../image/image-view.ts';
import { PointMatcher } from '../matching/point-matching.ts';
import { gatherRows } from '../pointcloud/point-rows.ts';
import { bilinearCorners } from './bilinear-corners.ts';
import { drawCanvas, paintCanvas } from './canvas.ts';
import { drawRows, type PointView, pointView, type SampledLevels } from './point-view.ts';
import { pixelFromLidarOf, pointsInView } from './points-in-view.ts';

/** How a pair of views of a sweep is drawn, and the picture that goes with it: plain data. */
export interface PointPairView {
  readonly kind: 'point-pair';
  /** Points a view, the region that is kept (metres, LiDAR frame), and whether what the camera does not see is left out. */
  readonly points: {
    readonly count: number;
    readonly range: { readonly min: Triple; readonly max: Triple };
    readonly cropToImage: boolean;
  };
  /** At most this share of the drawn points is ground, as far as there are enough others; absent, all are drawn alike. */
  readonly groundShare?: number;
  /** Whether both views begin with the same point, from which farthest points are the same ones whatever was done to a view; no. */
  readonly sameStart?: boolean;
  /** How far the second view is turned, scaled and mirrored. */
  readonly view: ViewDraw;
  /** The canvas, its colours, and the range of scales that the picture is drawn at. */
  readonly image: PictureInput & { readonly scale: readonly [number, number] };
  /** The stride of the image features that places are sampled from, pixels. */
  readonly featureStride: number;
  /** The levels that are sampled. */
  readonly pointEncoder: SampledLevels;
  /** Matched pairs farther apart than this, metres, do not count; null counts all. */
  readonly matchGateM: number | null;
}

type Triple = readonly [number, number, number];

/** Two views of a frame's points, its picture, and who belongs to whom (Li et al. 2022). */
export interface PointPair {
  readonly id: string;
  /** The original points, and the same ones transformed; each in a random order of its own, but for the first where `sameStart` says so. */
  readonly alpha: PointView;
  readonly beta: PointView;
  readonly view: ViewTransform;
  readonly imageView: ImageView;
  /** float32 (height, width, 3), normalised. */
  readonly image: Float32Array;
  /** For each centre of alpha, the centre of beta that it is matched with, and how far that one is, metres. */
  readonly partner: Int32Array;
  readonly distanceM: Float32Array;
  /** For each centre of alpha, its pixel on the canvas (x, y; NaN behind the camera). */
  readonly pixels: Float32Array;
  /** 1 where the pixel is on the picture, else 0. */
  readonly inside: Float32Array;
  /** The cells of the feature map around each pixel, and their weights. */
  readonly cells: Int32Array;
  readonly cellWeights: Float32Array;
}

const matcher = new PointMatcher();

/** Two views of a frame's points, and what was done to the second. */
export interface DrawnPlaces extends Pick<PointPair, 'alpha' | 'beta' | 'view'> {}

/** What is drawn of points alone. */
export type PlacesView = Omit<PointPairView, 'kind' | 'image' | 'featureStride' | 'matchGateM'>;

/**
 * Draws two views of a frame's points. The stopwatch gets `augment` and `sample` (farthest points and neighbours). Throws
 * InputError where none of its points is in the range and in the picture.
 */
export function drawPlaces(
  frame: Frame,
  random: Random,
  config: PlacesView,
  stopwatch = new Stopwatch(),
): DrawnPlaces {
  const candidates = pointsInView(frame, config.points);
  const { count } = config.points;
  const near = gatherRows(frame.points, candidates);
  const chosen = gatherRows(near, drawRows(near, random.fork('points'), config));
  const view = sampleViewTransform(random.fork('view'), config.view);
  const [alphaRows, betaRows] = ['alpha', 'beta'].map((label) => random.fork(label).permutation(count));
  if (config.sameStart) beginWith(betaRows, alphaRows[0]);
  const original = gatherRows(chosen, alphaRows);
  const moved = applyView(gatherRows(chosen, betaRows), 4, view);
  stopwatch.lap('augment');
  const alpha = pointView(original, [], config);
  const beta = pointView(moved, view, config);
  stopwatch.lap('sample');
  return { alpha, beta, view };
}

/** Swaps a row with the first one. */
function beginWith(rows: Int32Array, row: number): void {
  const at = rows.indexOf(row);
  [rows[0], rows[at]] = [row, rows[0]];
}

/**
 * Draws a sample of a frame. The stopwatch gets `augment` (drawing points and views, the image), `sample` (farthest points
 * and neighbours) and `match`. Throws InputError where none of its points is in the range and in the picture.
 */
export function drawPointPair(
  frame: Frame,
  random: Random,
  config: PointPairView,
  stopwatch = new Stopwatch(),
): PointPair {
  const { alpha, beta, view } = drawPlaces(frame, random, config, stopwatch);
  const { partner, distanceM } = matcher.match(alpha.centers, beta.centers);
  stopwatch.lap('match');

  const camera = frame.cameras[0];
  const input = config.image;
  const { scale } = input;
  const imageView = drawCanvas(camera.image, random.fork('image'), {
    input,
    scale,
    mirrored: isMirrored(view),
  });
  const { u, v } = projectPoints(alpha.centers, 3, pixelFromLidarOf(camera), { minDepthM: 1e-5 });
  const source = new Float32Array(u.length * 2);
  const inside = new Float32Array(u.length);
  for (let i = 0; i < u.length; i++) {
    source[2 * i] = u[i];
    source[2 * i + 1] = v[i];
  }
  const pixels = mapPixels(imageView, source);
  for (let i = 0; i < u.length; i++) {
    const seen = covers(camera.image, u[i], v[i]) && covers(imageView, pixels[2 * i], pixels[2 * i + 1]);
    inside[i] = seen ? 1 : 0;
  }
  const { cells, weights: cellWeights } = bilinearCorners(pixels, {
    width: Math.ceil(input.width / config.featureStride),
    height: Math.ceil(input.height / config.featureStride),
    imageWidth: input.width,
    imageHeight: input.height,
  });
  const image = paintCanvas(camera.image, imageView, input);
  stopwatch.lap('augment');
  return {
    id: frame.id,
    alpha,
    beta,
    view,
    imageView,
    image,
    partner,
    distanceM,
    pixels,
    inside,
    cells,
    cellWeights,
  };
}

/** Whether a place is on an image, whose outermost pixels reach half a pixel beyond their centres; NaN is not. */
function covers({ width, height }: ImageSize, x: number, y: number): boolean {
  return x >= -0.5 && x < width - 0.5 && y >= -0.5 && y < height - 0.5;
}
