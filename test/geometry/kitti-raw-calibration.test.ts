import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createCamera } from '../../src/datasets/scenes/scene-camera.ts';
import { InputError } from '../../src/engine/input-error.ts';
import {
  type KittiCalibration,
  parseKittiCalibration,
  pixelFromLidar,
} from '../../src/geometry/kitti-calibration.ts';
import {
  formatKittiRawCalibration,
  type KittiRawCalibrationFiles,
  parseKittiRawCalibration,
  parseKittiRawTransform,
} from '../../src/geometry/kitti-raw-calibration.ts';
import { transformPoint } from '../../src/geometry/matrix.ts';
import { describeWithRealData } from '../real-data.ts';

/** The rectifications of the other cameras mirror, so that using one of them shows. */
const CAM_TO_CAM = [
  'calib_time: 09-Jan-2012 13:57:47',
  'corner_dist: 9.950000e-02',
  'S_00: 1.392000e+03 5.120000e+02',
  'R_rect_00: 0.96 0.28 0 -0.28 0.96 0 0 0 1',
  'P_rect_00: 700 0 600 0 0 700 180 0 0 0 1 0',
  'R_rect_01: -1 0 0 0 1 0 0 0 1',
  'P_rect_01: 700 0 600 -380 0 700 180 0 0 0 1 0',
  'R_rect_02: -1 0 0 0 1 0 0 0 1',
  'P_rect_02: 700 0 600 45 0 700 180 0.2 0 0 1 0.003',
  'P_rect_03: 700 0 600 -330 0 700 180 2.2 0 0 1 0.003',
  '',
].join('\n');
const VELO_TO_CAM = 'calib_time: 15-Mar-2012\nR: 0 -1 0 0 0 -1 1 0 0\nT: 0.1 -0.08 -0.27\ndelta_f: 0 0\n';
const IMU_TO_VELO = 'R: 1 0 0 0 1 0 0 0 1\nT: -0.8 0.32 -0.8\n';
const files = { camToCam: 'a/cam.txt', veloToCam: 'a/velo.txt', imuToVelo: 'a/imu.txt' };
const texts = { camToCam: CAM_TO_CAM, veloToCam: VELO_TO_CAM, imuToVelo: IMU_TO_VELO };
const read = (changed: Partial<KittiRawCalibrationFiles> = {}) =>
  parseKittiRawCalibration({ ...texts, ...changed }, { files });

