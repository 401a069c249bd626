import { join } from 'node:path';
import type { FusionConfig } from '../../detection/fusion-config.ts';
import type { Image3dConfig } from '../../detection/image3d-config.ts';
import type { Point3dConfig } from '../../detection/point3d-config.ts';
import { wholeFusion, wholeImage3d, wholePoint3d } from '../../detection/whole/whole-detector.ts';
import { InputError } from '../../engine/input-error.ts';
import { normalizationOf } from '../../views/canvas.ts';
import { makeFolder, writeFileAtomically } from '../run/atomic-file.ts';
import type { DetectionRun } from './detection-run.ts';

type Texts = { readonly [key: string]: string };

/** What the points of a frame are drawn by, as the text `draw` of a file's metadata has it, in JSON. */
type Drawing = Point3dConfig['points'] & Pick<Point3dConfig, 'groundShare'>;

const SEVEN = {
  camera:
    'x, y, z, length, height, width, rotation_y: metres and radians in the rectified camera frame (x right, y down, z forward), the middle of the bottom, as in KITTI labels',
  lidar:
    'x, y, z, length, width, height, yaw: metres and radians in the LiDAR frame (x forward, y left, z up), the middle of the box',
};

/**
 * Writes a detector's run as one ONNX file, `<detector>.onnx`, from pictures and points to boxes (opset 18, standard operators alone); gives its
 * path. What goes in and comes out is said by the file's metadata. Throws an InputError for `monorun`, whose poses are not found by its network.
 *
 * @example
 * const file = await exportDetector(await loadDetectionRun('runs/point3d'), 'out');
 * file; // "out/point3d.onnx"
 */
export async function exportDetector(run: DetectionRun, folder: string): Promise<string> {
  const bytes = bytesOf(run);
  await makeFolder(folder);
  const file = join(folder, `${run.config.detector}.onnx`);
  await writeFileAtomically(file, bytes);
  return file;
}

function bytesOf({ config, model, step, data, checkpoint }: DetectionRun): Uint8Array {
  const { detector } = config;
  const said = { detector, source: `pointpair: ${detector}, step ${step}, on ${data.root}` };
  switch (config.detector) {
    case 'image3d':
      return wholeImage3d(config.image3d, model, { ...said, ...describeImage3d(config.image3d) });
    case 'point3d':
      return wholePoint3d(config.point3d, model, { ...said, ...describePoints(config.point3d) });
    case 'fusion':
      return wholeFusion(config.fusion, model, {
        ...said,
        ...describePoints(config.fusion),
        ...describePicture(config.fusion.image),
      });
    case 'monorun':
      throw new InputError({
        file: checkpoint,
        place: 'detector',
        expected: 'image3d, point3d or fusion',
        found:
          'monorun, whose poses are solved for outside of its network: pointpair detect writes its boxes as files',
      });
  }
}

function describeImage3d({ classes, image, scoreThreshold }: Image3dConfig): Texts {
  return {
    classes: classes.join(', '),
    boxes: SEVEN.camera,
    score_threshold: `${scoreThreshold}`,
    ...describePicture(image),
    pixel_from_camera: "float64 [3, 4]: KITTI's P2",
  };
}

function describePoints(config: Point3dConfig | FusionConfig): Texts {
  const { classes, scoreThreshold, points, groundShare } = config;
  const draw: Drawing = { ...points, groundShare };
  return {
    classes: classes.join(', '),
    boxes: SEVEN.lidar,
    score_threshold: `${scoreThreshold}`,
    points: `float32 [any number, 4]: x, y, z in metres in the LiDAR frame, and reflectance, 0 to 1; those within the range${points.cropToImage ? ' that the camera sees' : ''}`,
    rows: `int64 [${points.count}]: which of the points are drawn for the network, in a random order`,
    draw: JSON.stringify(draw),
    pixel_from_lidar: "float64 [3, 4]: KITTI's P2 · R0_rect · Tr_velo_to_cam",
    image_size: 'int64 [2]: width and height of the picture, pixels',
  };
}

function describePicture(image: Image3dConfig['image'] | FusionConfig['image']): Texts {
  const { mean, std, order } = normalizationOf(image);
  return {
    image: 'float32 [height, width, 3] of any size: RGB, 0 to 255',
    canvas: `${image.width} x ${image.height} pixels: the file scales pictures into it`,
    normalization: `by the file: ${order}, less mean ${mean.join(', ')}, divided by std ${std.join(', ')}`,
  };
}
