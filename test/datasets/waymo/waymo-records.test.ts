import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import protobuf from 'protobufjs/minimal.js';
import { afterEach, describe, expect, it } from 'vitest';
import { openWaymoRecords } from '../../../src/datasets/waymo/waymo-records.ts';
import type { LaserSweep, RangeImage, WaymoBox } from '../../../src/datasets/waymo/waymo-source.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import { describeWithRealData } from '../../real-data.ts';
import { madeUpBoxes, madeUpCameras, madeUpLasers, madeUpWorldFromVehicle } from './made-up-drive.ts';
import {
  type FrameParts,
  frameMessage,
  matrixMessage,
  newFolder,
  removeFolders,
  writeRecords,
} from './write-records.ts';

afterEach(removeFolders);

const pictures = [1, 4].map((camera) => [camera, new Uint8Array(60_000).fill(camera)] as const);
const image: RangeImage = {
  height: 2,
  width: 3,
  values: Float32Array.from({ length: 24 }, (_, k) => k - 4),
  projections: Int32Array.from({ length: 36 }, (_, k) => (k % 5) * 400 - 1),
  poses: Float32Array.from({ length: 36 }, (_, k) => k / 7),
};
const { projections, poses, ...second } = image;
const lasers: LaserSweep[] = [
  { laser: 'SIDE_LEFT', returns: [second] },
  { laser: 'TOP', returns: [image, second] },
];
const whole: FrameParts = {
  segment: '1071392229495085036_1844_790_1864_790',
  worldFromVehicle: madeUpWorldFromVehicle(0),
  cameras: madeUpCameras,
  laserCalibrations: madeUpLasers,
  lasers,
  pictures,
  boxes: madeUpBoxes,
};

async function openOne(file: string, options?: { readonly verify?: boolean }) {
  const [source] = await openWaymoRecords(file, options);
  return source;
}

async function messageOf(read: Promise<unknown>): Promise<string> {
  const error = await read.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).message;
}

function flip(file: string, needle: Uint8Array, offset = 0): void {
  const bytes = readFileSync(file);
  const at = bytes.indexOf(needle);
  expect(at).toBeGreaterThan(0);
  bytes[at + offset] ^= 0x10;
  writeFileSync(file, bytes);
}