describe('parseKittiRawCalibration', () => {
  it('is the same as the object benchmark has it', () => {
    const object = parseKittiCalibration(
      [
        'P0: 700 0 600 0 0 700 180 0 0 0 1 0',
        'P1: 700 0 600 -380 0 700 180 0 0 0 1 0',
        'P2: 700 0 600 45 0 700 180 0.2 0 0 1 0.003',
        'P3: 700 0 600 -330 0 700 180 2.2 0 0 1 0.003',
        'R0_rect: 0.96 0.28 0 -0.28 0.96 0 0 0 1',
        'Tr_velo_to_cam: 0 -1 0 0.1 0 0 -1 -0.08 1 0 0 -0.27',
        'Tr_imu_to_velo: 1 0 0 -0.8 0 1 0 0.32 0 0 1 -0.8',
      ].join('\n'),
    );
    expect(read()).toEqual(object);
    expect(read({ camToCam: CAM_TO_CAM.split('\n').reverse().join('\r\n') })).toEqual(object);
  });

  it('does without the inertial unit', () => {
    const { lidarFromImu, ...rest } = read();
    expect(lidarFromImu).toBeDefined();
    expect(read({ imuToVelo: undefined })).toEqual(rest);
  });

  it('demands of the projections that of its camera alone', () => {
    const lines = CAM_TO_CAM.split('\n');
    const others = (camera: number) =>
      lines.filter((line) => !/^P_rect/.test(line) || line[8] === String(camera));
    expect(read({ camToCam: others(2).join('\n') }).p2).toEqual(read().p2);
    const zeros = lines.map((line) =>
      /^P_rect_0[013]/.test(line) ? `${line.slice(0, 9)}: ${'0 '.repeat(12)}` : line,
    );
    expect(read({ camToCam: zeros.join('\n') })).toEqual({
      ...read(),
      p0: undefined,
      p1: undefined,
      p3: undefined,
    });
    const right = { ...texts, camToCam: others(3).join('\n') };
    expect(parseKittiRawCalibration(right, { camera: 3 }).p3).toEqual(read().p3);
    expect(() => parseKittiRawCalibration(right, { files })).toThrow(
      /P_rect_02: expected 12 values, found no such key/,
    );
  });

  it('brings a point to the pixels that the chain gives', () => {
    // The LiDAR's (10, 1, 2) is (-0.9, -2.08, 9.73) before camera 0, and turned by the rectification of camera 0.
    const [x, y, z] = [0.96 * -0.9 + 0.28 * -2.08, -0.28 * -0.9 + 0.96 * -2.08, 9.73];
    const [u, v, w] = transformPoint(pixelFromLidar(read(), 2), [10, 1, 2]);
    expect(w).toBeCloseTo(z + 0.003, 9);
    expect(u).toBeCloseTo(700 * x + 600 * z + 45, 9);
    expect(v).toBeCloseTo(700 * y + 180 * z + 0.2, 9);
  });

  it.each<[string, Partial<KittiRawCalibrationFiles>, string, string]>([
    ['a missing projection', { camToCam: CAM_TO_CAM.replace('P_rect_02', 'P_rect_2') }, 'cam', 'P_rect_02'],
    ['a missing rectification', { camToCam: CAM_TO_CAM.replace('R_rect_00', 'R_00') }, 'cam', 'R_rect_00'],
    ['too few values', { camToCam: CAM_TO_CAM.replace('-0.28 0.96', '-0.28') }, 'cam', 'line 4, R_rect_00'],
    ['a word', { camToCam: CAM_TO_CAM.replace('0 600 45', '0 600 4S') }, 'cam', 'line 9, P_rect_02, value 4'],
    ['a mirror', { camToCam: CAM_TO_CAM.replace('0 0 1\nP', '0 0 -1\nP') }, 'cam', 'line 4, R_rect_00'],
    ['a key twice', { camToCam: `${CAM_TO_CAM}R_rect_00: 1` }, 'cam', 'line 11, R_rect_00'],
    ['no shift', { veloToCam: VELO_TO_CAM.replace('T:', 't:') }, 'velo', 'T'],
    ['a shift of four', { veloToCam: VELO_TO_CAM.replace('-0.27', '-0.27 1') }, 'velo', 'line 3, T'],
    ['a scaling', { imuToVelo: IMU_TO_VELO.replace('R: 1', 'R: 1.1') }, 'imu', 'line 1, R'],
    ['nothing', { imuToVelo: '' }, 'imu', 'R'],
  ])('refuses %s and says where', (_, changed, file, place) => {
    let caught: unknown;
    try {
      read(changed);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(InputError);
    expect((caught as InputError).fault).toMatchObject({ file: `a/${file}.txt`, place });
  });

  it('reads a transform by itself', () => {
    expect(parseKittiRawTransform(VELO_TO_CAM)).toEqual(read().cameraFromLidar);
    expect(() => parseKittiRawTransform('R: 1')).toThrow(/^KITTI raw calibration: line 1, R: expected 9/);
  });
});

describeWithRealData('the calibration of a raw date', 'kitti-raw/2011_09_26', (folder) => {
  const text = (name: string) => readFileSync(`${folder}/calib_${name}.txt`, 'utf8');

  describeWithRealData('and of its tracking sequence', 'kitti-tracking/training/calib/0000.txt', (file) => {
    it('are the same', () => {
      const raw = parseKittiRawCalibration({
        camToCam: text('cam_to_cam'),
        veloToCam: text('velo_to_cam'),
        imuToVelo: text('imu_to_velo'),
      });
      const tracking = parseKittiCalibration(readFileSync(file, 'utf8'), { file });
      expect(Object.keys(raw).sort()).toEqual(Object.keys(tracking).sort());
      for (const key of Object.keys(tracking) as Array<keyof KittiCalibration>) {
        expect([...raw[key]!], key).toEqual([...tracking[key]!]);
      }
    });
  });
});

it('a calibration is written as it is read', () => {
  const { calibration } = createCamera(620, 188);
  const texts = formatKittiRawCalibration(calibration);
  expect(parseKittiRawCalibration(texts)).toEqual(calibration);
  expect(() => formatKittiRawCalibration({ ...calibration, lidarFromImu: undefined })).toThrow(RangeError);
});
