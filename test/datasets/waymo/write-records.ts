import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import protobuf from 'protobufjs/minimal.js';
import { waymoCameras, waymoLasers } from '../../../src/datasets/waymo/sensor-names.ts';
import type {
  CameraCalibration,
  LaserCalibration,
  LaserSweep,
  RangeImage,
  WaymoBox,
} from '../../../src/datasets/waymo/waymo-source.ts';
import { frameTfRecord } from '../../../src/engine/tfrecord-framing.ts';
import type { Matrix44 } from '../../../src/geometry/matrix.ts';

type Writer = protobuf.Writer;

/** What a record of a Waymo v1 file has. */
export interface FrameParts {
  readonly segment?: string;
  readonly timestampMicros?: number | bigint;
  readonly worldFromVehicle?: Matrix44;
  readonly cameras?: readonly CameraCalibration[];
  readonly laserCalibrations?: readonly LaserCalibration[];
  readonly lasers?: readonly LaserSweep[];
  readonly pictures?: ReadonlyArray<readonly [camera: number, bytes: Uint8Array]>;
  readonly boxes?: readonly WaymoBox[];
  /** Whether repeated numbers are packed; Waymo's doubles are not, its matrices are. */
  readonly packed?: boolean;
}

/** A 64-bit number as protobufjs takes it. */
function longOf(value: bigint) {
  const halves = { low: Number(BigInt.asIntN(32, value)), high: Number(value >> 32n), unsigned: true };
  return halves as protobuf.Long;
}

const writer = () => protobuf.Writer.create();

/** A field that holds bytes or a message. */
function put(to: Writer, number: number, content: Uint8Array): Writer {
  return to.uint32((number << 3) | 2).bytes(content);
}

function doubles(to: Writer, number: number, values: ArrayLike<number>, packed: boolean): Writer {
  if (packed) {
    to.uint32((number << 3) | 2).fork();
    for (const value of Array.from(values)) to.double(value);
    return to.ldelim();
  }
  for (const value of Array.from(values)) to.uint32((number << 3) | 1).double(value);
  return to;
}

function transform(matrix: ArrayLike<number>, packed: boolean): Uint8Array {
  return doubles(writer(), 1, matrix, packed).finish();
}

function shape(dims: readonly number[], packed: boolean): Uint8Array {
  const to = writer();
  if (packed) {
    to.uint32(10).fork();
    for (const dim of dims) to.int32(dim);
    to.ldelim();
  } else for (const dim of dims) to.uint32(8).int32(dim);
  return to.finish();
}

/** A `MatrixFloat` or `MatrixInt32` message. */
export function matrixMessage(
  values: Float32Array | Int32Array,
  dims: readonly number[],
  options: { readonly packed?: boolean; readonly packedShape?: boolean } = {},
): Uint8Array {
  const { packed = true, packedShape = false } = options;
  const to = writer();
  const isFloat = values instanceof Float32Array;
  if (packed) to.uint32(10).fork();
  for (const value of values) {
    if (!packed) to.uint32((1 << 3) | (isFloat ? 5 : 0));
    if (isFloat) to.float(value);
    else to.int32(value);
  }
  if (packed) to.ldelim();
  return put(to, 2, shape(dims, packedShape)).finish();
}

/** A `RangeImage` message. */
export function rangeImageMessage({ height, width, values, projections, poses }: RangeImage): Uint8Array {
  const to = writer();
  put(to, 2, deflateSync(matrixMessage(values, [height, width, 4]), { level: 1 }));
  if (projections) put(to, 3, deflateSync(matrixMessage(projections, [height, width, 6]), { level: 1 }));
  if (poses) put(to, 4, deflateSync(matrixMessage(poses, [height, width, 6]), { level: 1 }));
  return to.finish();
}

function contextMessage({
  segment = 'a_segment',
  cameras = [],
  laserCalibrations = [],
  packed = false,
}: FrameParts) {
  const to = writer().uint32(10).string(segment);
  for (const each of cameras) {
    const { camera, fu, fv, cu, cv, k1, k2, p1, p2, k3, width, height, vehicleFromCamera } = each;
    const message = writer()
      .uint32(8)
      .int32(waymoCameras.indexOf(camera) + 1);
    doubles(message, 2, [fu, fv, cu, cv, k1, k2, p1, p2, k3], packed);
    put(message, 3, transform(vehicleFromCamera, packed));
    put(to, 2, message.uint32(32).int32(width).uint32(40).int32(height).uint32(48).int32(4).finish());
  }
  for (const each of laserCalibrations) {
    const message = writer()
      .uint32(8)
      .int32(waymoLasers.indexOf(each.laser) + 1);
    doubles(message, 2, each.inclinations, packed && each.inclinations.length > 0);
    message.uint32(25).double(each.inclinationMin).uint32(33).double(each.inclinationMax);
    put(to, 3, put(message, 5, transform(each.vehicleFromLaser, packed)).finish());
  }
  // Statistics, which are not read.
  return put(to, 4, writer().uint32(26).string('Day').finish()).finish();
}

function labelMessage({ type, id, center, size, heading, points }: WaymoBox): Uint8Array {
  const number = ['unknown', 'vehicle', 'pedestrian', 'sign', 'cyclist'].indexOf(type);
  const [length, width, height] = size;
  const box = writer();
  [...center, width, length, height, heading].forEach((value, k) => {
    box.uint32(((k + 1) << 3) | 1).double(value);
  });
  const to = put(writer(), 1, box.finish());
  put(to, 2, writer().uint32(9).double(3.5).finish());
  to.uint32(24).int32(number).uint32(34).string(id);
  if (points !== undefined) to.uint32(56).int32(points);
  return to.finish();
}

/** A `Frame` message as Waymo's v1 files have it, field by field in the order of their numbers. */
export function frameMessage(parts: FrameParts): Uint8Array {
  const { timestampMicros = 1_507_315_488_219_118n, worldFromVehicle, packed = false } = parts;
  const { pictures = [], lasers = [], boxes = [] } = parts;
  const to = put(writer(), 1, contextMessage(parts));
  to.uint32(16).uint64(longOf(BigInt(timestampMicros)));
  if (worldFromVehicle) put(to, 3, transform(worldFromVehicle, packed));
  for (const [camera, bytes] of pictures) {
    const image = put(writer().uint32(8).int32(camera), 2, bytes);
    put(to, 4, image.uint32(41).double(1507315488.2).finish());
  }
  for (const { laser, returns } of lasers) {
    const message = writer()
      .uint32(8)
      .int32(waymoLasers.indexOf(laser) + 1);
    returns.forEach((image, k) => {
      put(message, 2 + k, rangeImageMessage(image));
    });
    put(to, 5, message.finish());
  }
  for (const box of boxes) put(to, 6, labelMessage(box));
  // A no-label zone and camera labels, which are not read.
  put(to, 7, doubles(writer(), 1, [1, 2, 3], false).finish());
  put(to, 8, writer().uint32(8).int32(1).finish());
  return to.finish();
}

const folders: string[] = [];

/** A temporary folder that `removeFolders` removes. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'waymo-'));
  folders.push(folder);
  return folder;
}

/** Removes the folders of this file's tests. */
export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Writes messages as a TFRecord file; gives its path. */
export function writeRecords(
  messages: readonly Uint8Array[],
  file = join(newFolder(), 'segment.tfrecord'),
): string {
  writeFileSync(file, Buffer.concat(messages.map(frameTfRecord)));
  return file;
}