describe('a segment of Waymo records', () => {
  it.each([false, true])('gives what was written, numbers packed: %s', async (packed) => {
    const file = writeRecords([frameMessage({ ...whole, packed })]);
    const source = await openOne(file);
    expect(source).toMatchObject({ kind: 'Waymo records', root: file, segment: whole.segment });
    expect(source.moments).toEqual([
      {
        timestampMicros: 1_507_315_488_219_118,
        worldFromVehicle: whole.worldFromVehicle,
        hasLasers: true,
        hasBoxes: true,
        hasCalibrations: true,
        cameras: ['FRONT', 'SIDE_LEFT'],
        notes: [],
      },
    ]);
    expect(source.files(0)).toEqual([file]);
    expect(await source.cameraCalibrations(0)).toEqual(madeUpCameras);
    expect(await source.laserCalibrations(0)).toEqual(madeUpLasers);
    expect(await source.lasers(0)).toEqual(lasers);
    expect(await source.boxes(0)).toEqual(madeUpBoxes);
    const picture = await source.picture(0, 'SIDE_LEFT');
    expect(Buffer.compare(picture.bytes, pictures[1][1])).toBe(0);
    expect(picture.file).toBe(`${file}: record 0 (byte 0), camera SIDE_LEFT`);
    expect(await messageOf(source.picture(0, 'FRONT_LEFT'))).toBe(
      `${file}: record 0 (byte 0): expected a picture of FRONT_LEFT, found none`,
    );
  });

  it('keeps times to the microsecond, and refuses what a number cannot hold', async () => {
    const times = [1_553_735_853_462_203n, 2n ** 53n - 1n, 2n ** 53n];
    const source = await openOne(
      writeRecords(times.map((timestampMicros) => frameMessage({ timestampMicros }))),
    );
    expect(source.moments.map(({ timestampMicros }) => timestampMicros)).toEqual([
      1_553_735_853_462_203,
      2 ** 53 - 1,
      undefined,
    ]);
    expect(source.moments[2].notes[0]).toMatch(
      /expected a time in microseconds below 2\^53, found 9007199254740992$/,
    );
  });

  it('is labelled in all frames if it is in one', async () => {
    const [bare, labelled] = [frameMessage({}), frameMessage({ boxes: madeUpBoxes.slice(0, 1) })];
    const source = await openOne(writeRecords([bare, labelled]));
    expect(source.moments.map(({ hasBoxes }) => hasBoxes)).toEqual([true, true]);
    expect(await source.boxes(0)).toEqual([]);
    expect((await openOne(writeRecords([bare, bare]))).moments[0].hasBoxes).toBe(false);
  });

  it('has no lasers where all range images are empty', async () => {
    const laser = protobuf.Writer.create().uint32(8).int32(1).uint32(18).bytes(new Uint8Array(0)).finish();
    const message = Buffer.concat([
      frameMessage({}),
      protobuf.Writer.create().uint32(42).bytes(laser).finish(),
    ]);
    const source = await openOne(writeRecords([message]));
    expect(source.moments[0].hasLasers).toBe(false);
    expect(await source.lasers(0)).toEqual([]);
  });

  it('reads range images that are not compressed, numbers that are not packed, and a second return alone', async () => {
    const plain = protobuf.Writer.create()
      .uint32(10)
      .bytes(matrixMessage(image.values, [2, 3, 4], { packed: false, packedShape: true }))
      .uint32(26)
      .bytes(deflateSync(matrixMessage(image.projections!, [2, 3, 6], { packed: false })))
      .finish();
    const laser = protobuf.Writer.create().uint32(8).int32(2).uint32(26).bytes(plain).finish();
    const message = Buffer.concat([
      frameMessage({}),
      protobuf.Writer.create().uint32(42).bytes(laser).finish(),
    ]);
    const [{ returns }] = await (await openOne(writeRecords([message]))).lasers(0);
    expect(returns).toEqual([
      { height: 0, width: 0, values: new Float32Array(0) },
      { ...second, projections: image.projections },
    ]);
  });

  it('tells frames of another segment, and frames without a time or a pose', async () => {
    const other = frameMessage({ ...whole, segment: 'another' });
    const source = await openOne(writeRecords([frameMessage(whole), other]));
    expect(source.moments[1].notes).toEqual([
      `the frame is of segment another, the first of ${whole.segment}`,
    ]);
    expect((await openOne(writeRecords([frameMessage({})]))).moments[0].notes).toEqual([
      'the frame has no pose',
    ]);
  });
});

