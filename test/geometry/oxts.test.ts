import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { compose, identity44, type Matrix44, multiply44, transformPoint } from '../../src/geometry/matrix.ts';
import {
  interpolatePose,
  type OxtsRecord,
  oxtsFromWorld,
  parseOxts,
  type TimedPose,
  worldFromOxts,
} from '../../src/geometry/oxts.ts';
import { inverseRigid, rigidTransform, rotationZ, translation } from '../../src/geometry/rigid-transform.ts';
import { describeWithRealData } from '../real-data.ts';

const LINE = ['49.01', '8.42', '112.8', '0.02', '1e-05', '-1.22', ...Array(24).fill('0')].join(' ');
const origin: OxtsRecord = { latitudeDeg: 49, longitudeDeg: 8, altitudeM: 100, roll: 0, pitch: 0, yaw: 0 };

function expectClose(a: Matrix44 | undefined, b: Matrix44, tolerance = 1e-9): void {
  expect(a).toBeDefined();
  a!.forEach((value, i) => {
    expect(Math.abs(value - b[i]), `entry ${i}: ${value} and ${b[i]}`).toBeLessThan(tolerance);
  });
}

function faultOf(text: string): InputError['fault'] {
  try {
    parseOxts(text, { file: '7.txt' });
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).fault;
  }
  throw new Error(`${text} was taken`);
}

describe('parseOxts', () => {
  it('takes the first six of thirty numbers', () => {
    const record = {
      latitudeDeg: 49.01,
      longitudeDeg: 8.42,
      altitudeM: 112.8,
      roll: 0.02,
      pitch: 1e-5,
      yaw: -1.22,
    };
    expect(parseOxts(LINE)).toEqual(record);
    expect(parseOxts(`\r\n ${LINE} \r\n\r\n`)).toEqual(record);
  });

  it.each<[string, string, string | undefined]>([
    ['nothing', '\n', undefined],
    ['two lines', `${LINE}\n${LINE}`, undefined],
    ['29 numbers', LINE.slice(0, -2), 'line 1'],
    ['31 numbers', `\n${LINE} 0`, 'line 2'],
    ['a word', LINE.replace('112.8', 'high'), 'line 1, value 3'],
    ['not a number', LINE.replace('-1.22', 'nan'), 'line 1, value 6'],
    ['a pole', LINE.replace('49.01', '90'), 'line 1, value 1'],
    ['a longitude round the earth', LINE.replace('8.42', '188.42'), 'line 1, value 2'],
    ['an angle in degrees', LINE.replace('-1.22', '-70'), 'line 1, value 6'],
  ])('refuses %s', (_, text, place) => {
    const fault = faultOf(text);
    expect(fault.file).toBe('7.txt');
    expect(fault.place).toBe(place);
  });
});

