import type { Box3 } from '../geometry/box.ts';
import type { Lens } from '../geometry/lens.ts';
import type { Matrix34, Matrix44 } from '../geometry/matrix.ts';
import type { ImageSize } from '../image/image-view.ts';
import type { RgbImage } from '../image/rgb-image.ts';

/** How LiDAR points reach the pixels of a camera. */
export interface CameraModel {
  /** The data set's own name of the camera, such as `image_2`. */
  readonly name: string;
  /** Homogeneous pixels from points of the (rectified) camera frame: KITTI's P2. */
  readonly pixelFromCamera: Matrix34;
  /** The (rectified) camera frame from the LiDAR frame: KITTI's R0_rect · Tr_velo_to_cam, as 4x4. */
  readonly cameraFromLidar: Matrix44;
  /** What the lens of a sequence's pictures does beside `pixelFromCamera`; undefined for pinhole pictures, which a Frame's always are. */
  readonly lens?: Lens;
}

/** One camera of a frame: its picture, and how LiDAR points reach its pixels. */
export interface CameraImage extends CameraModel {
  readonly image: RgbImage;
  /**
   * Metres along the camera's axis (the third of `pixelFromCamera`'s homogeneous coordinates) to what the middle of each pixel
   * shows, row by row; 0 where it is not known. Undefined where the data set has none, or was opened without.
   */
  readonly depth?: Float32Array;
}

/** A labelled object of a frame. */
export interface ObjectLabel {
  /** The data set's own class name, such as `Car`; KITTI's names as KITTI spells them. */
  readonly type: string;
  /** Fraction outside the image, 0 to 1; in tracking labels 0, 1 or 2, levels of the same; -1 where it is not known. */
  readonly truncation: number;
  /** 0 fully visible, 1 partly occluded, 2 largely occluded, 3 unknown. */
  readonly occlusion: number;
  /** Observation angle, radians. */
  readonly alpha: number;
  /** Box in the image: left, top, right, bottom in pixels. */
  readonly box2: readonly [left: number, top: number, right: number, bottom: number];
  /** Box in the LiDAR frame; undefined for what was not labelled in 3D (KITTI's DontCare, objects that were labelled in the image alone). */
  readonly box3: Box3 | undefined;
  /** Detection confidence, in result files. */
  readonly score?: number;
  /** The same number for the same object in all frames of a sequence, where the data set follows objects. */
  readonly trackId?: number;
}

/** A frame of which the pictures are known by their size alone. */
export interface PointFrame extends Omit<Frame, 'cameras'> {
  readonly cameras: ReadonlyArray<CameraModel & { readonly image: ImageSize }>;
}

/** One moment of a drive, whatever data set it came from. */
export interface Frame {
  readonly id: string;
  /** Rows of x, y, z, reflectance in the LiDAR frame, metres and 0..1; length is 4 times the number of points. */
  readonly points: Float32Array;
  readonly cameras: readonly CameraImage[];
  /** Undefined where the data set has no labels for this frame. */
  readonly labels: readonly ObjectLabel[] | undefined;
  /** When the sweep was taken, seconds since the sequence began; undefined where the data set has no clock. */
  readonly timeS?: number;
  /** The sequence's own fixed frame (z up, metres) from the LiDAR frame; undefined where the pose is not known. */
  readonly worldFromLidar?: Matrix44;
}
