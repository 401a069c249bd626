import protobuf from 'protobufjs/light.js';

const many = (type: string, id: number) => ({ rule: 'repeated', type, id });
const one = (type: string, id: number) => ({ type, id });

/** The part of Waymo's `dataset.proto` and `label.proto` that is read; what is within `bytes` is read by itself. */
const root = protobuf.Root.fromJSON({
  nested: {
    Transform: { fields: { transform: many('double', 1) } },
    CameraCalibration: {
      fields: {
        name: one('int32', 1),
        intrinsic: many('double', 2),
        extrinsic: one('Transform', 3),
        width: one('int32', 4),
        height: one('int32', 5),
      },
    },
    LaserCalibration: {
      fields: {
        name: one('int32', 1),
        beamInclinations: many('double', 2),
        beamInclinationMin: one('double', 3),
        beamInclinationMax: one('double', 4),
        extrinsic: one('Transform', 5),
      },
    },
    Context: {
      fields: {
        name: one('string', 1),
        cameraCalibrations: many('CameraCalibration', 2),
        laserCalibrations: many('LaserCalibration', 3),
      },
    },
    CameraImage: { fields: { name: one('int32', 1), image: one('bytes', 2) } },
    RangeImage: {
      fields: {
        rangeImage: one('bytes', 1),
        rangeImageCompressed: one('bytes', 2),
        cameraProjectionCompressed: one('bytes', 3),
        rangeImagePoseCompressed: one('bytes', 4),
      },
    },
    Laser: {
      fields: { name: one('int32', 1), riReturn1: one('RangeImage', 2), riReturn2: one('RangeImage', 3) },
    },
    Box: {
      fields: {
        centerX: one('double', 1),
        centerY: one('double', 2),
        centerZ: one('double', 3),
        width: one('double', 4),
        length: one('double', 5),
        height: one('double', 6),
        heading: one('double', 7),
      },
    },
    Label: {
      fields: {
        box: one('Box', 1),
        type: one('int32', 3),
        id: one('string', 4),
        numLidarPointsInBox: one('int32', 7),
      },
    },
    Frame: {
      fields: {
        context: one('Context', 1),
        images: many('CameraImage', 4),
        lasers: many('Laser', 5),
        laserLabels: many('Label', 6),
      },
    },
  },
});
const frameType = root.lookupType('Frame');
const transformType = root.lookupType('Transform');

export interface TransformMessage {
  readonly transform: readonly number[];
}

export interface CameraCalibrationMessage {
  readonly name: number;
  /** f_u, f_v, c_u, c_v, k1, k2, p1, p2, k3. */
  readonly intrinsic: readonly number[];
  readonly extrinsic: TransformMessage | null;
  readonly width: number;
  readonly height: number;
}

export interface LaserCalibrationMessage {
  readonly name: number;
  readonly beamInclinations: readonly number[];
  readonly beamInclinationMin: number;
  readonly beamInclinationMax: number;
  readonly extrinsic: TransformMessage | null;
}

/** One return of a laser; what is compressed is zlib of a serialised matrix. Empty where there is none. */
export interface RangeImageMessage {
  /** A matrix that is not compressed, which early files have. */
  readonly rangeImage: Uint8Array;
  readonly rangeImageCompressed: Uint8Array;
  readonly cameraProjectionCompressed: Uint8Array;
  readonly rangeImagePoseCompressed: Uint8Array;
}

export interface LaserMessage {
  readonly name: number;
  readonly riReturn1: RangeImageMessage | null;
  readonly riReturn2: RangeImageMessage | null;
}

export interface LabelMessage {
  readonly box: {
    readonly centerX: number;
    readonly centerY: number;
    readonly centerZ: number;
    readonly width: number;
    readonly length: number;
    readonly height: number;
    readonly heading: number;
  } | null;
  readonly type: number;
  readonly id: string;
  /** An own property only where it is stored; 0 otherwise. */
  readonly numLidarPointsInBox: number;
}

/** A `Frame` as far as it is read whole; time and pose are read from its head. */
export interface FrameMessage {
  readonly context: {
    readonly name: string;
    readonly cameraCalibrations: readonly CameraCalibrationMessage[];
    readonly laserCalibrations: readonly LaserCalibrationMessage[];
  } | null;
  readonly images: ReadonlyArray<{ readonly name: number; readonly image: Uint8Array }>;
  readonly lasers: readonly LaserMessage[];
  readonly laserLabels: readonly LabelMessage[];
}

/** A frame from its bytes, which pictures and range images go on to share. Throws an Error for what is no such message. */
export function decodeFrame(bytes: Uint8Array): FrameMessage {
  return frameType.decode(bytes) as unknown as FrameMessage;
}

/** The 16 numbers of a transform, row by row, or as many as there are. Throws an Error for what is no such message. */
export function decodeTransform(bytes: Uint8Array): readonly number[] {
  return (transformType.decode(bytes) as unknown as TransformMessage).transform;
}
