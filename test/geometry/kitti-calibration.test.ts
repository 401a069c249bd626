import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatKittiCalibration,
  type KittiCalibration,
  parseKittiCalibration,
  pixelFromLidar,
  rectFromLidar,
} from '../../src/geometry/kitti-calibration.ts';
import { identity44, transformPoint } from '../../src/geometry/matrix.ts';
import { describeWithRealData } from '../real-data.ts';

const OBJECT_LINES = [
  'P0: 700 0 600 0 0 700 180 0 0 0 1 0',
  'P1: 700 0 600 -380 0 700 180 0 0 0 1 0',
  'P2: 700 0 600 45 0 700 180 0.2 0 0 1 0.003',
  'P3: 700 0 600 -330 0 700 180 2.2 0 0 1 0.003',
  'R0_rect: 0.96 0.28 0 -0.28 0.96 0 0 0 1',
  'Tr_velo_to_cam: 0 -1 0 0.1 0 0 -1 -0.08 1 0 0 -0.27',
  'Tr_imu_to_velo: 1 0 0 -0.8 0 1 0 0.32 0 0 1 -0.8',
];

const text = (lines: readonly string[] = OBJECT_LINES) => `${lines.join('\n')}\n\n`;
const without = (key: string) => text(OBJECT_LINES.filter((line) => !line.startsWith(key)));
const instead = (key: string, line: string) =>
  text(OBJECT_LINES.map((before) => (before.startsWith(key) ? line : before)));
const read = (content: string) => parseKittiCalibration(content, { file: 'calib/000007.txt' });