describe('worldFromOxts', () => {
  it('is the identity at its origin', () => {
    expectClose(worldFromOxts(origin, origin), identity44(), 1e-15);
  });

  it('has x east, y north, z up, in metres', () => {
    const metresADegree = (Math.PI / 180) * 6378137;
    const at = (changed: Partial<OxtsRecord>) =>
      transformPoint(worldFromOxts({ ...origin, ...changed }, origin), [0, 0, 0]);
    const [east, north, up] = [
      at({ longitudeDeg: 8.001 }),
      at({ latitudeDeg: 49.001 }),
      at({ altitudeM: 103 }),
    ];
    expect(east[0]).toBeCloseTo(0.001 * metresADegree * Math.cos((49 * Math.PI) / 180), 6);
    expect(east.slice(1)).toEqual([0, 0]);
    // Mercator stretches north as it does east, so that near its origin metres are metres.
    expect(Math.abs(north[1] / (0.001 * metresADegree) - 1)).toBeLessThan(2e-5);
    expect([north[0], north[2]]).toEqual([0, 0]);
    expect(up).toEqual([0, 0, 3]);
    const west = transformPoint(
      worldFromOxts({ ...origin, longitudeDeg: -179.999 }, { ...origin, longitudeDeg: 179.999 }),
      [0, 0, 0],
    );
    expect(west[0]).toBeCloseTo(2 * east[0], 3);
  });

  it('turns by roll, then pitch, then yaw', () => {
    const [roll, pitch, yaw] = [0.3, -0.5, 2];
    const [cr, sr, cp, sp] = [Math.cos(roll), Math.sin(roll), Math.cos(pitch), Math.sin(pitch)];
    const expected = compose(
      rotationZ(yaw),
      rigidTransform([cp, 0, sp, 0, 1, 0, -sp, 0, cp]),
      rigidTransform([1, 0, 0, 0, cr, -sr, 0, sr, cr]),
    );
    expectClose(worldFromOxts({ ...origin, roll, pitch, yaw }, origin), expected, 1e-12);
    // A yaw of 90 degrees looks north; a positive pitch looks down; a positive roll lifts the left side.
    const forward = (changed: Partial<OxtsRecord>) =>
      transformPoint(worldFromOxts({ ...origin, ...changed }, origin), [1, 0, 0]);
    expect(forward({ yaw: Math.PI / 2 })[1]).toBeCloseTo(1, 12);
    expect(forward({ pitch: 0.1 })[2]).toBeLessThan(0);
    const left = transformPoint(worldFromOxts({ ...origin, roll: 0.1 }, origin), [0, 1, 0]);
    expect(left[2]).toBeGreaterThan(0);
  });
});

describe('interpolatePose', () => {
  // Spread evenly, unlike doubles, so that each way to a quaternion is taken.
  const angle = fc.integer({ min: -314, max: 314 }).map((value) => value / 100);
  const anyRotation = fc
    .tuple(angle, angle, angle)
    .map(([roll, pitch, yaw]) => worldFromOxts({ ...origin, roll, pitch, yaw }, origin));
  /** Turns about a fixed axis and goes straight on, both at a constant rate. */
  const steady = (start: Matrix44, rate: number, timeS: number): Matrix44 =>
    compose(translation(7 * timeS, -2 * timeS, timeS), start, rotationZ(rate * timeS));
  const samples = (times: readonly number[], pose: (timeS: number) => Matrix44): TimedPose[] =>
    times.map((timeS) => ({ timeS, pose: pose(timeS) }));

  it('is exact for a steady motion, between poses and a little beyond', () => {
    fc.assert(
      fc.property(
        anyRotation,
        fc.double({ min: -3, max: 3, noNaN: true }),
        fc.double({ min: -0.2, max: 1.1, noNaN: true }),
        (start, rate, timeS) => {
          const poses = samples([0, 0.1, 0.3, 0.9], (t) => steady(start, rate, t));
          expectClose(interpolatePose(poses, timeS), steady(start, rate, timeS), 1e-6);
        },
      ),
    );
  });

  it('takes the short way between any two rotations, at a constant rate', () => {
    fc.assert(
      fc.property(anyRotation, anyRotation, (a, b) => {
        const poses = [
          { timeS: 0, pose: a },
          { timeS: 1, pose: b },
        ];
        const [first, second] = [0.5, 1].map((timeS) => {
          const to = interpolatePose(poses, timeS)!;
          return multiply44(inverseRigid(interpolatePose(poses, timeS - 0.5)!), to);
        });
        // Both halves are one and the same turn, of at most 90 degrees.
        expectClose(first, second, 1e-6);
        expect(first[0] + first[5] + first[10]).toBeGreaterThan(1 - 1e-6);
      }),
    );
  });

  it('gives the poses themselves at their times, as copies', () => {
    const poses = samples([0, 0.1], (t) => steady(identity44(), 1, t));
    const found = interpolatePose(poses, 0.1)!;
    expect(found).toEqual(poses[1].pose);
    found[0] = 7;
    expect(poses[1].pose[0]).not.toBe(7);
    expect(interpolatePose([poses[0]], 0)).toEqual(poses[0].pose);
  });

  it('does not go far beyond the poses, nor over gaps', () => {
    const at = (timeS: number) =>
      interpolatePose(
        samples([0, 0.5, 1.5, 1.6, 2.7, 2.8], (t) => translation(t, 0, 0)),
        timeS,
      )?.[3];
    expect(at(-0.21)).toBeUndefined();
    expect(at(-0.19)).toBeCloseTo(-0.19, 9);
    // A gap of a second is bridged, one of 1.1 s is not; near its ends the poses before and after go on.
    expect(at(1)).toBeCloseTo(1, 9);
    expect(at(2.15)).toBeUndefined();
    expect(at(1.75)).toBeCloseTo(1.75, 9);
    expect(at(2.6)).toBeCloseTo(2.6, 9);
    expect(at(2.99)).toBeCloseTo(2.99, 9);
    expect(at(3.01)).toBeUndefined();
    const poses = samples([0, 0.5, 1.5], (t) => translation(t, 0, 0));
    expect(interpolatePose(poses, 1, { maxGapS: 0.9 })).toBeUndefined();
    expect(interpolatePose(poses, 0.7, { maxGapS: 0.9 })?.[3]).toBeCloseTo(0.7, 9);
    expect(interpolatePose(poses, 1.6, { maxExtrapolationS: 0 })).toBeUndefined();
    expect(interpolatePose(poses.slice(0, 1), 0.01)).toBeUndefined();
    expect(interpolatePose([], 0)).toBeUndefined();
    // Within reach of both sides of a gap, the nearer one counts.
    const jump = samples([0, 0.1, 0.4, 0.5], (t) => translation(t < 0.2 ? t : 10 + t, 0, 0));
    expect(interpolatePose(jump, 0.2, { maxGapS: 0.2 })?.[3]).toBeCloseTo(0.2, 9);
    expect(interpolatePose(jump, 0.3, { maxGapS: 0.2 })?.[3]).toBeCloseTo(10.3, 9);
  });
});

