import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs/minimal.js';
import { afterEach, describe, expect, it } from 'vitest';
import { frameOf } from '../../../src/datasets/open-sequence.ts';
import { waymoCameras } from '../../../src/datasets/waymo/sensor-names.ts';
import { openWaymoRecords } from '../../../src/datasets/waymo/waymo-records.ts';
import { waymoSequence } from '../../../src/datasets/waymo/waymo-sequence.ts';
import type { CameraCalibration } from '../../../src/datasets/waymo/waymo-source.ts';
import { cornersOf, pointInBox } from '../../../src/geometry/box.ts';
import { distort } from '../../../src/geometry/lens.ts';
import { identity44, multiply34by44, transformPoint } from '../../../src/geometry/matrix.ts';
import { projectPoints } from '../../../src/geometry/projection.ts';
import { inverseRigid } from '../../../src/geometry/rigid-transform.ts';
import { decodeImage, encodePng } from '../../../src/image/decode-image.ts';
import { undistortImage } from '../../../src/image/undistort.ts';
import { fieldOf } from '../../../src/pointcloud/point-cloud.ts';
import { describeWithRealData } from '../../real-data.ts';
import {
  madeUpBoxes,
  madeUpCameras,
  madeUpLasers,
  madeUpPoints,
  madeUpPose,
  madeUpWorldFromVehicle,
} from './made-up-drive.ts';
import { makeRangeImages } from './make-range-images.ts';
import { type FrameParts, frameMessage, removeFolders, writeRecords } from './write-records.ts';

afterEach(removeFolders);

const begin = 1_507_315_488_219_118;
const times = [0, 0.099871, 0.2];
const picture = {
  width: 192,
  height: 128,
  data: Uint8Array.from({ length: 192 * 128 * 3 }, (_, k) => (k * 7) % 251),
};
const made = makeRangeImages({
  points: madeUpPoints(800),
  calibrations: madeUpLasers,
  worldFromVehicle: madeUpWorldFromVehicle(0),
  poseAt: (column, width) => madeUpPose((column / width - 0.5) * 0.1),
  sizes: { TOP: [64, 300], FRONT: [50, 100], REAR: [50, 100], SIDE_LEFT: [50, 100], SIDE_RIGHT: [50, 100] },
});

async function drive(change: (index: number) => FrameParts = () => ({})): Promise<string> {
  const png = await encodePng(picture);
  return writeRecords(
    times.map((timeS, index) =>
      frameMessage({
        timestampMicros: begin + Math.round(timeS * 1e6),
        worldFromVehicle: madeUpWorldFromVehicle(timeS),
        cameras: madeUpCameras,
        laserCalibrations: madeUpLasers,
        lasers: made.lasers,
        pictures: [
          [4, png],
          [1, png],
        ],
        // The same objects in another order.
        boxes: index === 1 ? madeUpBoxes.toReversed() : madeUpBoxes,
        ...change(index),
      }),
    ),
  );
}

async function open(file: string) {
  const [source] = await openWaymoRecords(file);
  return waymoSequence(source);
}

describe('the moments of a segment', () => {
  it('are numbered, timed and placed from the first one', async () => {
    const file = await drive();
    const sequence = await open(file);
    expect(sequence).toMatchObject({ kind: 'Waymo records', root: file, cameras: ['FRONT', 'SIDE_LEFT'] });
    expect(sequence.moments.map(({ id }) => id)).toEqual(['000', '001', '002']);
    expect(sequence.moments.map(({ timeS }) => timeS)).toEqual([0, 0.099871, 0.2]);
    expect(sequence.moments[0].worldFromLidar).toEqual(identity44());
    const { worldFromLidar, files, pictures, notes } = sequence.moments[2];
    // A point that stands still in the world is where the first vehicle had it.
    const inWorld = [2775, 3690, 23] as const;
    const [first, last] = [0, 0.2].map((timeS) => inverseRigid(madeUpWorldFromVehicle(timeS)));
    const seenFirst = transformPoint(first, inWorld);
    const seenLast = transformPoint(worldFromLidar!, transformPoint(last, inWorld));
    seenLast.forEach((value, k) => {
      expect(value).toBeCloseTo(seenFirst[k], 9);
    });
    expect(Math.abs(worldFromLidar![3])).toBeLessThan(10);
    expect(files).toEqual({ sweep: [file], picture: [file], calibration: [file], labels: [file] });
    expect(pictures).toEqual({ FRONT: [file], SIDE_LEFT: [file] });
    expect(notes).toEqual([]);
  });

  it('begin with the first that is known', async () => {
    const file = await drive((index) => (index === 0 ? { worldFromVehicle: undefined } : {}));
    const { moments } = await open(file);
    expect(moments[0].worldFromLidar).toBeUndefined();
    expect(moments[0].notes).toEqual(['the frame has no pose']);
    expect(moments[1].worldFromLidar).toEqual(identity44());
  });

  it('have no part that is missing, and say so when it is asked for', async () => {
    const file = await drive((index) => (index === 1 ? { pictures: [], lasers: [] } : {}));
    const sequence = await open(file);
    expect(Object.keys(sequence.moments[1].files)).toEqual(['calibration', 'labels']);
    expect(sequence.moments[1].pictures).toEqual({});
    await expect(sequence.cloud(1)).rejects.toThrow(`${file}: frame 001: expected a sweep, found none`);
    await expect(sequence.picture(1)).rejects.toThrow(
      `${file}: frame 001: expected a picture of FRONT, found none`,
    );
    await expect(sequence.picture(0, 'REAR')).rejects.toThrow('expected a picture of REAR, found none');
    await expect(sequence.picture(0, 'image_2')).rejects.toThrow(
      'frame 000: expected a camera of FRONT, SIDE_LEFT, found image_2',
    );
    await expect(sequence.camera(0, 'FRONT_LEFT')).rejects.toThrow(
      'frame 000: expected a calibration of camera FRONT_LEFT, found those of FRONT, SIDE_LEFT',
    );
    await expect(sequence.cloud(7)).rejects.toThrow(RangeError);
    await expect(sequence.picture(7)).rejects.toThrow(RangeError);
  });
});