describe('a record that is not as it should be', () => {
  const three = (middle: FrameParts = whole) =>
    writeRecords([frameMessage(whole), frameMessage(middle), frameMessage(whole)]);

  it('is told when it is read; the others are whole', async () => {
    const marked = new Uint8Array(60_000).fill(77);
    const file = three({ ...whole, pictures: [[1, marked]] });
    flip(file, marked, 30_000);
    const source = await openOne(file);
    expect(source.moments.map(({ notes }) => notes)).toEqual([[], [], []]);
    expect(await messageOf(source.picture(1, 'FRONT'))).toMatch(
      /: record 1 \(byte \d+\): expected data of checksum 0x\w{8}, found damaged data, whose checksum is 0x\w{8}$/,
    );
    expect((await source.picture(2, 'FRONT')).bytes.length).toBe(60_000);
    expect(await source.lasers(0)).toEqual(lasers);
  });

  it('is told at once with verify, and then has no parts', async () => {
    const marked = new Uint8Array(60_000).fill(77);
    const file = three({ ...whole, pictures: [[1, marked]] });
    flip(file, marked, 30_000);
    const { moments } = await openOne(file, { verify: true });
    expect(moments[1]).toMatchObject({
      hasLasers: false,
      hasBoxes: false,
      hasCalibrations: false,
      cameras: [],
    });
    expect(moments[1].notes[0]).toMatch(/record 1 \(byte \d+\): expected data of checksum/);
    expect([moments[0].notes, moments[2].notes]).toEqual([[], []]);
    expect(moments[2].hasLasers).toBe(true);
  });

  it.each([0, 1, 2])('number %i whose head is damaged is a moment without parts', async (which) => {
    const name = 'the_one_that_is_damaged';
    const messages = [0, 1, 2].map((n) =>
      frameMessage({ ...whole, segment: n === which ? name : whole.segment }),
    );
    const file = writeRecords(messages);
    // The length of the name: it runs over the end of the context.
    flip(file, Buffer.from(name), -1);
    const bytes = readFileSync(file);
    bytes[bytes.indexOf(name) - 1] = 0x7f;
    bytes[bytes.indexOf(name) - 4] = 0xff;
    writeFileSync(file, bytes);
    const { moments, segment } = await openOne(file);
    expect(segment).toBe(whole.segment);
    expect(moments.map(({ hasLasers }) => hasLasers)).toEqual([0, 1, 2].map((n) => n !== which));
    expect(moments[which].notes[0]).toMatch(
      new RegExp(`record ${which} \\(byte \\d+\\): expected data of checksum 0x\\w{8}, found damaged data`),
    );
  });

  it('can be read again once it is mended', async () => {
    const file = three();
    const sound = readFileSync(file);
    flip(file, pictures[0][1], 5);
    const source = await openOne(file);
    await messageOf(source.boxes(0));
    writeFileSync(file, sound);
    expect(await source.boxes(0)).toEqual(madeUpBoxes);
  });

  it('at the end of the file is left out, and the last whole one says so', async () => {
    const file = three();
    const message = frameMessage(whole).length;
    truncateSync(file, 3 * (message + 16) - 1000);
    const { moments } = await openOne(file);
    expect(moments.length).toBe(2);
    expect(moments[1].notes[0]).toBe(
      `${file}: record 2 (byte ${2 * (message + 16)}): expected ${message} bytes of data and 4 of checksum, ` +
        `found ${message - 996}, then the end of the file: no frame after it can be read`,
    );
  });

  it.each<[string, FrameParts, string]>([
    [
      'a short pose',
      { worldFromVehicle: new Float64Array(15) },
      'expected a pose of 16 finite numbers, found 15 numbers',
    ],
    [
      'no finite pose',
      { worldFromVehicle: new Float64Array(16).fill(Number.NaN) },
      'finite numbers, found NaN',
    ],
  ])('has %s', async (_, parts, message) => {
    const { moments } = await openOne(
      writeRecords([frameMessage({ ...whole, ...parts }), frameMessage(whole)]),
    );
    expect(moments[0].notes).toHaveLength(1);
    expect(moments[0].notes[0]).toContain(message);
    expect(moments[0]).toMatchObject({ worldFromVehicle: undefined, hasLasers: true, hasBoxes: true });
    expect(moments[1].notes).toEqual([]);
  });
});

