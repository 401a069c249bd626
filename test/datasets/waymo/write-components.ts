import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CompressionCodec, SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { waymoCameras, waymoLasers } from '../../../src/datasets/waymo/sensor-names.ts';
import type {
  CameraCalibration,
  LaserCalibration,
  LaserSweep,
  RangeImage,
  WaymoBox,
} from '../../../src/datasets/waymo/waymo-source.ts';
import { compressors } from './write-pages.ts';

/** A segment as a test has it. */
export interface MadeSegment {
  readonly segment: string;
  readonly moments: readonly MadeMoment[];
  readonly laserCalibrations: readonly LaserCalibration[];
  readonly cameraCalibrations: readonly CameraCalibration[];
}

export interface MadeMoment {
  readonly timestampMicros: number;
  readonly worldFromVehicle: readonly number[];
  readonly lasers: readonly LaserSweep[];
  readonly pictures: { readonly [camera: string]: Uint8Array };
  readonly boxes: readonly WaymoBox[];
}

/** How the files are written. */
export interface ComponentStyle {
  readonly codec: CompressionCodec;
  readonly rowGroupSize: number;
  readonly pageSize: number;
  /** Keys as names such as `FRONT` instead of numbers. */
  readonly namedKeys?: boolean;
  /** Doubles and 64-bit numbers instead of floats and 32-bit ones. */
  readonly wide?: boolean;
  /** No columns for a second return. */
  readonly oneReturn?: boolean;
}

/** A column of a component: its physical type, whether it is of lists, and its cells. */
export interface MadeColumn {
  readonly name: string;
  readonly type: 'FLOAT' | 'DOUBLE' | 'INT32' | 'INT64' | 'BYTE_ARRAY' | 'STRING';
  readonly list?: boolean;
  readonly cells: readonly unknown[];
}

