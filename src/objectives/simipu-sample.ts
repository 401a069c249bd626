import type { Frame } from '../datasets/frame.ts';
import { Stopwatch } from '../datasets/stopwatch.ts';
import { InputError } from '../engine/input-error.ts';
import type { Random } from '../engine/random.ts';
import { multiply34by44 } from '../geometry/matrix.ts';
import { indicesInImage, projectPoints } from '../geometry/projection.ts';
import {
  applyView,
  inverseView,
  isMirrored,
  sampleSimipuView,
  type ViewTransform,
} from '../geometry/view-transform.ts';
import { applyImageView } from '../image/augment.ts';
import { fitToCanvas } from '../image/fit-to-canvas.ts';
import { type ImageSize, type ImageView, mapPixels } from '../image/image-view.ts';
import { IMAGENET_BGR, IMAGENET_RGB, normalizeImage } from '../image/normalize-image.ts';
import { PointMatcher } from '../matching/point-matching.ts';
import { sampleMostlyAboveGround } from '../pointcloud/ground.ts';
import { gatherRows } from '../pointcloud/point-rows.ts';
import { indicesInRange, sampleRows } from '../pointcloud/range-filter.ts';
import { type LevelTables, sampleLevels } from '../pointcloud/sample-levels.ts';
import { bilinearCorners } from '../views/bilinear-corners.ts';
import type { SimipuConfig } from './simipu-config.ts';

/** One view of a sample's points. */
export interface PointView {
  /** Rows of x, y, z, reflectance, in the view's own frame. */
  readonly points: Float32Array;
  readonly levels: readonly LevelTables[];
  /** Rows of x, y, z of the last level's centres, in the LiDAR frame: what was done to the view is undone. */
  readonly centers: Float32Array;
}

/** What SimIPU learns from in one frame: two views of the points, the image, and who belongs to whom. */
export interface SimipuSample {
  readonly id: string;
  /** The original points, and the same ones transformed; each in a random order of its own. */
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

/** The stride of the features that are sampled, in pixels: the last stage of a ResNet. */
export const featureStride = 32;

const matcher = new PointMatcher();

/**
 * Draws a sample of a frame. The stopwatch gets `augment` (drawing points and views, the image), `sample` (farthest points
 * and neighbours) and `match`. Throws InputError where none of its points is in the range and in the picture.
 */
export function simipuSample(
  frame: Frame,
  random: Random,
  config: SimipuConfig,
  stopwatch = new Stopwatch(),
): SimipuSample {
  const camera = frame.cameras[0];
  const pixelFromLidar = multiply34by44(camera.pixelFromCamera, camera.cameraFromLidar);
  const candidates = pointsInView(frame.points, camera.image, pixelFromLidar, config);
  if (candidates.length === 0) {
    const { min, max } = config.points.range;
    throw new InputError({
      file: `frame ${frame.id}`,
      place: 'points',
      expected: `some within (${min}) to (${max}) m${config.points.cropToImage ? ' that the camera sees' : ''}`,
      found: `none of ${frame.points.length / 4}`,
    });
  }
  const { count } = config.points;
  const chosen = drawPoints(gatherRows(frame.points, candidates), random.fork('points'), config);
  const view = sampleSimipuView(random.fork('view'), config.view);
  const shuffled = (label: string) => gatherRows(chosen, random.fork(label).permutation(count));
  const original = shuffled('alpha');
  const moved = applyView(shuffled('beta'), 4, view);
  stopwatch.lap('augment');
  const alpha = pointView(original, [], config);
  const beta = pointView(moved, view, config);
  stopwatch.lap('sample');
  const { partner, distanceM } = matcher.match(alpha.centers, beta.centers);
  stopwatch.lap('match');

  const canvasView = fitToCanvas(camera.image, random.fork('image'), {
    canvas: config.image,
    scale: config.image.scale,
    mirrored: isMirrored(view),
  });
  const { u, v } = projectPoints(alpha.centers, 3, pixelFromLidar, { minDepthM: 1e-5 });
  const source = new Float32Array(u.length * 2);
  const inside = new Float32Array(u.length);
  for (let i = 0; i < u.length; i++) {
    source[2 * i] = u[i];
    source[2 * i + 1] = v[i];
  }
  const pixels = mapPixels(canvasView, source);
  for (let i = 0; i < u.length; i++) {
    const seen = covers(camera.image, u[i], v[i]) && covers(canvasView, pixels[2 * i], pixels[2 * i + 1]);
    inside[i] = seen ? 1 : 0;
  }
  const corners = bilinearCorners(pixels, {
    width: Math.ceil(config.image.width / featureStride),
    height: Math.ceil(config.image.height / featureStride),
    imageWidth: config.image.width,
    imageHeight: config.image.height,
  });
  const colours = config.image.colours === 'imagenet-bgr' ? IMAGENET_BGR : IMAGENET_RGB;
  const image = normalizeImage(applyImageView(camera.image, canvasView), { ...colours, padTo: config.image });
  const { cells, weights: cellWeights } = corners;
  stopwatch.lap('augment');
  return {
    id: frame.id,
    alpha,
    beta,
    view,
    imageView: canvasView,
    image,
    partner,
    distanceM,
    pixels,
    inside,
    cells,
    cellWeights,
  };
}

/** The indices of the points of a sweep inside of the range and, if wanted, of the picture. */
function pointsInView(
  points: Float32Array,
  image: ImageSize,
  pixelFromLidar: Float64Array,
  config: SimipuConfig,
): Int32Array {
  const near = indicesInRange(points, config.points.range);
  return config.points.cropToImage ? indicesInImage(points, 4, pixelFromLidar, { image, among: near }) : near;
}

function drawPoints(points: Float32Array, random: Random, config: SimipuConfig): Float32Array {
  const {
    groundShare,
    points: { count },
  } = config;
  const rows =
    groundShare === undefined
      ? sampleRows(count, points.length / 4, random)
      : sampleMostlyAboveGround(points, random, { count, groundShare });
  return gatherRows(points, rows);
}

/** Whether a place is on an image, whose outermost pixels reach half a pixel beyond their centres; NaN is not. */
function covers({ width, height }: ImageSize, x: number, y: number): boolean {
  return x >= -0.5 && x < width - 0.5 && y >= -0.5 && y < height - 0.5;
}

/** Samples and neighbours of every level, and the last centres with the view undone. */
function pointView(points: Float32Array, view: ViewTransform, config: SimipuConfig): PointView {
  const { levels, last } = sampleLevels(points, config.pointEncoder);
  const count = last.length / 4;
  const xyz = new Float32Array(count * 3);
  for (let i = 0; i < count; i++) for (let k = 0; k < 3; k++) xyz[3 * i + k] = last[4 * i + k];
  return { points, levels, centers: applyView(xyz, 3, inverseView(view)) };
}