describe('what cannot be right in a frame', () => {
  const camera = madeUpCameras[0];
  const laser = madeUpLasers[4];

  it.each<[string, FrameParts, 'cameraCalibrations' | 'laserCalibrations' | 'boxes' | 'lasers', string]>([
    [
      'an extrinsic',
      { cameras: [{ ...camera, vehicleFromCamera: new Float64Array(4) }] },
      'cameraCalibrations',
      'record 0 (byte 0), calibration of camera FRONT: expected an extrinsic of 16 finite numbers, found 4 numbers',
    ],
    [
      'a focal length',
      { cameras: [{ ...camera, fu: Number.NaN }] },
      'cameraCalibrations',
      'calibration of camera FRONT: expected 9 finite intrinsic numbers',
    ],
    [
      'an inclination',
      { laserCalibrations: [{ ...laser, inclinations: [0, Infinity] }] },
      'laserCalibrations',
      'calibration of laser TOP: expected finite inclinations, found Infinity',
    ],
    [
      'a box',
      { boxes: [madeUpBoxes[0], { ...madeUpBoxes[1], heading: Number.NaN } as WaymoBox] },
      'boxes',
      'label 1 (someone): expected a box of finite numbers, found -12, 3, 0.8, 0.7, 0.6, 1.7, NaN',
    ],
    [
      'the size of projections',
      { lasers: [{ laser: 'TOP', returns: [{ ...image, projections: new Int32Array(30) }] }] },
      'lasers',
      'laser TOP, return 1: expected camera projections of 2 x 3 x 6, found 30 of 36 numbers (2 x 3 x 6)',
    ],
  ])('%s', async (_, parts, part, message) => {
    const source = await openOne(writeRecords([frameMessage({ ...whole, ...parts })]));
    expect(await messageOf(source[part](0))).toContain(message);
  });

  it.each([
    [
      'other bytes',
      Buffer.from('no zlib'),
      'expected ranges: a matrix, packed by zlib, found incorrect header check',
    ],
    ['a cut stream', deflateSync(Buffer.alloc(5000, 3)).subarray(0, 12), 'found unexpected end of file'],
    [
      'another matrix',
      deflateSync(matrixMessage(new Float32Array(6), [2, 3])),
      'expected ranges of height x width x 4, found 2 x 3',
    ],
    [
      'no shape',
      deflateSync(matrixMessage(new Float32Array(6), [])),
      'expected ranges of height x width x 4, found no shape',
    ],
  ])('a range image of %s', async (_, bytes, message) => {
    const range = protobuf.Writer.create().uint32(18).bytes(bytes).finish();
    const of = protobuf.Writer.create().uint32(8).int32(1).uint32(18).bytes(range).finish();
    const frame = Buffer.concat([
      frameMessage(whole),
      protobuf.Writer.create().uint32(42).bytes(of).finish(),
    ]);
    const source = await openOne(writeRecords([frame]));
    expect(await messageOf(source.lasers(0))).toContain(message);
  });

  it('a laser of a number that is none', async () => {
    const of = protobuf.Writer.create()
      .uint32(8)
      .int32(9)
      .uint32(18)
      .bytes(Buffer.from([18, 1, 0]))
      .finish();
    const frame = Buffer.concat([
      frameMessage(whole),
      protobuf.Writer.create().uint32(42).bytes(of).finish(),
    ]);
    const source = await openOne(writeRecords([frame]));
    expect(await messageOf(source.lasers(0))).toContain('expected a laser of number 1 to 5, found 9');
  });
});

describe('records of something else', () => {
  const field = (number: number, bytes: Uint8Array) =>
    protobuf.Writer.create()
      .uint32((number << 3) | 2)
      .bytes(bytes)
      .finish();
  const text = (value: string) => Buffer.from(value);
  const entry = Buffer.concat([field(1, text('roadgraph')), field(2, field(1, field(1, text('x'))))]);
  const scenario = Buffer.concat([
    protobuf.Writer.create().uint32(9).double(0).uint32(9).double(0.1).finish(),
    field(2, text('\u0008\u0007')),
    field(5, text('a1b2c3')),
  ]);
  const endToEnd = Buffer.concat([
    field(1, frameMessage({ pictures })),
    protobuf.Writer.create().uint32(16).int32(1).finish(),
  ]);

  it.each([
    [
      'motion',
      scenario,
      "found a Scenario of Waymo's motion data set (its lidar has another form, and it has no pictures)",
    ],
    [
      'end-to-end driving',
      endToEnd,
      "found a frame of Waymo's end-to-end driving data set, which has no lidar",
    ],
    ['features', field(1, Buffer.concat([field(1, entry), field(1, entry)])), 'found a tf.Example'],
    ['another message', field(7, text('events')), 'found another message'],
    [
      'no message',
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
      'found bytes that are no protobuf message',
    ],
  ])('are refused in one line: %s', async (_, message, found) => {
    const file = writeRecords([message, message]);
    expect(await messageOf(openWaymoRecords(file))).toBe(
      `${file}: record 0 (byte 0): expected a Frame of the Waymo Open Dataset, ${found}`,
    );
  });

  it('do not spoil the segments beside them', async () => {
    const folder = newFolder();
    writeRecords([scenario], join(folder, 'a.tfrecord'));
    writeRecords([frameMessage({ ...whole, segment: 'late' })], join(folder, 'c.tfrecord'));
    writeRecords([frameMessage({ ...whole, segment: 'early' })], join(folder, 'b.tfrecord'));
    writeFileSync(join(folder, 'd.tfrecord'), '');
    writeFileSync(join(folder, 'notes.txt'), 'not looked at');
    const sources = await openWaymoRecords(folder);
    expect(sources.map(({ segment }) => segment)).toEqual(['early', 'late']);
    const [first, last] = sources.map(({ moments }) => moments[0].notes);
    expect(first.length).toBe(2);
    expect(first[0]).toMatch(/a\.tfrecord: record 0 \(byte 0\): expected a Frame .*: the file is left out$/);
    expect(first[1]).toMatch(
      /d\.tfrecord: expected a TFRecord file, found an empty file: the file is left out$/,
    );
    expect(last).toEqual([]);
  });

  it('are an error where there is nothing else, and so is a folder without records', async () => {
    const folder = newFolder();
    expect(await messageOf(openWaymoRecords(folder))).toBe(
      `${folder}: expected TFRecord files (.tfrecord), found none`,
    );
    writeRecords([scenario], join(folder, 'a.tfrecord'));
    expect(await messageOf(openWaymoRecords(folder))).toContain('a Scenario of');
    expect(await messageOf(openWaymoRecords(join(folder, 'none')))).toContain(
      'expected a file or a folder, found nothing',
    );
  });
});

