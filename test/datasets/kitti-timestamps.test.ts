import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  formatKittiTimestamp,
  parseKittiTimestamps,
  secondsBetween,
} from '../../src/datasets/kitti-timestamps.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { describeWithRealData } from '../real-data.ts';

const A = '2011-09-26 13:04:32.335337762';
const B = '2011-09-26 13:04:32.438625628';

function faultOf(text: string): InputError['fault'] {
  try {
    parseKittiTimestamps(text, { file: 'timestamps.txt' });
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).fault;
  }
  throw new Error(`${text} was taken`);
}

describe('parseKittiTimestamps', () => {
  test('keeps nanoseconds', () => {
    const [a, b, ...rest] = parseKittiTimestamps(`${A}\n${B}\n`);
    expect(rest).toEqual([]);
    expect(a).toBe(BigInt(Date.UTC(2011, 8, 26, 13, 4, 32)) * 1_000_000n + 335_337_762n);
    expect(secondsBetween(a!, b!)).toBe(0.103287866);
    expect(secondsBetween(b!, a!)).toBe(-0.103287866);
    const midnight = parseKittiTimestamps('2011-09-30 23:59:59.999999999\n2011-10-01 00:00:00.000000000');
    expect(midnight[1]! - midnight[0]!).toBe(1n);
  });

  test('an empty line is an unknown time and moves no other', () => {
    const [a, b] = parseKittiTimestamps(`${A}\n${B}`);
    expect(parseKittiTimestamps(`\n${A}\n\n  \n${B}\n`)).toEqual([undefined, a, undefined, undefined, b]);
    expect(parseKittiTimestamps(`${A}\r\n\r\n${B}\r\n\r\n\r\n`)).toEqual([a, undefined, b]);
    expect(parseKittiTimestamps('')).toEqual([]);
    expect(parseKittiTimestamps('\n\n')).toEqual([]);
  });

  test.each([
    'soon',
    '2011-09-26',
    '2011-09-26T13:04:32.335337762',
    '2011-09-26 13:04:32.33533776',
    '2011-09-26 13:04:32.3353377620',
    '2011-09-26 13:04:32',
    '2011-09-26 13:04:60.335337762',
    '2011-09-26 24:00:00.000000000',
    '2011-02-29 13:04:32.335337762',
    '2011-13-26 13:04:32.335337762',
    `${A} ${B}`,
    '1317042272335337762',
  ])('refuses %s and names the line', (line) => {
    const fault = faultOf(`${A}\n\n${line}\n${B}\n`);
    expect(fault).toMatchObject({ file: 'timestamps.txt', place: 'line 3' });
    expect(fault.found).toContain(line.slice(0, 10));
  });
});

describeWithRealData('real timestamps', 'kitti-raw/2011_09_26', (date) => {
  test.each(['image_02', 'oxts', 'velodyne_points'])('of %s are 10 a second', (part) => {
    const file = `${date}/2011_09_26_drive_0005_sync/${part}/timestamps.txt`;
    const times = parseKittiTimestamps(readFileSync(file, 'utf8'), { file });
    expect(times.length).toBe(154);
    const steps = times.slice(1).map((time, i) => secondsBetween(times[i]!, time!));
    for (const step of steps) expect(Math.abs(step - 0.1033)).toBeLessThan(0.02);
  });
});

test('a time is written as it is read', () => {
  const time = BigInt(Date.UTC(2026, 2, 1, 8, 0, 7)) * 1_000_000n + 4_000_012n;
  expect(formatKittiTimestamp(time)).toBe('2026-03-01 08:00:07.004000012');
  expect(parseKittiTimestamps(`${formatKittiTimestamp(time)}\n`)).toEqual([time]);
});