/** The columns of all components of some segments, in an order of rows that is not that of time or sensors. */
export function componentColumns(
  segments: readonly MadeSegment[],
  style: ComponentStyle,
): { readonly [tag: string]: readonly MadeColumn[] } {
  const float = style.wide === true ? 'DOUBLE' : 'FLOAT';
  const int = style.wide === true ? 'INT64' : 'INT32';
  const whole = (value: number): number | bigint => (style.wide === true ? BigInt(value) : value);
  const moments = segments
    .flatMap(({ segment, moments }) => moments.map((moment) => ({ segment, moment })))
    .reverse();
  const keys = (
    rows: readonly { readonly segment: string; readonly moment?: MadeMoment }[],
  ): MadeColumn[] => [
    { name: 'key.segment_context_name', type: 'STRING', cells: rows.map(({ segment }) => segment) },
    ...(rows[0]?.moment === undefined
      ? []
      : [
          {
            name: 'key.frame_timestamp_micros',
            type: 'INT64' as const,
            cells: rows.map(({ moment }) => BigInt(moment!.timestampMicros)),
          },
        ]),
  ];
  const sensor = (name: string, order: readonly string[], cells: readonly string[]): MadeColumn =>
    style.namedKeys === true
      ? { name, type: 'STRING', cells }
      : { name, type: 'INT32', cells: cells.map((cell) => order.indexOf(cell) + 1) };

  const sweeps = moments.flatMap((row) =>
    [...row.moment.lasers].reverse().map((sweep) => ({ ...row, sweep })),
  );
  const images = (
    prefix: string,
    values: (image: RangeImage) => ArrayLike<number> | undefined,
    channels: number,
    type: MadeColumn['type'],
    rows: readonly { readonly sweep: LaserSweep }[],
  ): MadeColumn[] =>
    (style.oneReturn === true ? [1] : [1, 2]).flatMap((n) => {
      const cells = rows.map(({ sweep }) => sweep.returns[n - 1]);
      const numbers = cells.map((image) => image && values(image));
      const convert = type === 'INT64' ? BigInt : Number;
      return [
        {
          name: `[${prefix}].range_image_return${n}.values`,
          type,
          list: true,
          cells: numbers.map((list) =>
            list === undefined ? null : Array.from<number, unknown>(list, convert),
          ),
        },
        {
          name: `[${prefix}].range_image_return${n}.shape`,
          type: 'INT32' as const,
          list: true,
          cells: cells.map((image, i) =>
            image === undefined || numbers[i] === undefined ? null : [image.height, image.width, channels],
          ),
        },
      ];
    });
  const laserKeys = (
    rows: readonly { readonly segment: string; readonly moment: MadeMoment; readonly sweep: LaserSweep }[],
  ) => [
    ...keys(rows),
    sensor(
      'key.laser_name',
      waymoLasers,
      rows.map(({ sweep }) => sweep.laser),
    ),
  ];
  const pictures = moments.flatMap((row) =>
    Object.entries(row.moment.pictures).map(([camera, bytes]) => ({ ...row, camera, bytes })),
  );
  const boxes = moments.flatMap((row) => row.moment.boxes.map((box) => ({ ...row, box })));
  const lasers = segments.flatMap(({ segment, laserCalibrations }) =>
    laserCalibrations.map((calibration) => ({ segment, calibration })),
  );
  const cameras = segments.flatMap(({ segment, cameraCalibrations }) =>
    cameraCalibrations.map((calibration) => ({ segment, calibration })),
  );
  const number = (name: string, cells: readonly number[]): MadeColumn => ({ name, type: 'DOUBLE', cells });
  const topOnly = sweeps.filter(({ sweep }) => sweep.laser === 'TOP');
  return {
    vehicle_pose: [
      ...keys(moments),
      {
        name: '[VehiclePoseComponent].world_from_vehicle.transform',
        type: float,
        list: true,
        cells: moments.map(({ moment }) => moment.worldFromVehicle),
      },
    ],
    lidar: [...laserKeys(sweeps), ...images('LiDARComponent', ({ values }) => values, 4, float, sweeps)],
    lidar_camera_projection: [
      ...laserKeys(sweeps),
      ...images('LiDARCameraProjectionComponent', ({ projections }) => projections, 6, int, sweeps),
    ],
    lidar_pose: [
      ...laserKeys(topOnly),
      ...images('LiDARPoseComponent', ({ poses }) => poses, 6, float, topOnly).slice(0, 2),
    ],
    lidar_calibration: [
      ...keys(lasers),
      sensor(
        'key.laser_name',
        waymoLasers,
        lasers.map(({ calibration }) => calibration.laser),
      ),
      {
        name: '[LiDARCalibrationComponent].extrinsic.transform',
        type: 'DOUBLE',
        list: true,
        cells: lasers.map(({ calibration }) => [...calibration.vehicleFromLaser]),
      },
      number(
        '[LiDARCalibrationComponent].beam_inclination.min',
        lasers.map(({ calibration }) => calibration.inclinationMin),
      ),
      number(
        '[LiDARCalibrationComponent].beam_inclination.max',
        lasers.map(({ calibration }) => calibration.inclinationMax),
      ),
      {
        name: '[LiDARCalibrationComponent].beam_inclination.values',
        type: 'DOUBLE',
        list: true,
        cells: lasers.map(({ calibration: { inclinations } }) =>
          inclinations.length === 0 ? null : inclinations,
        ),
      },
    ],
    camera_image: [
      ...keys(pictures),
      sensor(
        'key.camera_name',
        waymoCameras,
        pictures.map(({ camera }) => camera),
      ),
      { name: '[CameraImageComponent].image', type: 'BYTE_ARRAY', cells: pictures.map(({ bytes }) => bytes) },
    ],
    camera_calibration: [
      ...keys(cameras),
      sensor(
        'key.camera_name',
        waymoCameras,
        cameras.map(({ calibration }) => calibration.camera),
      ),
      ...(
        [
          ['f_u', 'fu'],
          ['f_v', 'fv'],
          ['c_u', 'cu'],
          ['c_v', 'cv'],
          ['k1', 'k1'],
          ['k2', 'k2'],
          ['p1', 'p1'],
          ['p2', 'p2'],
          ['k3', 'k3'],
        ] as const
      ).map(([name, key]) =>
        number(
          `[CameraCalibrationComponent].intrinsic.${name}`,
          cameras.map(({ calibration }) => calibration[key]),
        ),
      ),
      {
        name: '[CameraCalibrationComponent].extrinsic.transform',
        type: 'DOUBLE',
        list: true,
        cells: cameras.map(({ calibration }) => [...calibration.vehicleFromCamera]),
      },
      ...(['width', 'height'] as const).map((name) => ({
        name: `[CameraCalibrationComponent].${name}`,
        type: int as 'INT32' | 'INT64',
        cells: cameras.map(({ calibration }) => whole(calibration[name])),
      })),
    ],
    lidar_box: [
      ...keys(boxes),
      { name: 'key.laser_object_id', type: 'STRING', cells: boxes.map(({ box }) => box.id) },
      ...(['x', 'y', 'z'] as const).flatMap((axis, i) => [
        number(
          `[LiDARBoxComponent].box.center.${axis}`,
          boxes.map(({ box }) => box.center[i]),
        ),
        number(
          `[LiDARBoxComponent].box.size.${axis}`,
          boxes.map(({ box }) => box.size[i]),
        ),
      ]),
      number(
        '[LiDARBoxComponent].box.heading',
        boxes.map(({ box }) => box.heading),
      ),
      {
        name: '[LiDARBoxComponent].type',
        type: 'INT32',
        cells: boxes.map(({ box }) =>
          ['unknown', 'vehicle', 'pedestrian', 'sign', 'cyclist'].indexOf(box.type),
        ),
      },
      {
        name: '[LiDARBoxComponent].num_lidar_points_in_box',
        type: 'INT64',
        cells: boxes.map(({ box }) => (box.points === undefined ? null : BigInt(box.points))),
      },
    ],
  };
}

