import { expect, test } from 'vitest';
import type { Drive } from '../../../../src/datasets/scenes/drives/compose-drive.ts';
import type { DriveObject } from '../../../../src/datasets/scenes/drives/drive-object.ts';
import { firingTimeS, scanTurn } from '../../../../src/datasets/scenes/drives/scan-turn.ts';
import { MaterialTable, plain } from '../../../../src/datasets/scenes/materials.ts';
import { Mesh } from '../../../../src/datasets/scenes/mesh.ts';
import { RayCaster } from '../../../../src/datasets/scenes/ray-caster.ts';
import { Random } from '../../../../src/engine/random.ts';
import type { Matrix44 } from '../../../../src/geometry/matrix.ts';
import { rigidTransform, rotationZyx } from '../../../../src/geometry/rigid-transform.ts';

const scanner = { beams: 32, steps: 900 };

/** A world of a bright wall and what moves. */
function world(
  wall: (mesh: Mesh) => void,
  worldFromLidarAt: (timeS: number) => Matrix44,
  objects: readonly DriveObject[] = [],
): Drive {
  const table = new MaterialTable();
  table.add(plain([1, 1, 1], 1));
  const materials = table.pack();
  const mesh = new Mesh();
  wall(mesh);
  const caster = new RayCaster(mesh, materials);
  const shapes = objects.map(({ body }) => new RayCaster(body.shapes[0], materials));
  const drive: Partial<Drive> = {
    materials,
    mesh,
    objects,
    caster: () => caster,
    shapeCaster: (object) => shapes[object],
    worldFromLidarAt,
  };
  return drive as Drive;
}

function scan(drive: Drive, timeS: number, rolling: boolean): Float32Array {
  const random = Random.fromSeed('scan');
  return scanTurn(drive, timeS, {
    scanner,
    rolling,
    device: random.fork('device'),
    noise: random.fork('noise'),
  });
}

/** Seconds after the middle of the turn, by the direction of a point: a tenth of a second a turn, ahead at the middle. */
const timeOf = (x: number, y: number): number => (Math.atan2(y, x) / (2 * Math.PI)) * 0.1;

const rowsOf = (points: Float32Array): Array<readonly [x: number, y: number, z: number]> =>
  Array.from({ length: points.length / 4 }, (_, i) => [points[4 * i], points[4 * i + 1], points[4 * i + 2]]);

test('a turn begins and ends looking back, and looks ahead at its middle', () => {
  expect(firingTimeS(0, 1000)).toBeCloseTo(0.00005, 9);
  expect(firingTimeS(249, 1000)).toBeCloseTo(0.02495, 9);
  expect(firingTimeS(499, 1000)).toBeCloseTo(0.04995, 9);
  expect(firingTimeS(500, 1000)).toBeCloseTo(-0.04995, 9);
  expect(firingTimeS(999, 1000)).toBeCloseTo(-0.00005, 9);
});

test.each([true, false])('a wall that stands is bent by driving towards it: rolling %s', (rolling) => {
  const speed = 25;
  const drive = world(
    (mesh) => mesh.quad([30, -60, -9], [30, 60, -9], [30, 60, 9], [30, -60, 9]),
    (timeS) => rigidTransform([1, 0, 0, 0, 1, 0, 0, 0, 1], [speed * timeS, 0, 0]),
  );
  const points = rowsOf(scan(drive, 0.2, rolling));
  expect(points.length).toBeGreaterThan(4000);
  const misses = points.map(([x, y]) => x - (30 - speed * (0.2 + (rolling ? timeOf(x, y) : 0))));
  // The scanner's own errors of range: 8 mm for each beam, 5 cm at most for each pulse.
  expect(Math.max(...misses.map(Math.abs))).toBeLessThan(0.09);
  // With the wrong time of either kind the ends of the wall would be off by 0.4 m.
  const bent = points.map(([x, y]) => Math.abs(speed * timeOf(x, y)));
  expect(Math.max(...bent)).toBeGreaterThan(0.35);
});

test('a wall is bent by turning before it', () => {
  const rate = 0.6;
  const drive = world(
    (mesh) => mesh.quad([30, -60, -9], [30, 60, -9], [30, 60, 9], [30, -60, 9]),
    (timeS) => rigidTransform(rotationZyx(rate * timeS, 0, 0)),
  );
  for (const [x, y] of rowsOf(scan(drive, 0, true))) {
    const angle = rate * timeOf(x, y);
    expect(Math.abs(x * Math.cos(angle) - y * Math.sin(angle) - 30)).toBeLessThan(0.12);
  }
});

test.each([true, false])('what moves is where it is when it is measured: rolling %s', (rolling) => {
  const shape = new Mesh();
  shape.box(-2, -1, 0, 2, 1, 3);
  const velocity = [-4, 12] as const;
  const poseAt = (timeS: number) => ({
    x: 14 + velocity[0] * timeS,
    y: 6 + velocity[1] * timeS,
    z: -1.7,
    yaw: 0.5,
    travelledM: 0,
  });
  const body = {
    type: 'Car',
    box: { center: [0, 0, 1.5], sizeM: [4, 2, 3], yaw: 0 } as const,
    shapes: [shape],
    cycleM: Infinity,
  };
  const speed = 10;
  const drive = world(
    (mesh) => mesh.quad([90, -1, 0], [90, 1, 0], [90, 1, 1], [90, -1, 1]),
    (timeS) => rigidTransform([1, 0, 0, 0, 1, 0, 0, 0, 1], [speed * timeS, 0, 0]),
    [{ body, moves: true, poseAt }],
  );
  const points = rowsOf(scan(drive, 0.5, rolling));
  expect(points.length).toBeGreaterThan(300);
  const off = (timed: boolean): number =>
    Math.max(
      ...points.map(([x, y]) => {
        const timeS = 0.5 + (timed ? timeOf(x, y) : 0);
        const pose = poseAt(timeS);
        const [dx, dy] = [x + speed * timeS - pose.x, y - pose.y];
        const along = Math.abs(Math.cos(pose.yaw) * dx + Math.sin(pose.yaw) * dy) - 2;
        const across = Math.abs(Math.cos(pose.yaw) * dy - Math.sin(pose.yaw) * dx) - 1;
        return Math.abs(Math.max(along, across));
      }),
    );
  expect(off(rolling)).toBeLessThan(0.1);
  expect(off(!rolling)).toBeGreaterThan(0.15);
});
