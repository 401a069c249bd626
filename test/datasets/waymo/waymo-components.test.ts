import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openWaymoComponents } from '../../../src/datasets/waymo/waymo-components.ts';
import type { LaserSweep, WaymoSource } from '../../../src/datasets/waymo/waymo-source.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import { describeWithRealData } from '../../real-data.ts';
import { madeUpSegment } from './made-up-segment.ts';
import {
  type ComponentStyle,
  componentColumns,
  type MadeSegment,
  writeComponent,
  writeFlat,
  writeFolders,
} from './write-components.ts';

const folder = mkdtempSync(join(tmpdir(), 'waymo-components-'));
afterAll(() => rmSync(folder, { recursive: true }));

const plan = {
  segment: '111_000_000_020_000',
  moments: 5,
  cameras: 3,
  sizes: { TOP: [3, 50], FRONT: [4, 6], REAR: [2, 9] },
  returns: 2,
} as const;
const made = madeUpSegment(plan);
const other = madeUpSegment({ ...plan, segment: '222_000_000_020_000', moments: 2 });
const style: ComponentStyle = { codec: 'BROTLI', rowGroupSize: 4, pageSize: 256 };

/** Arrays by their kind, length and bytes: vitest compares large ones number by number, which takes a minute. */
function digest(lasers: readonly LaserSweep[]): unknown {
  const ofArray = (array: Float32Array | Int32Array | undefined): unknown =>
    array && [array.constructor.name, array.length, createHash('sha256').update(array).digest('hex')];
  return lasers.map(({ laser, returns }) => ({
    laser,
    returns: returns.map(({ values, projections, poses, ...size }) => ({
      ...size,
      arrays: [values, projections, poses].map(ofArray),
    })),
  }));
}

/** All that a source has is all that was written. */
async function expectSegment(
  source: WaymoSource,
  { segment, moments, ...calibrations }: MadeSegment,
): Promise<void> {
  expect(source.kind).toBe('Waymo components');
  expect(source.segment).toBe(segment);
  expect(source.moments.map(({ timestampMicros }) => timestampMicros)).toEqual(
    moments.map(({ timestampMicros }) => timestampMicros),
  );
  expect(await source.laserCalibrations(0)).toEqual(calibrations.laserCalibrations);
  expect(await source.cameraCalibrations(0)).toEqual(calibrations.cameraCalibrations);
  for (const [index, moment] of moments.entries()) {
    const found = source.moments[index]!;
    expect(found.worldFromVehicle).toEqual(Float64Array.from(moment.worldFromVehicle));
    expect(found.cameras).toEqual(Object.keys(moment.pictures));
    expect([found.hasLasers, found.hasBoxes, found.notes]).toEqual([true, true, []]);
    expect(digest(await source.lasers(index))).toEqual(digest(moment.lasers));
    expect(await source.boxes(index)).toEqual(moment.boxes);
    for (const camera of found.cameras)
      expect((await source.picture(index, camera)).bytes).toEqual(moment.pictures[camera]);
  }
}