/** Writes a component's columns as a Parquet file, with its folder where that is not there. */
export function writeComponent(file: string, columns: readonly MadeColumn[], style: ComponentStyle): void {
  mkdirSync(dirname(file), { recursive: true });
  const { codec, rowGroupSize, pageSize } = style;
  const bytes = parquetWriteBuffer({
    schema: [{ name: 'root', num_children: columns.length }, ...columns.flatMap(schemaOf)],
    columnData: columns.map(({ name, cells }) => ({ name, data: [...cells] })),
    codec,
    compressors,
    rowGroupSize,
    pageSize,
  });
  writeFileSync(file, new Uint8Array(bytes));
}

/** Writes segments as folders of components: `<root>/<tag>/<segment>.parquet`. */
export function writeFolders(root: string, segments: readonly MadeSegment[], style: ComponentStyle): void {
  for (const segment of segments)
    for (const [tag, columns] of Object.entries(componentColumns([segment], style)))
      writeComponent(join(root, tag, `${segment.segment}.parquet`), columns, style);
}

/** Writes segments as one file for each component: `<root>/<tag>.parquet`. */
export function writeFlat(root: string, segments: readonly MadeSegment[], style: ComponentStyle): void {
  for (const [tag, columns] of Object.entries(componentColumns(segments, style)))
    writeComponent(join(root, `${tag}.parquet`), columns, style);
}

function schemaOf({ name, type, list = false }: MadeColumn): SchemaElement[] {
  const element =
    type === 'STRING' ? { type: 'BYTE_ARRAY' as const, converted_type: 'UTF8' as const } : { type };
  if (!list) return [{ name, repetition_type: 'OPTIONAL', ...element }];
  return [
    { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'item', repetition_type: 'OPTIONAL', ...element },
  ];
}
