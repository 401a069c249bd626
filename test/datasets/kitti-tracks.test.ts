import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseKittiLabels } from '../../src/datasets/kitti-labels.ts';
import { formatKittiTracks, parseKittiTracks } from '../../src/datasets/kitti-tracks.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { describeWithRealData } from '../real-data.ts';

/** The camera looks along the LiDAR's x axis from 1 m below, 2 m left of and 3 m behind it. */
const rectFromLidar = Float64Array.of(0, -1, 0, 2, 0, 0, -1, -1, 1, 0, 0, 3, 0, 0, 0, 1);
const CAR = 'Car 0 1 -1.50 100.00 120.50 200.00 180.25 1.50 1.60 4.00 2.00 1.00 20.00 0.30';
const NONE = 'DontCare -1 -1 -10.0 219.3 188.4 245.5 218.5 -1000.0 -1000.0 -1000.0 -10.0 -1.0 -1.0 -1.0';

function faultOf(text: string): InputError['fault'] {
  try {
    parseKittiTracks(text, { file: '0000.txt', rectFromLidar });
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).fault;
  }
  throw new Error(`${text} was taken`);
}

describe('parseKittiTracks', () => {
  const parse = (text: string) => parseKittiTracks(text, { rectFromLidar });

  test('sorts the objects of a file by frame and gives them their track', () => {
    const frames = parse(`0 -1 ${NONE}\n0 -1 ${NONE}\n0 4 ${CAR}\n\n7 4 ${CAR}\r\n0 0 ${CAR}\n`);
    expect([...frames.keys()]).toEqual([0, 7]);
    const [none, other, first, second] = frames.get(0)!;
    expect('trackId' in none).toBe(false);
    expect(other).toEqual(none);
    expect([none.type, none.box3]).toEqual(['DontCare', undefined]);
    const [object] = parseKittiLabels(CAR, { rectFromLidar });
    expect(first).toEqual({ ...object, trackId: 4 });
    expect(second).toEqual({ ...object, trackId: 0 });
    expect(frames.get(7)).toEqual([first]);
    expect(parse('\n').size).toBe(0);
  });

  test('reads truncation levels and scores', () => {
    for (const level of [-1, 0, 1, 2]) {
      const [car] = parse(`3 1 ${CAR.replace('Car 0', `Car ${level}`)} 0.75`).get(3)!;
      expect([car.truncation, car.score]).toEqual([level, 0.75]);
    }
  });

  test.each<[string, string, string, string]>([
    ['no frame', `x 1 ${CAR}`, 'column 1 (frame)', '"x"'],
    ['a frame before the first', `-1 1 ${CAR}`, 'column 1 (frame)', '"-1"'],
    ['half a frame', `0.5 1 ${CAR}`, 'column 1 (frame)', '"0.5"'],
    ['no track', `0 a ${CAR}`, 'column 2 (track_id)', '"a"'],
    ['a track of -2', `0 -2 ${CAR}`, 'column 2 (track_id)', '"-2"'],
    ['a track twice in a frame', `5 3 ${CAR}`, 'column 2 (track_id)', '"3"'],
    ['a type that is a number', `0 1 ${CAR.replace('Car', '7')}`, 'column 3 (type)', '"7"'],
    ['a fraction', `0 1 ${CAR.replace('Car 0', 'Car 0.25')}`, 'column 4 (truncated)', '"0.25"'],
    ['a level of 3', `0 1 ${CAR.replace('Car 0', 'Car 3')}`, 'column 4 (truncated)', '"3"'],
    ['an occlusion of 4', `0 1 ${CAR.replace('Car 0 1', 'Car 0 4')}`, 'column 5 (occluded)', '"4"'],
    ['no height', `0 1 ${CAR.replace('1.50 1.60', '0 1.60')}`, 'column 11 (height)', '"0"'],
    ['a score that is none', `0 1 ${CAR} high`, 'column 18 (score)', '"high"'],
  ])('refuses %s and says where', (_, line, place, found) => {
    expect(faultOf(`5 3 ${CAR}\n${line}\n`)).toMatchObject({
      file: '0000.txt',
      place: `line 2, ${place}`,
      found,
    });
  });

  test('refuses object labels and other numbers of columns', () => {
    for (const line of [CAR, `${CAR} 0.5`, `0 1 ${CAR} 0.5 1`, '0']) {
      const fault = faultOf(`0 1 ${CAR}\n${line}`);
      expect([fault.place, fault.expected]).toEqual(['line 2', '17 columns, or 18 with a score']);
    }
  });
});

describeWithRealData('a real tracking file', 'kitti-tracking/training/label_02/0000.txt', (file) => {
  test('is read to the last line', () => {
    const text = readFileSync(file, 'utf8');
    const frames = parseKittiTracks(text, { file, rectFromLidar });
    const labels = [...frames.values()].flat();
    expect(labels.length).toBe(text.trim().split('\n').length);
    expect(frames.get(0)!.map(({ type, trackId }) => [type, trackId])).toEqual([
      ['DontCare', undefined],
      ['DontCare', undefined],
      ['Van', 0],
      ['Cyclist', 1],
      ['Pedestrian', 2],
    ]);
    for (const { type, trackId, box3 } of labels) {
      expect(trackId === undefined).toBe(type === 'DontCare');
      expect(box3 === undefined).toBe(type === 'DontCare');
    }
  });
});

describe('formatKittiTracks', () => {
  test('writes what parseKittiTracks reads, with the level of a truncation', () => {
    const [object] = parseKittiLabels(CAR, { rectFromLidar });
    const [none] = parseKittiLabels(NONE, { rectFromLidar });
    const labels = [
      { ...object, truncation: 0.1, trackId: 4 },
      { ...object, truncation: 0.2, trackId: 5 },
      { ...object, truncation: 0.6, trackId: 6 },
      none,
    ];
    const text = formatKittiTracks(12, labels, { rectFromLidar });
    const lines = text.split('\n').map((line) => line.split(' '));
    expect(lines.map((fields) => fields.length)).toEqual([17, 17, 17, 17, 1]);
    expect(lines.slice(0, 4).map((fields) => fields.slice(0, 4).join(' '))).toEqual([
      '12 4 Car 0',
      '12 5 Car 1',
      '12 6 Car 2',
      '12 -1 DontCare -1',
    ]);
    const read = parseKittiTracks(text, { rectFromLidar }).get(12)!;
    expect(read.map(({ trackId }) => trackId)).toEqual([4, 5, 6, undefined]);
    for (const [k, v] of read[1].box3!.center.entries()) expect(v).toBeCloseTo(object.box3!.center[k], 3);
    expect(read[1].box3!.yaw).toBeCloseTo(object.box3!.yaw, 3);
  });
});