/** Pixels by Waymo's description: in its camera frame x looks ahead, y left, z up; u_n = -y/x, v_n = -z/x; then the lens, then f and c. */
function pixelByDescription(calibration: CameraCalibration, point: readonly [number, number, number]) {
  const { k1, k2, p1, p2, k3, fu, fv, cu, cv, vehicleFromCamera } = calibration;
  const [ahead, left, up] = transformPoint(inverseRigid(vehicleFromCamera), point);
  const [u, v] = [-left / ahead, -up / ahead];
  const r2 = u ** 2 + v ** 2;
  const radial = 1 + k1 * r2 + k2 * r2 ** 2 + k3 * r2 ** 3;
  const across = u * radial + 2 * p1 * u * v + p2 * (r2 + 2 * u ** 2);
  const down = v * radial + p1 * (r2 + 2 * v ** 2) + 2 * p2 * u * v;
  return { pinhole: [fu * u + cu, fv * v + cv], recorded: [fu * across + cu, fv * down + cv], ahead };
}

describe('a camera', () => {
  it.each(['FRONT', 'SIDE_LEFT'])(
    '%s has its pixels where the description has them, with and without its lens',
    async (name) => {
      const sequence = await open(await drive());
      const calibration = madeUpCameras.find(({ camera }) => camera === name)!;
      const { pixelFromCamera, cameraFromLidar, lens } = await sequence.camera(0, name);
      const points: Array<[number, number, number]> =
        name === 'FRONT'
          ? [
              [20, 3, 1],
              [12, -5, 2],
              [60, 0, 8],
            ]
          : [
              [3, 18, 1],
              [-4, 12, 2],
              [1, 40, 8],
            ];
      for (const point of points) {
        const expected = pixelByDescription(calibration, point);
        expect(expected.ahead).toBeGreaterThan(1);
        const pixelFromLidar = multiply34by44(pixelFromCamera, cameraFromLidar);
        const { u, v, depth } = projectPoints(Float64Array.from(point), 3, pixelFromLidar);
        expect(Math.hypot(u[0] - expected.pinhole[0], v[0] - expected.pinhole[1])).toBeLessThan(1e-4);
        expect(depth[0]).toBeCloseTo(expected.ahead, 4);
        const [x, y, z] = transformPoint(cameraFromLidar, point);
        const [across, down] = distort(lens!, x / z, y / z);
        expect(pixelFromCamera[0] * across + pixelFromCamera[2]).toBeCloseTo(expected.recorded[0], 9);
        expect(pixelFromCamera[5] * down + pixelFromCamera[6]).toBeCloseTo(expected.recorded[1], 9);
      }
    },
  );

  it('is the first one that has pictures where none is named', async () => {
    const sequence = await open(await drive());
    expect((await sequence.camera(1)).name).toBe('FRONT');
    expect((await decodeImage((await sequence.picture(1)).bytes)).data).toEqual(picture.data);
    const bare = await open(await drive(() => ({ pictures: [] })));
    expect(bare.cameras).toEqual([]);
    expect((await bare.camera(0)).name).toBe('FRONT');
  });
});