describeWithRealData('a real frame without lasers', 'waymo/one-frame-no-lidar.tfrecord', (path) => {
  it('has its time, pose, pictures and boxes', async () => {
    const source = await openOne(path, { verify: true });
    const [moment] = source.moments;
    expect(moment).toMatchObject({
      timestampMicros: 1_553_735_853_462_203,
      hasLasers: false,
      hasBoxes: true,
    });
    expect(moment.cameras).toEqual(['FRONT', 'FRONT_LEFT', 'FRONT_RIGHT', 'SIDE_LEFT', 'SIDE_RIGHT']);
    expect(moment.notes).toEqual([]);
    expect(await source.boxes(0)).toHaveLength(75);
    for (const camera of moment.cameras) {
      const { bytes } = await source.picture(0, camera);
      expect([bytes[0], bytes[1], bytes.at(-2), bytes.at(-1)]).toEqual([0xff, 0xd8, 0xff, 0xd9]);
    }
    expect(await source.lasers(0)).toEqual([]);
  });
});

describeWithRealData('real calibrations', 'waymo/frame-metadata-no-lasers.tfrecord', (path) => {
  it('are read: lasers 2, 5, 3, 4, 1, of which the top one is turned by -148 degrees', async () => {
    const source = await openOne(path, { verify: true });
    expect(source.segment).toBe('1071392229495085036_1844_790_1864_790');
    const lasersRead = await source.laserCalibrations(0);
    expect(lasersRead.map(({ laser }) => laser)).toEqual(['FRONT', 'REAR', 'SIDE_LEFT', 'SIDE_RIGHT', 'TOP']);
    const top = lasersRead[4];
    expect(top.inclinations).toHaveLength(64);
    expect(top.inclinations[0]).toBeCloseTo(-0.30733544463330187, 15);
    expect(top.inclinations.every((value, k) => k === 0 || value > top.inclinations[k - 1])).toBe(true);
    const turn = (Math.atan2(top.vehicleFromLaser[4], top.vehicleFromLaser[0]) * 180) / Math.PI;
    expect(turn).toBeCloseTo(148.47, 1);
    expect(lasersRead.slice(0, 4).map(({ inclinations }) => inclinations.length)).toEqual([0, 0, 0, 0]);
    expect(lasersRead[0].inclinationMin).toBeCloseTo(-Math.PI / 2, 12);
    const [front] = await source.cameraCalibrations(0);
    expect(front).toMatchObject({ camera: 'FRONT', width: 1920, height: 1280, fu: 2070.548265922831 });
    expect(front).toMatchObject({
      k1: 0.04544802977320689,
      k2: -0.33568566266133454,
      p1: 0.0013576596693577823,
    });
    expect(await source.boxes(0)).toHaveLength(18);
  });
});
