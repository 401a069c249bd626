import { Random } from '../../engine/random.ts';
import type { KittiCalibration } from '../../geometry/kitti-calibration.ts';
import type { RgbImage } from '../../image/rgb-image.ts';
import type { ObjectLabel } from '../frame.ts';
import { composeScene } from './compose-scene.ts';
import { labelObjects } from './label-objects.ts';
import { hdl64, type ScannerOptions, scan } from './laser-scanner.ts';
import { createCamera, kittiImageSize, type SceneCamera } from './scene-camera.ts';
import { takeDepth } from './take-depth.ts';
import { takePicture } from './take-picture.ts';

export interface RenderOptions {
  /** Pixels; KITTI's 1242 x 375 by default. */
  readonly imageSize?: { readonly width: number; readonly height: number };
  /** KITTI's scanner by default. */
  readonly scanner?: ScannerOptions;
  /** Whether the depth of every pixel is wanted too. */
  readonly depth?: boolean;
}

/** One frame of a driving scene, in KITTI's conventions. */
export interface RenderedScene {
  /** Rows of x, y, z (metres, LiDAR frame) and reflectance 0..1. */
  readonly points: Float32Array;
  readonly image: RgbImage;
  /** Metres along the camera's axis at the middles of pixels, row by row, 0 for the sky; where it was wanted. */
  readonly depth?: Float32Array;
  readonly labels: readonly ObjectLabel[];
  readonly calibration: KittiCalibration;
  readonly camera: SceneCamera;
}

/** Scene `index` of a seed, as its scanner and its camera record it; the same for the same arguments. */
export function renderScene(
  seed: number | string,
  index: number,
  options: RenderOptions = {},
): RenderedScene {
  const random = Random.fromSeed(seed).fork('scene', index);
  const { width, height } = options.imageSize ?? kittiImageSize;
  const camera = createCamera(width, height);
  const scene = composeScene(random.fork('compose'));
  const picture = takePicture(scene, camera, random.fork('camera'));
  const labels = labelObjects(scene, camera, picture);
  const points = scan(scene, random.fork('scanner'), options.scanner ?? hdl64);
  return {
    points,
    image: picture.image,
    depth: options.depth ? takeDepth(scene, picture) : undefined,
    labels,
    calibration: camera.calibration,
    camera,
  };
}