async function faultOf(work: Promise<unknown>): Promise<InputError['fault']> {
  const error = await work.then(
    () => new Error('it was taken'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).fault;
}

describe('what was written comes back', () => {
  test.each([
    ['brotli', style],
    ['plain, one row group', { codec: 'UNCOMPRESSED', rowGroupSize: 100, pageSize: 2 ** 20 }],
    ['snappy, wide types', { codec: 'SNAPPY', rowGroupSize: 7, pageSize: 100, wide: true }],
    ['gzip, keys by name', { codec: 'GZIP', rowGroupSize: 3, pageSize: 1000, namedKeys: true }],
  ] as const)('folders of components: %s', async (name, written) => {
    const root = join(folder, name);
    writeFolders(root, [made, other], written);
    const sources = await openWaymoComponents(root);
    expect(sources.length).toBe(2);
    await expectSegment(sources[0]!, made);
    await expectSegment(sources[1]!, other);
    const [one, ...rest] = await openWaymoComponents(root, { segment: other.segment });
    expect(rest).toEqual([]);
    await expectSegment(one!, other);
  });

  test('a file for each component, with two segments in it', async () => {
    const root = join(folder, 'flat');
    writeFlat(root, [made, other], style);
    const sources = await openWaymoComponents(root);
    await expectSegment(sources[0]!, made);
    await expectSegment(sources[1]!, other);
    expect(
      (await openWaymoComponents(root, { segment: made.segment })).map(({ segment }) => segment),
    ).toEqual([made.segment]);
  });

  test('files without columns of a second return', async () => {
    const root = join(folder, 'one return');
    const single = madeUpSegment({ ...plan, returns: 1 });
    writeFolders(root, [single], { ...style, oneReturn: true });
    await expectSegment((await openWaymoComponents(root))[0]!, single);
  });
});

describe('worker threads', () => {
  const large = madeUpSegment({ ...plan, moments: 2, sizes: { TOP: [64, 800], FRONT: [4, 60] } });
  const root = join(folder, 'large');
  beforeAll(() => writeFolders(root, [large], { codec: 'UNCOMPRESSED', rowGroupSize: 4, pageSize: 2 ** 16 }));

  test.each([0, 1, 2])('with %i, the same', async (lanes) => {
    const [source] = await openWaymoComponents(root, { lanes });
    await expectSegment(source!, large);
    // Arrays are moved out of the threads: asked for again, they are read again.
    const [first, again] = await Promise.all([source!.lasers(1), source!.lasers(1)]);
    expect(digest(again)).toEqual(digest(first));
    expect(digest(first)).toEqual(digest(large.moments[1]!.lasers));
  });
});

describe('what is not there', () => {
  const root = join(folder, 'parts');
  const columns = componentColumns([made], style);
  const write = (name: string, tags: readonly string[], of = columns) => {
    for (const tag of tags) writeComponent(join(root, name, tag, `${made.segment}.parquet`), of[tag]!, style);
    return join(root, name);
  };

  test('poses alone are moments with times and poses', async () => {
    const [source] = await openWaymoComponents(write('poses', ['vehicle_pose']));
    expect(source!.moments.length).toBe(5);
    const [{ worldFromVehicle, hasLasers, hasBoxes, cameras, notes }] = source!.moments;
    expect(worldFromVehicle).toEqual(Float64Array.from(made.moments[0]!.worldFromVehicle));
    expect([hasLasers, hasBoxes, cameras]).toEqual([false, false, []]);
    expect(notes).toEqual([
      'The segment has no component lidar, lidar_camera_projection, lidar_pose, lidar_calibration, lidar_box, camera_image, camera_calibration.',
    ]);
    expect(await faultOf(source!.lasers(0))).toEqual({
      file: source!.root,
      place: `segment ${made.segment}`,
      expected: 'the component lidar',
      found: 'vehicle_pose',
    });
    expect((await faultOf(source!.picture(0, 'FRONT'))).expected).toBe('the component camera_image');
    expect((await faultOf(source!.cameraCalibrations(0))).expected).toBe('the component camera_calibration');
  });

  test('lasers come without projections and poses where there are none', async () => {
    const [source] = await openWaymoComponents(write('lidar', ['lidar']));
    const [{ returns }] = await source!.lasers(2);
    expect(Object.keys(returns[0]!)).toEqual(['height', 'width', 'values']);
    expect(returns[0]!.values).toEqual(made.moments[2]!.lasers[0]!.returns[0]!.values);
    expect(source!.moments[0]!.worldFromVehicle).toBeUndefined();
    expect(source!.files(0)).toEqual([join(root, 'lidar', 'lidar', `${made.segment}.parquet`)]);
  });

  test('one component’s folder or file is that component', async () => {
    const all = write('several', ['lidar', 'vehicle_pose', 'lidar_calibration']);
    for (const path of [join(all, 'lidar'), join(all, 'lidar', `${made.segment}.parquet`)]) {
      const [source] = await openWaymoComponents(path);
      expect(await source!.lasers(0)).toHaveLength(3);
      expect((await faultOf(source!.laserCalibrations(0))).expected).toBe('the component lidar_calibration');
    }
    const fault = await faultOf(openWaymoComponents(join(all, 'lidar_calibration')));
    expect(fault.found).toBe(
      `lidar_calibration, which has no times; the folder above, ${all}, has more components`,
    );
  });

  test('a moment that lacks a laser, a camera, a pose or all says so', async () => {
    const rows = (tag: string, keep: (cells: readonly unknown[], row: number) => boolean) =>
      columns[tag]!.map((column) => ({
        ...column,
        cells: column.cells.filter((_, row) =>
          keep(
            columns[tag]!.map(({ cells }) => cells[row]),
            row,
          ),
        ),
      }));
    const at = (moment: number) => BigInt(made.moments[moment]!.timestampMicros);
    const less = {
      ...columns,
      vehicle_pose: rows('vehicle_pose', ([, time]) => time !== at(3)),
      lidar: rows('lidar', ([, time, laser]) => time !== at(0) && !(time === at(1) && laser === 2)),
      camera_image: rows('camera_image', ([, time, camera]) => !(time === at(2) && camera === 1)),
    };
    const [source] = await openWaymoComponents(write('less', Object.keys(columns), less));
    expect(source!.moments.map(({ notes }) => notes)).toEqual([
      ['lidar has no row at its time.'],
      ['lidar has no row of FRONT at its time.'],
      ['camera_image has no row of FRONT at its time.'],
      ['vehicle_pose has no row at its time.'],
      [],
    ]);
    expect(source!.moments.map(({ hasLasers }) => hasLasers)).toEqual([false, true, true, true, true]);
    expect(source!.moments[2]!.cameras).toEqual(['FRONT_LEFT', 'FRONT_RIGHT']);
    expect((await source!.lasers(1)).map(({ laser }) => laser)).toEqual(['TOP', 'REAR']);
    expect((await faultOf(source!.lasers(0))).expected).toBe('a row of lidar');
    expect(await faultOf(source!.picture(2, 'FRONT'))).toMatchObject({
      expected: 'a row of camera_image of FRONT',
      found: 'only FRONT_LEFT, FRONT_RIGHT',
    });
  });

  test('a segment that is not there', async () => {
    const fault = await faultOf(openWaymoComponents(write('segment', ['lidar']), { segment: 'none' }));
    expect(fault).toMatchObject({ expected: 'the segment none', found: `1 others, such as ${made.segment}` });
  });

  test('folders without components', async () => {
    const empty = join(root, 'empty');
    mkdirSync(empty, { recursive: true });
    expect((await faultOf(openWaymoComponents(empty))).found).toBe('an empty folder');
    const above = join(root, 'above');
    write('above/training', ['lidar']);
    expect((await faultOf(openWaymoComponents(above))).found).toBe(
      `none; there are some in ${join(above, 'training')}`,
    );
    expect((await faultOf(openWaymoComponents(join(root, 'nowhere')))).found).toBe('nothing');
  });
});

describe('what cannot be right', () => {
  let n = 0;
  /** A file of one component in which some cells are others; hands back its path. */
  const write = (tag: string, name: string, change: (cells: unknown[]) => void): string => {
    const file = join(folder, `wrong-${n++}`, tag, `${made.segment}.parquet`);
    const columns = componentColumns([made], style)[tag]!.map((column) => {
      const cells = [...column.cells];
      if (column.name === name) change(cells);
      return { ...column, cells };
    });
    writeComponent(file, columns, style);
    return file;
  };
  const values = '[LiDARComponent].range_image_return1.values';
  const shape = '[LiDARComponent].range_image_return1.shape';
  // Rows are those of the last moment first, and the rear laser first.
  const lasersAt = async (file: string) => (await openWaymoComponents(file))[0]!.lasers(4);

  test('keys', async () => {
    const laser = 'key.laser_name';
    const unknown = write('lidar', laser, (cells) => cells.fill(7, 1, 2));
    expect(await faultOf(openWaymoComponents(unknown))).toEqual({
      file: unknown,
      place: 'row 1, key.laser_name',
      expected: 'one of TOP (1), FRONT (2), SIDE_LEFT (3), SIDE_RIGHT (4), REAR (5)',
      found: '7',
    });
    const none = write('lidar', laser, (cells) => cells.fill(null, 2, 3));
    expect(await faultOf(openWaymoComponents(none))).toMatchObject({
      place: 'row 2, key.laser_name',
      found: 'null',
    });
    const twice = write('lidar', laser, (cells) => cells.fill(1, 1, 2));
    expect(await faultOf(openWaymoComponents(twice))).toMatchObject({
      place: 'rows 1, 2',
      expected: `one row of lidar TOP at ${made.moments[4]!.timestampMicros}`,
      found: '2',
    });
    const time = write('lidar', 'key.frame_timestamp_micros', (cells) => cells.fill(-5n, 0, 1));
    expect(await faultOf(openWaymoComponents(time))).toMatchObject({
      expected: 'a time in microseconds',
      found: '-5',
    });
  });

  test('images', async () => {
    const place = (name: string) => `row 0, ${name}`;
    const high = write('lidar', shape, (cells) => cells.fill([3, 9, 4], 0, 1));
    expect(await faultOf(lasersAt(high))).toMatchObject({
      place: place(values),
      expected: '3 x 9 x 4 values',
      found: '72',
    });
    const flat = write('lidar', shape, (cells) => cells.fill([18, 4], 0, 1));
    expect(await faultOf(lasersAt(flat))).toMatchObject({ place: place(shape), found: '18 x 4' });
    const without = write('lidar', shape, (cells) => cells.fill(null, 0, 1));
    expect(await faultOf(lasersAt(without))).toMatchObject({
      expected: 'height, width and 4',
      found: 'none',
    });
    const nulls = write('lidar', values, (cells) => {
      const list = [...(cells[0] as number[])];
      cells[0] = list.fill(null as unknown as number, 5, 7);
    });
    expect(await faultOf(lasersAt(nulls))).toMatchObject({ found: 'one with 2 nulls among them' });
    const gone = write('lidar', values, (cells) => cells.fill(null, 0, 1));
    expect(await faultOf(lasersAt(gone))).toMatchObject({
      place: place(values),
      expected: 'the values of an image',
    });
  });

  test('a pose that is no transform is told, and the moment stays', async () => {
    const name = '[VehiclePoseComponent].world_from_vehicle.transform';
    const file = write('vehicle_pose', name, (cells) => cells.fill([1, 2, 3], 0, 1));
    const [source] = await openWaymoComponents(file);
    expect(source!.moments[4]!.worldFromVehicle).toBeUndefined();
    expect(source!.moments[4]!.notes[1]).toBe(
      `Its pose cannot be used: ${file}: row 0, ${name}: expected 16 numbers of a transform, 0 0 0 1 the last, found 3 numbers.`,
    );
    expect(source!.moments[3]!.worldFromVehicle).toBeDefined();
  });

  test('a file that is changed after it was opened', async () => {
    const file = write('lidar', '', () => {});
    const [source] = await openWaymoComponents(file);
    utimesSync(file, 1, 1);
    expect(await faultOf(source!.lasers(0))).toMatchObject({ file, found: 'one that was written since' });
    writeFileSync(file, 'PAR1 and something else');
    expect(await faultOf(source!.lasers(0))).toMatchObject({ file, found: 'another, of 23 bytes' });
  });
});

describeWithRealData('a real segment’s poses', 'waymo/v2', (path) => {
  test('are read from the whole folder, and key points are not', async () => {
    const [source] = await openWaymoComponents(path);
    expect(source!.segment).toBe('10023947602400723454_1120_000_1140_000');
    expect(source!.moments.length).toBe(199);
    // As pyarrow reads the file.
    expect(source!.moments.slice(0, 2).map(({ timestampMicros }) => timestampMicros)).toEqual([
      1552440195362591, 1552440195462613,
    ]);
    expect([...source!.moments[1]!.worldFromVehicle!].slice(0, 4)).toEqual([
      0.7000211477279663, 0.7140622138977051, 0.009250708855688572, 860.727783203125,
    ]);
    for (const { worldFromVehicle } of source!.moments) {
      const [a, b, c] = worldFromVehicle!;
      expect(Math.hypot(a!, b!, c!)).toBeCloseTo(1, 5);
    }
  });

  test('key points alone are told to be what they are', async () => {
    const fault = await faultOf(openWaymoComponents(join(path, 'camera_hkp')));
    expect(fault.expected).toBe(
      'at least one component with moments (vehicle_pose, lidar, lidar_camera_projection, lidar_pose, lidar_box, camera_image)',
    );
    expect(fault.found).toContain('camera_hkp (key points of people in pictures), which is not read');
    const file = join(path, 'camera_hkp', '10023947602400723454_1120_000_1140_000.parquet');
    expect((await faultOf(openWaymoComponents(file))).found).toContain('camera_hkp (key points of people');
  });
});

describeWithRealData('components that another program made', 'waymo/v2-mock', (path) => {
  test('poses and lasers', async () => {
    const [source] = await openWaymoComponents(path);
    expect([source!.segment, source!.moments.length]).toEqual(['mock_segment_0000', 199]);
    expect(source!.moments[1]!.timestampMicros).toBe(1000000100000);
    expect(source!.moments[1]!.worldFromVehicle![3]).toBe(0.1);
    const lasers = await source!.laserCalibrations(0);
    expect(lasers.map(({ laser }) => laser)).toEqual(['TOP', 'FRONT', 'SIDE_LEFT', 'SIDE_RIGHT', 'REAR']);
    expect(lasers.map(({ inclinations }) => inclinations.length)).toEqual([8, 0, 0, 0, 0]);
    expect([lasers[0]!.inclinationMin, lasers[0]!.vehicleFromLaser[11]]).toEqual([-0.29, 1.8]);
  });

  test('a camera without its middle is told by the column that is missing', async () => {
    const [source] = await openWaymoComponents(path);
    expect(await faultOf(source!.cameraCalibrations(0))).toMatchObject({
      file: join(path, 'camera_calibration.parquet'),
      expected: 'a column [CameraCalibrationComponent].intrinsic.c_u',
    });
  });
});