describe('parseKittiCalibration', () => {
  it('reads the object format', () => {
    const calibration = read(text());
    expect([...calibration.p2]).toEqual([700, 0, 600, 45, 0, 700, 180, 0.2, 0, 0, 1, 0.003]);
    expect(calibration.p0![3]).toBe(0);
    expect(calibration.p1![3]).toBe(-380);
    expect(calibration.p3![3]).toBe(-330);
    const rotation = [0.96, 0.28, 0, 0, -0.28, 0.96, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    expect([...calibration.rectFromCamera]).toEqual(rotation);
    expect([...calibration.cameraFromLidar]).toEqual([
      0, -1, 0, 0.1, 0, 0, -1, -0.08, 1, 0, 0, -0.27, 0, 0, 0, 1,
    ]);
    expect(calibration.lidarFromImu?.[7]).toBe(0.32);
  });

  it('goes by keys, whatever the order, the line ends and the blanks', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(OBJECT_LINES, { minLength: OBJECT_LINES.length }),
        fc.constantFrom('\n', '\r\n', '\n\n  \n'),
        fc.boolean(),
        (lines, end, colons) => {
          const content = lines.map((line) => ` ${colons ? line : line.replace(':', ' ')}\t`).join(end);
          expect(read(content)).toEqual(read(text()));
        },
      ),
      { numRuns: 30 },
    );
  });

  it('leaves other keys aside and does without the inertial unit', () => {
    const content = `calib_time: 09-Jan-2012 13:57:47\n${without('Tr_imu_to_velo')}`;
    const { lidarFromImu, ...rest } = read(text());
    expect(lidarFromImu).toBeDefined();
    expect(read(content)).toEqual(rest);
  });

  it.each<[string, (line: string) => string]>([
    ['a blank before the colon', (line) => line.replace(':', ' :')],
    ['none after it', (line) => line.replace(': ', ':')],
    ['a tab before it and none after it', (line) => line.replace(': ', '\t:')],
  ])('reads keys with %s', (_, change) => {
    expect(read(text(OBJECT_LINES.map(change)))).toEqual(read(text()));
  });

  it('reads matrices without their padding to four rows and columns', () => {
    const padded = OBJECT_LINES.map((line) =>
      line.startsWith('R0_rect')
        ? 'R0_rect: 0.96 0.28 0 0 -0.28 0.96 0 0 0 0 1 0 0 0 0 1'
        : `${line} 0.0 0.000e+00 0 1.0`,
    );
    expect(read(text(padded))).toEqual(read(text()));
    const wide = instead('R0_rect', 'R0_rect: 0.96 0.28 0 0 -0.28 0.96 0 0 0 0 1 0');
    expect(read(wide)).toEqual(read(text()));
  });

  it.each<[string, (key: string) => string | undefined]>([
    ['missing', () => undefined],
    ['empty', (key) => `${key}:`],
    ['zeros', (key) => `${key}: ${'0.000000000000e+00 '.repeat(12)}`],
    ['short', (key) => `${key}: 1 2 3`],
    ['words', (key) => `${key}: ${'nan '.repeat(12)}`],
    ['there twice', (key) => `${key}: 1\n${key}: 2`],
  ])('demands of the projections that of its camera alone: the others may be %s', (_, other) => {
    for (const camera of [2, 3] as const) {
      const needed = [`P${camera}`, 'R0_rect', 'Tr_velo_to_cam'];
      const lines = OBJECT_LINES.flatMap((line) => {
        const [key] = line.split(':');
        return needed.includes(key) ? line : (other(key) ?? []);
      });
      const calibration = parseKittiCalibration(text(lines), { camera });
      const { rectFromCamera, cameraFromLidar, p2, p3 } = read(text());
      expect(calibration).toEqual({ rectFromCamera, cameraFromLidar, ...(camera === 2 ? { p2 } : { p3 }) });
      expect(pixelFromLidar(calibration, camera)).toEqual(pixelFromLidar(read(text()), camera));
      expect(() => pixelFromLidar(calibration, 0)).toThrow(RangeError);
      expect(parseKittiCalibration(formatKittiCalibration(calibration), { camera })).toEqual(calibration);
    }
  });

  it('asks for the projection of another camera where that one is meant', () => {
    expect(() => parseKittiCalibration(without('P3'), { camera: 3 })).toThrow(
      /P3: expected 12 values, found no such key/,
    );
    expect(parseKittiCalibration(without('P2'), { camera: 3 }).p3[3]).toBe(-330);
  });

  it('takes the names of the tracking benchmark', () => {
    const content = text()
      .replace('R0_rect:', 'R_rect')
      .replace('Tr_velo_to_cam:', 'Tr_velo_cam')
      .replace('Tr_imu_to_velo:', 'Tr_imu_velo');
    expect(read(content)).toEqual(read(text()));
  });

  it("takes odometry's Tr as leading into the rectified frame", () => {
    const lines = OBJECT_LINES.filter((line) => /^P/.test(line));
    const calibration = read(text([...lines, 'Tr: 0 -1 0 0.1 0 0 -1 -0.08 1 0 0 -0.27']));
    expect(calibration.rectFromCamera).toEqual(identity44());
    expect(rectFromLidar(calibration)).toEqual(read(text()).cameraFromLidar);
    expect(calibration.lidarFromImu).toBeUndefined();
  });

  it.each<[string, string, RegExp]>([
    ['a missing projection', without('P2'), /^calib\/000007.txt: P2: expected 12 values, found no such key/],
    ['a missing rectification', without('R0_rect'), /R0_rect: expected 9 values, found no such key/],
    ['a missing extrinsic', without('Tr_velo'), /Tr_velo_to_cam: expected 12 values, found no such key/],
    ['an empty file', '', /P2: .*no such key/],
    ['too few values', instead('P2', 'P2: 1 2 3'), /line 3, P2: expected 12 values, found 3/],
    [
      'too many values',
      instead('R0_rect', `${OBJECT_LINES[4]} 0`),
      /line 5, R0_rect: expected 9 values, found 10/,
    ],
    ['a word', instead('P2', OBJECT_LINES[2].replace('600', '6OO')), /line 3, P2, value 3: .*"6OO"/],
    ['nan', instead('P2', OBJECT_LINES[2].replace('600', 'nan')), /line 3, P2, value 3: .*"nan"/],
    ['a hidden infinity', instead('P2', OBJECT_LINES[2].replace('600', '1e999')), /value 3: .*"1e999"/],
    ['an empty projection', instead('P2', 'P2:'), /line 3, P2: expected 12 values, found 0/],
    [
      'a projection of zeros',
      instead('P2', `P2: ${'0 '.repeat(12)}`),
      /line 3, P2: expected a projection, found zeros/,
    ],
    [
      'an empty extrinsic',
      instead('Tr_velo', 'Tr_velo_to_cam:'),
      /line 6, Tr_velo_to_cam: expected 12 values, found 0/,
    ],
    [
      'a second colon',
      instead('P2', OBJECT_LINES[2].replace(':', '::')),
      /line 3, P2: expected 12 values, found 13/,
    ],
    [
      'a last row that is no padding',
      instead('P2', `${OBJECT_LINES[2]} 0 0 0 2`),
      /line 3, P2: expected 12 values, or 16 with a last row of 0 0 0 1, found one of 0 0 0 2/,
    ],
    [
      'a rectification that shifts',
      instead('R0_rect', 'R0_rect: 0.96 0.28 0 0.5 -0.28 0.96 0 0 0 0 1 0 0 0 0 1'),
      /line 5, R0_rect: expected 9 values, or 16 with a last column of 0 0 0, found one of 0.5 0 0/,
    ],
    [
      'a key twice',
      `${text()}P2: 700 0 600 45 0 700 180 0.2 0 0 1 0.003`,
      /P2: expected the key once, found it on line 3/,
    ],
    ['a key under two names', `${text()}R_rect 1 0 0 0 1 0 0 0 1`, /R_rect: expected the key once, .*line 5/],
    ['a line without a key', `${text()}1 2 3`, /line 9: expected a key, found "1"/],
    [
      'a rotation that scales',
      instead('R0_rect', 'R0_rect: 2 0 0 0 2 0 0 0 2'),
      /line 5, R0_rect: expected a rotation/,
    ],
    ['a rotation that mirrors', instead('R0_rect', 'R0_rect: 1 0 0 0 1 0 0 0 -1'), /determinant -1/],
    [
      'a rotation of zeros',
      instead('Tr_velo', `Tr_velo_to_cam: ${'0 '.repeat(12)}`),
      /Tr_velo_to_cam: expected a rotation/,
    ],
  ])('refuses %s and says where', (_, content, message) => {
    expect(() => read(content)).toThrow(message);
  });
});