describe('labels', () => {
  it('have the boxes as they are, and the same track for the same object', async () => {
    const sequence = await open(await drive());
    const [first, second] = await Promise.all([sequence.labels(0), sequence.labels(1)]);
    expect(first.map(({ type }) => type)).toEqual(['Vehicle', 'Pedestrian', 'Sign', 'Cyclist']);
    first.forEach(({ box3 }, n) => {
      const { center, size, heading } = madeUpBoxes[n];
      expect(box3).toEqual({ center, sizeM: size, yaw: heading });
    });
    expect(second.map(({ trackId }) => trackId)).toEqual(first.map(({ trackId }) => trackId).toReversed());
    expect(new Set(first.map(({ trackId }) => trackId)).size).toBe(4);
    expect(first.every(({ trackId }) => Number.isSafeInteger(trackId))).toBe(true);
    // Another reader that begins with another moment gives the same numbers.
    const again = await open(sequence.root);
    expect((await again.labels(1)).map(({ trackId }) => trackId)).toEqual(
      second.map(({ trackId }) => trackId),
    );
    // Half a length ahead of the centre is in the box, half a length to its left is not.
    const car = first[0].box3!;
    const [c, s] = [Math.cos(0.3) * 2.2, Math.sin(0.3) * 2.2];
    expect(pointInBox(car, 20 + c, 2 + s, 0.9)).toBe(true);
    expect(pointInBox(car, 20 - s, 2 + c, 0.9)).toBe(false);
  });

  it('have a rectangle in the FRONT camera, or zeros where they are not seen', async () => {
    const sequence = await open(await drive());
    const labels = await sequence.labels(0);
    const [car, person] = labels;
    const corners: number[][] = [];
    const { center, size, heading } = madeUpBoxes[0];
    for (const a of [-0.5, 0.5]) {
      for (const b of [-0.5, 0.5]) {
        for (const c of [-0.5, 0.5]) {
          const [along, across] = [a * size[0], b * size[1]];
          const x = center[0] + along * Math.cos(heading) - across * Math.sin(heading);
          const y = center[1] + along * Math.sin(heading) + across * Math.cos(heading);
          corners.push(pixelByDescription(madeUpCameras[0], [x, y, center[2] + c * size[2]]).pinhole);
        }
      }
    }
    const [us, vs] = [corners.map(([u]) => u), corners.map(([, v]) => v)];
    const expected = [Math.min(...us), Math.min(...vs), Math.max(...us), Math.max(...vs)];
    car.box2.forEach((value, k) => {
      expect(value).toBeCloseTo(expected[k], 6);
    });
    expect(person.box2).toEqual([0, 0, 0, 0]);
    // KITTI's angle: 0 for what looks to the right across the line of sight, -π/2 for what drives away along it.
    const [x, y] = [center[0] - 1.54, center[1] + 0.02];
    const expectedAlpha = -Math.PI / 2 - (heading - Math.atan2(y, x));
    expect(car.alpha).toBeCloseTo(expectedAlpha, 1);
  });

  it('do without cameras', async () => {
    const sequence = await open(await drive(() => ({ cameras: [] })));
    const [car] = await sequence.labels(0);
    expect(car).toMatchObject({
      type: 'Vehicle',
      box2: [0, 0, 0, 0],
      alpha: -10,
      truncation: -1,
      occlusion: 3,
    });
  });
});

describe('a frame', () => {
  it('has reflectances below 1 and the picture of a pinhole', async () => {
    const sequence = await open(await drive());
    const { points, cameras, id, timeS } = await frameOf(sequence, 1);
    expect([id, timeS]).toEqual(['001', 0.099871]);
    const cloud = await sequence.cloud(1);
    const intensity = fieldOf(cloud, 'intensity').data as Float32Array;
    expect(Math.max(...intensity)).toBeGreaterThan(1);
    expect(points.length).toBe(4 * cloud.count);
    intensity.forEach((value, n) => {
      expect(points[4 * n + 3]).toBe(Math.fround(Math.tanh(value)));
    });
    const { lens, ...pinhole } = await sequence.camera(1);
    expect(cameras[0].lens).toBeUndefined();
    expect(cameras[0].pixelFromCamera).toEqual(pinhole.pixelFromCamera);
    expect(cameras[0].image.data).not.toEqual(picture.data);
    expect(cameras[0].image).toEqual(undistortImage(picture, { ...pinhole, lens: lens! }));
  });
});