describeWithRealData('real OXTS records', 'kitti-raw/2011_09_26', (date) => {
  it('move as fast as they say they do, the way that they look', () => {
    const folder = `${date}/2011_09_26_drive_0005_sync/oxts/data`;
    const names = readdirSync(folder).sort();
    const lines = names.map((name) => readFileSync(`${folder}/${name}`, 'utf8'));
    const records = lines.map((line, i) => parseOxts(line, { file: names[i] }));
    const poses = records.map((record) => worldFromOxts(record, records[0]));
    const speeds = lines.map((line) => Number(line.split(' ')[8]));
    let travelled = 0;
    for (let i = 1; i < poses.length; i++) {
      const [x, y] = transformPoint(multiply44(inverseRigid(poses[i - 1]), poses[i]), [0, 0, 0]);
      travelled += x;
      expect(Math.abs(y)).toBeLessThan(0.1);
    }
    // Records are some 0.103 s apart. In this drive, positions and speeds of the unit disagree by 3 %.
    const told = speeds.slice(1).reduce((sum, speed) => sum + 0.1033 * speed, 0);
    expect(told).toBeGreaterThan(50);
    expect(Math.abs(travelled / told - 1)).toBeLessThan(0.05);
  });
});

describe('oxtsFromWorld', () => {
  it('undoes worldFromOxts', () => {
    const origin = { latitudeDeg: 49, longitudeDeg: 8.4, altitudeM: 112, roll: 0, pitch: 0, yaw: 0 };
    const record = {
      latitudeDeg: 49.002,
      longitudeDeg: 8.397,
      altitudeM: 115.5,
      roll: 0.03,
      pitch: -0.05,
      yaw: 2.9,
    };
    const again = oxtsFromWorld(worldFromOxts(record, origin), origin);
    for (const key of Object.keys(record) as Array<keyof typeof record>)
      expect(again[key]).toBeCloseTo(record[key], 10);
  });
});