describe('formatKittiCalibration', () => {
  it('writes what is read back, with all 13 digits', () => {
    const value = fc.double({ min: -1000, max: 1000, noNaN: true }).map((x) => Number(x.toExponential(12)));
    const row12 = fc
      .array(value, { minLength: 12, maxLength: 12 })
      .map((values) => Float64Array.from(values));
    fc.assert(
      fc.property(row12, row12, row12, row12, fc.boolean(), (p0, p1, p2, p3, withImu) => {
        const { lidarFromImu, ...base } = read(text());
        const calibration: KittiCalibration = {
          ...base,
          p0,
          p1,
          p2,
          p3,
          ...(withImu ? { lidarFromImu } : {}),
        };
        expect(read(formatKittiCalibration(calibration))).toEqual(calibration);
      }),
      { numRuns: 50 },
    );
  });

  it('spells numbers as the published files do', () => {
    expect(formatKittiCalibration(read(text())).split('\n')[2]).toBe(
      'P2: 7.000000000000e+02 0.000000000000e+00 6.000000000000e+02 4.500000000000e+01 ' +
        '0.000000000000e+00 7.000000000000e+02 1.800000000000e+02 2.000000000000e-01 ' +
        '0.000000000000e+00 0.000000000000e+00 1.000000000000e+00 3.000000000000e-03',
    );
  });
});

describe('the way to pixels', () => {
  it('is P · R0_rect · Tr_velo_to_cam', () => {
    const calibration = read(text());
    const camera = transformPoint(calibration.cameraFromLidar, [20, 3, -1]);
    const rect = transformPoint(calibration.rectFromCamera, camera);
    for (const k of [0, 1, 2, 3] as const) {
      const p = [calibration.p0, calibration.p1, calibration.p2, calibration.p3][k];
      const found = transformPoint(pixelFromLidar(calibration, k), [20, 3, -1]);
      transformPoint(p!, rect).forEach((value, at) => {
        expect(found[at]).toBeCloseTo(value, 9);
      });
    }
    expect(pixelFromLidar(calibration)).toEqual(pixelFromLidar(calibration, 2));
  });
});

describeWithRealData('published object calibrations', 'kitti-object/training/calib', (folder) => {
  it.each(readdirSync(folder))('come out as they went in: %s', (name) => {
    const content = readFileSync(`${folder}/${name}`, 'utf8');
    const calibration = parseKittiCalibration(content, { file: name });
    expect(formatKittiCalibration(calibration).trim()).toBe(content.trim());
  });
});

describeWithRealData(
  'the calibration of a tracking sequence',
  'kitti-tracking/training/calib/0000.txt',
  (file) => {
    it('is that of its object frames', () => {
      const calibration = parseKittiCalibration(readFileSync(file, 'utf8'), { file });
      expect(calibration.lidarFromImu).toBeDefined();
      const [u, v, w] = transformPoint(pixelFromLidar(calibration), [30, 0, 0]);
      expect(w).toBeGreaterThan(29);
      expect(Math.hypot(u / w - calibration.p2[2], v / w - calibration.p2[6])).toBeLessThan(50);
    });
  },
);

describeWithRealData('the calibration of an odometry sequence', 'kitti-odometry/calib-00.txt', (file) => {
  it('looks ahead with the camera near the LiDAR', () => {
    const calibration = parseKittiCalibration(readFileSync(file, 'utf8'), { file });
    expect(calibration.rectFromCamera).toEqual(identity44());
    const [u, v, w] = transformPoint(pixelFromLidar(calibration), [30, 0, 0]);
    expect(w).toBeCloseTo(29.7, 1);
    expect(Math.hypot(u / w - calibration.p2[2], v / w - calibration.p2[6])).toBeLessThan(50);
    expect(parseKittiCalibration(formatKittiCalibration(calibration))).toEqual(
      expect.objectContaining({ p2: calibration.p2 }),
    );
  });
});