describeWithRealData('a real frame as a sequence', 'waymo/one-frame-no-lidar.tfrecord', (path) => {
  it('has five cameras, and labelled objects where its picture has them', async () => {
    const sequence = await open(path);
    expect(sequence.cameras).toEqual(['FRONT', 'FRONT_LEFT', 'FRONT_RIGHT', 'SIDE_LEFT', 'SIDE_RIGHT']);
    expect(Object.keys(sequence.moments[0].files)).toEqual(['picture', 'calibration', 'labels']);
    const labels = await sequence.labels(0);
    expect(new Set(labels.map(({ type }) => type))).toEqual(
      new Set(['Vehicle', 'Pedestrian', 'Sign', 'Cyclist']),
    );
    expect(new Set(labels.map(({ trackId }) => trackId)).size).toBe(labels.length);
    const { bytes } = await sequence.picture(0);
    const { width, height } = await decodeImage(bytes);
    expect([width, height]).toEqual([1920, 1280]);
    const seen = labels.filter(({ box2 }) => box2[2] > box2[0]);
    expect(seen.length).toBeGreaterThan(10);
    for (const { box3 } of seen) expect(box3!.center[0]).toBeGreaterThan(0);
  });

  it('has the corners of its boxes where Waymo itself projected them, within half a pixel', async () => {
    // The vehicle stands almost still in this frame, so that the rolling shutter, which is left out, moves little.
    const sequence = await open(path);
    const [source] = await openWaymoRecords(path);
    const boxes = await source.boxes(0);
    const sizes = await source.cameraCalibrations(0);
    const compared = new Map<string, number>();
    for (const { camera, id, center, extent } of projectedLabels(readFileSync(path).subarray(12, -4))) {
      const name = waymoCameras[camera - 1];
      const box = boxes.find((each) => id.startsWith(each.id));
      const { pixelFromCamera, cameraFromLidar, lens } = await sequence.camera(0, name);
      const { width, height } = sizes.find((each) => each.camera === name)!;
      if (box === undefined) continue;
      const corners = cornersOf({ center: box.center, sizeM: box.size, yaw: box.heading });
      const pixels = Array.from({ length: 8 }, (_, k) => {
        const [x, y, z] = transformPoint(cameraFromLidar, [
          corners[3 * k],
          corners[3 * k + 1],
          corners[3 * k + 2],
        ]);
        const [across, down] = z < 0.5 ? [Number.NaN, Number.NaN] : distort(lens!, x / z, y / z);
        return [
          pixelFromCamera[0] * across + pixelFromCamera[2],
          pixelFromCamera[5] * down + pixelFromCamera[6],
        ];
      });
      const [us, vs] = [pixels.map(([u]) => u), pixels.map(([, v]) => v)];
      const [left, top, right, bottom] = [Math.min(...us), Math.min(...vs), Math.max(...us), Math.max(...vs)];
      // What is cut at the border was cut by Waymo in a way of its own.
      if (!(left > 0 && top > 0 && right < width - 1 && bottom < height - 1)) continue;
      compared.set(name, (compared.get(name) ?? 0) + 1);
      expect(Math.abs((left + right) / 2 - center[0])).toBeLessThan(0.5);
      expect(Math.abs((top + bottom) / 2 - center[1])).toBeLessThan(0.5);
      expect(Math.abs(right - left - extent[0])).toBeLessThan(0.5);
      expect(Math.abs(bottom - top - extent[1])).toBeLessThan(0.5);
    }
    expect([...compared.keys()].sort()).toEqual([...waymoCameras.slice(0, 5)].sort());
    expect([...compared.values()].reduce((a, b) => a + b)).toBeGreaterThan(40);
  });
});

/** The boxes around objects that Waymo's own camera model projected (`projected_lidar_labels`, field 9 of a `Frame`). */
function projectedLabels(frame: Uint8Array) {
  const fields = (bytes: Uint8Array) => {
    const reader = protobuf.Reader.create(bytes);
    const found: Array<{ readonly number: number; readonly value: Uint8Array | number }> = [];
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      const wire = tag & 7;
      const value =
        wire === 2 ? reader.bytes() : wire === 1 ? reader.double() : Number(reader.int64().toString());
      found.push({ number: tag >>> 3, value });
    }
    return found;
  };
  const all = (bytes: Uint8Array, number: number) =>
    fields(bytes).flatMap((field) => (field.number === number ? [field.value] : []));
  return (all(frame, 9) as Uint8Array[]).flatMap((ofCamera) => {
    const [camera] = all(ofCamera, 1) as number[];
    return (all(ofCamera, 2) as Uint8Array[]).map((label) => {
      const [box] = all(label, 1) as Uint8Array[];
      const number = (which: number) => (all(box, which) as number[])[0];
      const id = Buffer.from((all(label, 4) as Uint8Array[])[0]).toString();
      // In a picture, a box is as long as it reaches across, and as wide as it reaches down.
      return { camera, id, center: [number(1), number(2)], extent: [number(5), number(4)] };
    });
  });
}
