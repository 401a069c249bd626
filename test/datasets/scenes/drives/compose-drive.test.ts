import { beforeAll, describe, expect, test } from 'vitest';
import { composeDrive, type Drive } from '../../../../src/datasets/scenes/drives/compose-drive.ts';
import { boxAt, velocityAt } from '../../../../src/datasets/scenes/drives/drive-object.ts';
import { type Manoeuvre, manoeuvreOf, manoeuvres } from '../../../../src/datasets/scenes/drives/manoeuvre.ts';
import { wrapAngle } from '../../../../src/geometry/angle.ts';
import type { Box3 } from '../../../../src/geometry/box.ts';
import { birdsEyeIou } from '../../../../src/geometry/box-overlap.ts';

const times = Array.from({ length: 40 }, (_, frame) => frame / 10);
const late = Array.from({ length: 33 }, (_, i) => 4 + i / 2);
const drives: Drive[] = [];

beforeAll(() => {
  for (let drive = 0; drive < 8; drive++) drives.push(composeDrive(0, drive));
}, 300_000);

/** Along and across the street, to some millimetres, found by bisection of nearness. */
function alongAndAcross(drive: Drive, x: number, y: number): { s: number; t: number } {
  let s = 0;
  for (let step = 64; step > 1e-4; step /= 2)
    for (const sign of [-1, 1]) {
      const far = (at: number): number => {
        const p = drive.street.point(at, 0);
        return Math.hypot(p.x - x, p.y - y);
      };
      while (Math.abs(s + sign * step) < 320 && far(s + sign * step) < far(s)) s += sign * step;
    }
  const p = drive.street.point(s, 0);
  return { s, t: -(x - p.x) * Math.sin(p.heading) + (y - p.y) * Math.cos(p.heading) };
}

/** Speed along the heading, heading, and place across the street, from the poses alone. */
function egoOf(drive: Drive) {
  return times.map((timeS) => {
    const [a, m, b] = [timeS - 0.02, timeS, timeS + 0.02].map((t) => drive.worldFromLidarAt(t));
    const heading = Math.atan2(m[4], m[0]);
    const speed = ((b[3] - a[3]) * Math.cos(heading) + (b[7] - a[7]) * Math.sin(heading)) / 0.04;
    return { speed, heading, ...alongAndAcross(drive, m[3], m[7]) };
  });
}

const byManoeuvre = (manoeuvre: Manoeuvre): ReturnType<typeof egoOf> =>
  egoOf(drives.find((drive) => drive.manoeuvre === manoeuvre)!);

describe('the own car of eight drives', () => {
  test('does each manoeuvre once, in an order of the seed', () => {
    expect(drives.map(({ manoeuvre }) => manoeuvre).sort()).toEqual([...manoeuvres].sort());
    const other = manoeuvres.map((_, drive) => manoeuvreOf(1, drive));
    expect(other).not.toEqual(drives.map(({ manoeuvre }) => manoeuvre));
    expect([...other].sort()).toEqual([...manoeuvres].sort());
  });

  test('pulls away from a stand', () => {
    const ego = byManoeuvre('pull away');
    expect(Math.abs(ego[0].speed)).toBeLessThan(0.02);
    expect(ego[39].speed).toBeGreaterThan(4);
  });

  test.each(['stop', 'follow'] as const)('comes to a stand: %s', (manoeuvre) => {
    const ego = byManoeuvre(manoeuvre);
    expect(ego[0].speed).toBeGreaterThan(6);
    expect(Math.min(...ego.map(({ speed }) => speed))).toBeLessThan(2.5);
    if (manoeuvre === 'stop') expect(ego[39].speed).toBeLessThan(0.3);
    for (const { speed } of ego) expect(speed).toBeGreaterThan(-0.01);
  });

  test('changes lanes and looks ahead again', () => {
    const ego = byManoeuvre('change lanes');
    const { laneM } = drives.find(({ manoeuvre }) => manoeuvre === 'change lanes')!.street;
    expect(Math.abs(ego[39].t - ego[0].t)).toBeGreaterThan(0.85 * laneM);
    expect(Math.max(...ego.map(({ t }) => t))).toBeLessThan(0);
  });

  test('reverses', () => {
    const ego = byManoeuvre('reverse');
    expect(Math.min(...ego.map(({ speed }) => speed))).toBeLessThan(-1.2);
    expect(ego[30].s - ego[0].s).toBeLessThan(-2.5);
  });

  test.each([
    ['turn right', -1],
    ['turn left', 1],
  ] as const)('takes a corner: %s', (manoeuvre, sign) => {
    const ego = byManoeuvre(manoeuvre);
    const turned = ego.slice(1).reduce((sum, { heading }, i) => sum + wrapAngle(heading - ego[i].heading), 0);
    expect(sign * turned).toBeGreaterThan(1.4);
    expect(sign * turned).toBeLessThan(1.75);
  });

  test('follows a bend, in its lane', () => {
    const ego = byManoeuvre('bend');
    const turned = Math.abs(wrapAngle(ego[39].heading - ego[0].heading));
    expect(turned).toBeGreaterThan(0.18);
    expect(Math.abs(ego[39].t - ego[0].t)).toBeLessThan(0.05);
  });

  test('moves steadily: no jumps of place, no more than brakes and tyres can do', () => {
    for (const drive of drives) {
      const ego = egoOf(drive);
      ego.slice(1).forEach(({ speed, heading }, i) => {
        expect(Math.abs(speed - ego[i].speed) / 0.1).toBeLessThan(6.5);
        const rate = wrapAngle(heading - ego[i].heading) / 0.1;
        expect(Math.abs(rate * speed)).toBeLessThan(6);
      });
    }
  });

  test('stands on the road with its wheels', () => {
    for (const drive of drives)
      for (const timeS of times) {
        const m = drive.worldFromLidarAt(timeS);
        const caster = drive.caster();
        expect(caster.cast(m[3], m[7], m[11], 0, 0, -1, 5)).toBe(true);
        expect(Math.abs(caster.hit.distance - 1.73)).toBeLessThan(0.05);
      }
  });
});

