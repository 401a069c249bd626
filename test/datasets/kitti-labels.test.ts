import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ObjectLabel } from '../../src/datasets/frame.ts';
import { formatKittiLabels, parseKittiLabels } from '../../src/datasets/kitti-labels.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { parseKittiCalibration, rectFromLidar } from '../../src/geometry/kitti-calibration.ts';
import { describeWithRealData } from '../real-data.ts';

/** The camera looks along the LiDAR's x axis from 1 m below, 2 m left of and 3 m behind it. */
const plainRect = Float64Array.of(0, -1, 0, 2, 0, 0, -1, -1, 1, 0, 0, 3, 0, 0, 0, 1);
const CAR = 'Car 0.10 1 -1.50 100.00 120.50 200.00 180.25 1.50 1.60 4.00 2.00 1.00 20.00 0.30';
const NONE = 'DontCare -1 -1 -10 5.00 229.89 214.12 367.61 -1 -1 -1 -1000 -1000 -1000 -10';

function faultOf(text: string): InputError['fault'] {
  try {
    parseKittiLabels(text, { file: '000001.txt', rectFromLidar: plainRect });
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).fault;
  }
  throw new Error(`${text} was taken`);
}

/** The car's line with one column replaced, below a sound line. */
function withColumn(column: number, value: string): string {
  const fields = CAR.split(' ');
  fields[column] = value;
  return `${CAR}\n${fields.join(' ')}\n`;
}

