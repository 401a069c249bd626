import type { Matrix44 } from '../../geometry/matrix.ts';
import type { EncodedPicture } from '../sequence.ts';
import type { WaymoCamera, WaymoLaser } from './sensor-names.ts';

/** One return of a laser as the data set stores it, row by row; what a pixel lacks is -1. */
export interface RangeImage {
  readonly height: number;
  readonly width: number;
  /** float32 [H·W·4]: range in metres (at most 0 where there is none), intensity, elongation, and 1 in a no-label zone. */
  readonly values: Float32Array;
  /** int32 [H·W·6]: camera number, column and row, twice; camera 0 is none. */
  readonly projections?: Int32Array;
  /** float32 [H·W·6]: roll, pitch, yaw (radians) and x, y, z (metres) of the vehicle in the world when the pixel was measured; the top laser's first return has it. */
  readonly poses?: Float32Array;
}

/** All returns of one laser in a moment, the first return first. */
export interface LaserSweep {
  readonly laser: WaymoLaser;
  readonly returns: readonly RangeImage[];
}

/** How a laser is built in. */
export interface LaserCalibration {
  readonly laser: WaymoLaser;
  /** Radians, ascending, one a row of the range image from its last row to its first; empty where they are spread evenly. */
  readonly inclinations: readonly number[];
  readonly inclinationMin: number;
  readonly inclinationMax: number;
  readonly vehicleFromLaser: Matrix44;
}

/** How a camera is built in. */
export interface CameraCalibration {
  readonly camera: WaymoCamera;
  readonly width: number;
  readonly height: number;
  /** Pixels: focal lengths and the principal point. */
  readonly fu: number;
  readonly fv: number;
  readonly cu: number;
  readonly cv: number;
  /** Radial and tangential distortion, in OpenCV's order of meaning. */
  readonly k1: number;
  readonly k2: number;
  readonly p1: number;
  readonly p2: number;
  readonly k3: number;
  /** From Waymo's camera frame: x forward, y left, z up. */
  readonly vehicleFromCamera: Matrix44;
}

/** A labelled box in the vehicle's frame. */
export interface WaymoBox {
  /** `vehicle`, `pedestrian`, `sign`, `cyclist`, or `unknown`. */
  readonly type: string;
  /** The object's name, the same in all moments of a segment. */
  readonly id: string;
  readonly center: readonly [x: number, y: number, z: number];
  /** Length, width, height, metres. */
  readonly size: readonly [length: number, width: number, height: number];
  /** Radians, counterclockwise from x. */
  readonly heading: number;
  /** Points of all lasers in the box, where it was counted. */
  readonly points?: number;
}

/** A moment of a segment before its lasers and pictures are read. */
export interface WaymoMoment {
  /** Undefined where a component that holds it is not there. */
  readonly timestampMicros?: number;
  readonly worldFromVehicle?: Matrix44;
  readonly hasLasers: boolean;
  readonly hasBoxes: boolean;
  /** Whether the cameras' calibrations are there; taken to be so where it is not said. */
  readonly hasCalibrations?: boolean;
  /** The cameras that have a picture. */
  readonly cameras: readonly WaymoCamera[];
  /** What is not as it should be, a sentence each. */
  readonly notes: readonly string[];
}

/** One segment (20 s of driving) in either form: what `waymoSequence` makes a Sequence of. */
export interface WaymoSource {
  readonly kind: 'Waymo records' | 'Waymo components';
  /** The file or folder that it was opened from. */
  readonly root: string;
  /** The name of the segment. */
  readonly segment: string;
  readonly moments: readonly WaymoMoment[];
  /** The files that a moment is read from, as errors name them. */
  files(index: number): readonly string[];
  laserCalibrations(index: number): Promise<readonly LaserCalibration[]>;
  cameraCalibrations(index: number): Promise<readonly CameraCalibration[]>;
  lasers(index: number): Promise<readonly LaserSweep[]>;
  picture(index: number, camera: WaymoCamera): Promise<EncodedPicture>;
  boxes(index: number): Promise<readonly WaymoBox[]>;
}