describe('the traffic of eight drives', () => {
  test('has everything there is to follow', () => {
    const found = new Set<string>();
    for (const drive of drives)
      for (const object of drive.objects) {
        const { type } = object.body;
        if (!object.moves) {
          found.add(`${type} stands`);
          continue;
        }
        const places = times.map((timeS) => object.poseAt(timeS));
        const [from, to] = [places[0], places[39]];
        if (from === undefined || to === undefined) continue;
        const speeds = times.map((timeS) => Math.hypot(...(velocityAt(object, timeS) ?? [0, 0, 0])));
        const [a, b] = [alongAndAcross(drive, from.x, from.y), alongAndAcross(drive, to.x, to.y)];
        if (a.t * b.t < 0 && type === 'Pedestrian') found.add('Pedestrian crosses');
        found.add(`${type} ${b.s > a.s ? 'ahead' : 'towards'}`);
        if (speeds[0] > 5 && Math.min(...speeds) < 0.1) found.add(`${type} halts`);
        if (speeds[0] < 0.1 && Math.max(...speeds) > 1) found.add(`${type} starts`);
      }
    for (const each of ['Car ahead', 'Car towards', 'Car halts', 'Car stands', 'Cyclist ahead'])
      expect(found).toContain(each);
    for (const each of ['Pedestrian ahead', 'Pedestrian towards', 'Pedestrian crosses', 'Pedestrian stands'])
      expect(found).toContain(each);
  });

  test('is nowhere inside other traffic or the own car', () => {
    const area = ({ sizeM }: Box3): number => sizeM[0] * sizeM[1];
    let pairs = 0;
    for (const drive of drives)
      for (const timeS of [...times, ...late]) {
        const m = drive.worldFromLidarAt(timeS);
        const own: Box3 = {
          center: [m[3], m[7], m[11] - 1],
          sizeM: [4.6, 1.8, 1.5],
          yaw: Math.atan2(m[4], m[0]),
        };
        const boxes = drive.objects.flatMap((object) => {
          const pose = object.poseAt(timeS);
          return pose === undefined ? [] : [{ box: boxAt(object.body, pose), moves: object.moves }];
        });
        boxes.push({ box: own, moves: true });
        for (const [i, a] of boxes.entries())
          for (const b of boxes.slice(0, i)) {
            if (!a.moves && !b.moves) continue;
            const reach = a.box.sizeM[0] + b.box.sizeM[0];
            if (Math.abs(a.box.center[0] - b.box.center[0]) > reach) continue;
            pairs++;
            const overlap = birdsEyeIou(a.box, b.box) * (area(a.box) + area(b.box));
            // Between the times at which the generator looks a corner may be grazed.
            if (overlap > 0.005) expect.fail(`${drive.manoeuvre} at ${timeS} s: ${JSON.stringify([a, b])}`);
          }
      }
    expect(pairs).toBeGreaterThan(1000);
  });

  test('moves as fast as it is said to move', () => {
    let checked = 0;
    for (const drive of drives)
      for (const object of drive.objects)
        for (const timeS of object.moves ? times : []) {
          const [a, b] = [object.poseAt(timeS), object.poseAt(timeS + 0.1)];
          const [va, vb] = [velocityAt(object, timeS), velocityAt(object, timeS + 0.1)];
          if (!a || !b || !va || !vb) continue;
          // Mean of the velocities at both ends; what is left is half a millimetre a step of changing acceleration, or a kerb.
          expect(Math.abs(b.x - a.x - 0.05 * (va[0] + vb[0]))).toBeLessThan(0.1);
          expect(Math.abs(b.y - a.y - 0.05 * (va[1] + vb[1]))).toBeLessThan(0.1);
          checked++;
        }
    expect(checked).toBeGreaterThan(3000);
  });

  test('stands on the ground, vehicles with their wheels and people with their shoes', () => {
    const misses: { [type: string]: number[] } = {};
    for (const drive of drives)
      for (const object of drive.objects)
        for (const timeS of object.moves ? [0, 2, 3.9] : []) {
          const pose = object.poseAt(timeS);
          const ego = drive.worldFromLidarAt(timeS);
          if (pose === undefined || Math.hypot(pose.x - ego[3], pose.y - ego[7]) > 80) continue;
          const caster = drive.caster();
          // From above the knee: branches and wires are higher.
          if (!caster.cast(pose.x, pose.y, pose.z + 0.5, 0, 0, -1, 2)) expect.fail('no ground');
          const { type } = object.body;
          misses[type] = [...(misses[type] ?? []), caster.hit.distance - 0.5];
          const { box } = object.body;
          expect(Math.abs(box.center[2] - box.sizeM[2] / 2)).toBeLessThan(0.06);
        }
    const within = (values: number[], metres: number): number =>
      values.filter((value) => Math.abs(value) < metres).length / values.length;
    expect(misses.Car.length).toBeGreaterThan(60);
    expect(within(misses.Car, 0.03)).toBe(1);
    expect(within(misses.Cyclist, 0.05)).toBeGreaterThan(0.95);
    // Some walk over a kerb or a side street's edge at that moment, or over a tuft of grass.
    expect(within(misses.Pedestrian, 0.06)).toBeGreaterThan(0.9);
  });
});