describe('parseKittiLabels', () => {
  test('reads a line and moves its box to the LiDAR frame', () => {
    const [car, none, ...rest] = parseKittiLabels(`${CAR}\n${NONE}\n`, { rectFromLidar: plainRect });
    expect(rest).toEqual([]);
    expect(car).toMatchObject({
      type: 'Car',
      truncation: 0.1,
      occlusion: 1,
      alpha: -1.5,
      box2: [100, 120.5, 200, 180.25],
    });
    expect('score' in car).toBe(false);
    // Camera x = 2 - y, y = -1 - z, z = x + 3; the centre is half a height above the bottom.
    const { center, sizeM, yaw } = car.box3!;
    expect(center.map((value) => Number(value.toFixed(9)))).toEqual([17, 0, -1.25]);
    expect(sizeM).toEqual([4, 1.6, 1.5]);
    expect(yaw).toBeCloseTo(-0.3 - Math.PI / 2, 9);
    expect(none).toMatchObject({
      type: 'DontCare',
      truncation: -1,
      occlusion: -1,
      alpha: -10,
      box3: undefined,
    });
  });

  test('reads scores, Windows line ends, blank lines, an unended last line, and nothing at all', () => {
    const parse = (text: string) => parseKittiLabels(text, { rectFromLidar: plainRect });
    expect(parse('')).toEqual([]);
    expect(parse('\n\r\n  \n')).toEqual([]);
    expect(parse(`${CAR} 0.75`)[0].score).toBe(0.75);
    expect(parse(`\r\n${CAR} -3e1\r\n${CAR}\r\n`).map(({ score }) => score)).toEqual([-30, undefined]);
    const tracking = NONE.replace('-1 -1 -1 -1000 -1000 -1000 -10', '-1000 -1000 -1000 -10 -1 -1 -1');
    expect(parse(tracking)[0].box3).toBeUndefined();
  });

  test.each<[string, string]>([
    ['zeros', '0.00 0.00 0.00 0.00 0.00 0.00 0.00'],
    ['zeros with a heading that is not known', '0 0 0 0 0 0 -10'],
    ['sizes of -1 with a location', '-1 -1 -1 2.00 1.00 20.00 0.30'],
    ['no location with sizes', '1.50 1.60 4.00 -1000 -1000 -1000 -10'],
    ['no location with sizes of 0', '0 0 0 -1000 -1000 -1000 -10'],
    ['-1 in all columns', '-1 -1 -1 -1 -1 -1 -1'],
    ["DontCare's values", '-1 -1 -1 -1000 -1000 -1000 -10'],
    ["DontCare's values in tracking labels", '-1000 -1000 -1000 -10 -1 -1 -1'],
  ])('keeps the box in the image alone of an object whose box in 3D is %s', (_, numbers) => {
    const flat = [...CAR.split(' ').slice(0, 8), ...numbers.split(' ')].join(' ');
    for (const line of [flat, `${flat} 0.5`]) {
      const [{ type, box2, box3 }, next] = parseKittiLabels(`${line}\n${CAR}`, { rectFromLidar: plainRect });
      expect([type, box2, box3]).toEqual(['Car', [100, 120.5, 200, 180.25], undefined]);
      expect(next.box3).toBeDefined();
    }
  });

  test.each([
    ['sizes of 0 with a location', '0 0 0 2 1 20 0.3', 9],
    ['one size of 0', '1.5 1.6 0 2 1 20 0.3', 11],
    ['one size of -1', '1.5 -1 4 2 1 20 0.3', 10],
  ])('refuses %s, which no label says of a box', (_, numbers, column) => {
    const line = [...CAR.split(' ').slice(0, 8), ...numbers.split(' ')].join(' ');
    expect(faultOf(line)).toMatchObject({
      place: expect.stringContaining(`line 1, column ${column} `),
      expected: 'a size above 0 m',
    });
  });

  test.each([
    ['car', 'Car'],
    ['CAR', 'Car'],
    ['pedestrian', 'Pedestrian'],
    ['person_sitting', 'Person_sitting'],
    ['Person', 'Person_sitting'],
    ['person', 'Person_sitting'],
    ['dontcare', 'DontCare'],
    ['Bus', 'Bus'],
    ['traffic_cone', 'traffic_cone'],
    ['vehicle.car/moving', 'vehicle.car/moving'],
    ['자동차', '자동차'],
  ])('takes the type %s as %s', (written, type) => {
    const [label] = parseKittiLabels(CAR.replace('Car', written), { rectFromLidar: plainRect });
    expect(label.type).toBe(type);
  });

  test.each<[string, number, string]>([
    ['a type that is a number', 0, '1.5'],
    ['a type of signs', 0, '%%'],
    ['a truncation above 1', 1, '1.01'],
    ['a truncation of -0.5', 1, '-0.5'],
    ['an occlusion of 4', 2, '4'],
    ['half an occlusion', 2, '0.5'],
    ['an angle of 100', 3, '100'],
    ['a word', 4, 'left'],
    ['a hexadecimal number', 5, '0x10'],
    ['not a number', 6, 'nan'],
    ['no end', 7, 'inf'],
    ['a huge number', 11, '1e300'],
    ['a right edge left of the left one', 6, '99.5'],
    ['a lower edge above the upper one', 7, '1'],
    ['no height', 8, '0'],
    ['a negative width', 9, '-1'],
    ['a missing length', 10, '-1'],
    ['two numbers in one', 12, '1.0.0'],
    ['a heading of 50', 14, '50'],
  ])('refuses %s and says where', (_, column, value) => {
    const names =
      'type truncated occluded alpha left top right bottom height width length x y z rotation_y'.split(' ');
    const fault = faultOf(withColumn(column, value));
    expect(fault.file).toBe('000001.txt');
    expect(fault.place).toBe(`line 2, column ${column + 1} (${names[column]})`);
    expect(fault.found).toBe(JSON.stringify(value));
  });

  test('refuses lines with too few or too many columns', () => {
    for (const line of [CAR.split(' ').slice(0, 14).join(' '), `${CAR} 1 2`, 'Car', `${CAR}${NONE}`]) {
      const fault = faultOf(`${CAR}\n${line}`);
      expect(fault.place).toBe('line 2');
      expect(fault.expected).toBe('15 columns, or 16 with a score');
    }
    expect(faultOf('0 1 Car 0 0 -1.5 1 2 3 4 1 1 4 2 1 20 0.3').found).toMatch(/^17 columns \("0 1 Car"/);
    expect(faultOf(`${CAR} 1 2 3`).found).toMatch(/^18 columns/);
  });

  test('takes any text, or says where it is wrong', () => {
    const word = fc.oneof(fc.constantFrom(...CAR.split(' '), ...NONE.split(' '), '\n', '\r\n'), fc.string());
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((words) => words.join(' ')),
        ),
        (text) => {
          try {
            parseKittiLabels(text, { rectFromLidar: plainRect });
          } catch (error) {
            expect(error).toBeInstanceOf(InputError);
            expect((error as InputError).fault.place).toMatch(/^line \d+/);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('takes a line cut anywhere, or says which column', () => {
    for (let cut = 0; cut < CAR.length; cut++) {
      const text = `${CAR}\n${CAR.slice(0, cut)}`;
      try {
        // Cut inside its last number, a line is still a line.
        expect(parseKittiLabels(text, { rectFromLidar: plainRect }).length).toBe(cut === 0 ? 1 : 2);
        expect(cut === 0 || cut > CAR.lastIndexOf(' ')).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
      }
    }
  });
});

describe('formatKittiLabels', () => {
  const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
  const labels = fc.array(
    fc
      .record({
        type: fc.constantFrom('Car', 'Person_sitting', 'DontCare', 'véhicule-2'),
        truncation: fc.oneof(fc.constant(-1), number(0, 1)),
        occlusion: fc.constantFrom(-1, 0, 1, 2, 3),
        alpha: fc.oneof(fc.constant(-10), number(-3.14, 3.14)),
        left: number(0, 1000),
        top: number(0, 300),
        extent: fc.tuple(number(0, 200), number(0, 200)),
        box3: fc.option(
          fc.record({
            center: fc.tuple(number(-80, 80), number(-80, 80), number(-5, 5)),
            sizeM: fc.tuple(number(0.1, 20), number(0.1, 5), number(0.1, 5)),
            yaw: number(-3, 3),
          }),
          { nil: undefined },
        ),
        score: number(-20, 20),
      })
      .map(
        ({ left, top, extent, ...rest }): ObjectLabel => ({
          ...rest,
          box2: [left, top, left + extent[0], top + extent[1]],
        }),
      ),
    { maxLength: 4 },
  );

  test('is undone by parseKittiLabels', () => {
    fc.assert(
      fc.property(labels, (given) => {
        const text = formatKittiLabels(given, { rectFromLidar: plainRect, withScore: true, decimals: 9 });
        const back = parseKittiLabels(text, { rectFromLidar: plainRect });
        expect(back.length).toBe(given.length);
        back.forEach((label, i) => {
          const { box3, ...flat } = given[i];
          expect([label.type, label.occlusion]).toEqual([flat.type, flat.occlusion]);
          const numbers = ({ truncation, alpha, box2, box3: box, score }: ObjectLabel) => [
            ...[truncation, alpha, ...box2, score!],
            ...(box === undefined ? [] : [...box.center, ...box.sizeM, Math.cos(box.yaw), Math.sin(box.yaw)]),
          ];
          const expected = numbers(given[i]);
          numbers(label).forEach((value, n) => {
            expect(Math.abs(value - expected[n])).toBeLessThan(1e-7);
          });
          expect(label.box3 === undefined).toBe(box3 === undefined);
        });
      }),
    );
  });

  test('has no score unless asked for, and asks for one then', () => {
    const given = parseKittiLabels(`${CAR}\n`, { rectFromLidar: plainRect });
    expect(formatKittiLabels(given, { rectFromLidar: plainRect })).toBe(`${CAR}\n`);
    expect(() => formatKittiLabels(given, { rectFromLidar: plainRect, withScore: true })).toThrow(RangeError);
    const scored = formatKittiLabels([{ ...given[0], score: 0.5 }], {
      rectFromLidar: plainRect,
      withScore: true,
      decimals: 2,
    });
    expect(scored).toBe(`${CAR} 0.500000000\n`);
  });
});

describeWithRealData('real label files', 'kitti-object/training', (folder) => {
  test('come back byte for byte, but for the sign of zero', () => {
    for (const name of readdirSync(`${folder}/label_2`)) {
      const calibration = parseKittiCalibration(readFileSync(`${folder}/calib/${name}`, 'utf8'));
      const options = { rectFromLidar: rectFromLidar(calibration) };
      const text = readFileSync(`${folder}/label_2/${name}`, 'utf8');
      const labels = parseKittiLabels(text, options);
      expect(formatKittiLabels(labels, options)).toBe(text.replaceAll(/-0\.00\b/g, '0.00'));
      for (const { type, box3 } of labels) expect(box3 === undefined).toBe(type === 'DontCare');
    }
  });
});

describeWithRealData('real result files', 'kitti-eval', (folder) => {
  test('and their labels are read to the last line', () => {
    for (const part of ['label_2', 'detections']) {
      for (const name of readdirSync(`${folder}/${part}`)) {
        const text = readFileSync(`${folder}/${part}/${name}`, 'utf8');
        const labels = parseKittiLabels(text, { file: name, rectFromLidar: plainRect });
        expect(labels.length).toBe(text.trim().split('\n').filter(Boolean).length);
        expect(labels.every(({ score }) => (score !== undefined) === (part === 'detections'))).toBe(true);
      }
    }
  });
});
