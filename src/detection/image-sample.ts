import type { Frame, ObjectLabel } from '../datasets/frame.ts';
import type { Random } from '../engine/random.ts';
import { wrapAngle } from '../geometry/angle.ts';
import type { ImageBox } from '../geometry/box-projection.ts';
import { type KittiBox, kittiFromBox } from '../geometry/kitti-box.ts';
import type { Matrix34, Matrix44 } from '../geometry/matrix.ts';
import { multiply34by44 } from '../geometry/matrix.ts';
import { applyImageView, colorJitter } from '../image/augment.ts';
import { fitToCanvas } from '../image/fit-to-canvas.ts';
import { affineOf, type ImageView, mapPixel } from '../image/image-view.ts';
import { IMAGENET_BGR, IMAGENET_RGB, normalizeImage } from '../image/normalize-image.ts';
import type { ImageDetectorConfig } from './image-config.ts';

/** A picture on the canvas, and its camera. */
export interface CanvasPicture {
  readonly id: string;
  /** float32 (height, width, 3), normalised. */
  readonly canvas: Float32Array;
  readonly imageView: ImageView;
  /** Whether left and right are swapped, in the picture and in the camera's frame. */
  readonly mirrored: boolean;
  /** Pixels of the canvas from the camera's frame, mirrored with the picture: what was at x is at -x. */
  readonly canvasFromCamera: Matrix34;
  /** The camera of the frame itself. */
  readonly pixelFromLidar: Matrix34;
  readonly cameraFromLidar: Matrix44;
  readonly image: { readonly width: number; readonly height: number };
}

/** A canvas, and how a picture for training is drawn on it. */
type PictureConfig = Omit<ImageDetectorConfig['image'], 'flipProbability'> & {
  readonly flipProbability?: number;
};

/** Draws a frame's picture onto the canvas: for training scaled, mirrored and recoloured at random. */
export function canvasPicture(
  frame: Frame,
  random: Random,
  options: {
    readonly config: { readonly image: PictureConfig };
    readonly training: boolean;
    /** Mirrors the picture, or not, where something else decides it than `flipProbability`. */
    readonly mirrored?: boolean;
  },
): CanvasPicture {
  const { config, training } = options;
  const { image: wanted } = config;
  const { image, pixelFromCamera, cameraFromLidar } = frame.cameras[0];
  const mirrored =
    options.mirrored ?? (training && random.fork('mirror').chance(wanted.flipProbability ?? 0));
  const placed = fitToCanvas(image, random.fork('place'), {
    canvas: wanted,
    scale: training ? wanted.scale : [1, 1],
    mirrored,
  });
  const { jitter } = wanted;
  const imageView =
    training && jitter > 0
      ? colorJitter(placed, random.fork('colours'), {
          brightness: jitter,
          contrast: jitter,
          saturation: jitter,
        })
      : placed;
  const colours = wanted.colours === 'imagenet-bgr' ? IMAGENET_BGR : IMAGENET_RGB;
  return {
    id: frame.id,
    canvas: normalizeImage(applyImageView(image, imageView), { ...colours, padTo: wanted }),
    imageView,
    mirrored,
    canvasFromCamera: canvasCamera(pixelFromCamera, imageView, mirrored),
    pixelFromLidar: multiply34by44(pixelFromCamera, cameraFromLidar),
    cameraFromLidar,
    image: { width: image.width, height: image.height },
  };
}

/** An object in a canvas's camera frame. */
export interface CanvasObject extends KittiBox {
  /** The box around its picture, in pixels of the canvas. */
  readonly box: ImageBox;
}

/** A label as it is on a canvas: its box in the camera's frame, mirrored where the picture is. */
export function onCanvas(
  label: ObjectLabel & { box3: NonNullable<ObjectLabel['box3']> },
  picture: CanvasPicture,
): CanvasObject {
  const { sizeM, location, rotationY } = kittiFromBox(label.box3, picture.cameraFromLidar);
  const [x, y, z] = location;
  return {
    sizeM,
    location: picture.mirrored ? [-x, y, z] : [x, y, z],
    rotationY: picture.mirrored ? wrapAngle(Math.PI - rotationY) : rotationY,
    box: boxOnCanvas(label.box2, picture.imageView),
  };
}

/** A rectangle of the source picture on the canvas, in pixels. */
export function boxOnCanvas([left, top, right, bottom]: ImageBox, view: ImageView): ImageBox {
  const [x1, y1] = mapPixel(view, left, top);
  const [x2, y2] = mapPixel(view, right, bottom);
  return [Math.min(x1, x2), y1, Math.max(x1, x2), y2];
}

/** A point of the camera's frame from the pixel of the canvas where it is seen and its z, metres. */
export function atDepth(
  canvasFromCamera: Matrix34,
  pixel: readonly [u: number, v: number],
  z: number,
): [number, number, number] {
  const p = canvasFromCamera;
  const w = p[10] * z + p[11];
  return [(pixel[0] * w - p[2] * z - p[3]) / p[0], (pixel[1] * w - p[6] * z - p[7]) / p[5], z];
}

/** Pixels of the canvas from the camera's frame, whose x is turned round where the picture is mirrored: A · P · diag(∓1, 1, 1, 1). */
function canvasCamera(pixelFromCamera: Matrix34, view: ImageView, mirrored: boolean): Matrix34 {
  const { scaleX, offsetX, scaleY, offsetY } = affineOf(view);
  const p = pixelFromCamera;
  const result = new Float64Array(12);
  for (let column = 0; column < 4; column++) {
    const w = p[8 + column];
    const sign = mirrored && column === 0 ? -1 : 1;
    result[column] = sign * (scaleX * p[column] + offsetX * w);
    result[4 + column] = sign * (scaleY * p[4 + column] + offsetY * w);
    result[8 + column] = sign * w;
  }
  return result;
}
