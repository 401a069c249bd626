import { beforeAll, describe, expect, test } from 'vitest';
import { type DriveFrame, openDrive } from '../../../../src/datasets/scenes/drives/render-drive.ts';
import { type Box3, pointInBox } from '../../../../src/geometry/box.ts';
import { type Matrix44, multiply44, transformPoints } from '../../../../src/geometry/matrix.ts';
import { inverseRigid } from '../../../../src/geometry/rigid-transform.ts';
import { nearestNeighbors } from '../../../../src/pointcloud/nearest-neighbors.ts';

const options = { imageSize: { width: 310, height: 94 }, scanner: { beams: 64, steps: 1800 } };
/** Drive 4 of seed 0 follows a car in a suburb and brakes behind it. */
const index = 4;
let drive: ReturnType<typeof openDrive>;
const frames = new Map<number, DriveFrame>();

beforeAll(() => {
  drive = openDrive(0, index, options);
  for (const frame of [0, 6]) frames.set(frame, drive.frame(frame));
}, 120_000);

function xyz(points: Float32Array, keep: (x: number, y: number, z: number) => boolean): Float32Array {
  const kept: number[] = [];
  for (let i = 0; i < points.length; i += 4)
    if (keep(points[i], points[i + 1], points[i + 2])) kept.push(...points.subarray(i, i + 3));
  return Float32Array.from(kept);
}

function medianDistance(queries: Float32Array, points: Float32Array): number {
  const { squaredDistances } = nearestNeighbors(points, queries, { count: 1 });
  return Math.sqrt(squaredDistances.toSorted()[squaredDistances.length >> 1]);
}

function grown(box: Box3, marginM: number): Box3 {
  const [length, width, height] = box.sizeM;
  return { ...box, sizeM: [length + 2 * marginM, width + 2 * marginM, height + 2 * marginM] };
}

/** Points of a frame in a box, in the box's own frame. */
function inside(frame: DriveFrame, box: Box3): Float32Array {
  const [cos, sin] = [Math.cos(box.yaw), Math.sin(box.yaw)];
  const points = xyz(
    frame.points,
    (x, y, z) => pointInBox(grown(box, 0.1), x, y, z) && z > box.center[2] - 0.6,
  );
  for (let i = 0; i < points.length; i += 3) {
    const [dx, dy] = [points[i] - box.center[0], points[i + 1] - box.center[1]];
    points[i] = cos * dx + sin * dy;
    points[i + 1] = cos * dy - sin * dx;
    points[i + 2] -= box.center[2];
  }
  return points;
}

describe('two frames of a drive', () => {
  test('agree on what stands when the own motion is undone, and not before', () => {
    const [from, to] = [frames.get(0)!, frames.get(6)!];
    const toFromWorld = inverseRigid(to.worldFromLidar);
    const boxesOf = ({ worldFromLidar }: DriveFrame, timeS: number): Box3[] =>
      drive.drive.objects.flatMap((object) => {
        const pose = object.moves ? object.poseAt(timeS) : undefined;
        if (pose === undefined) return [];
        const m = inverseRigid(worldFromLidar);
        const at = (row: number): number =>
          m[row] * pose.x + m[row + 1] * pose.y + m[row + 2] * (pose.z + 1) + m[row + 3];
        return [{ center: [at(0), at(4), at(8)], sizeM: [8, 8, 5], yaw: 0 } as const];
      });
    // What rises from the ground, is near enough to be sampled densely, and does not move.
    const standing = (frame: DriveFrame, timeS: number): Float32Array => {
      const boxes = boxesOf(frame, timeS);
      return xyz(
        frame.points,
        (x, y, z) => z > -1.1 && Math.hypot(x, y) < 22 && !boxes.some((box) => pointInBox(box, x, y, z)),
      );
    };
    const [first, second] = [standing(from, 0), xyz(to.points, () => true)];
    expect(first.length / 3).toBeGreaterThan(3000);
    const moved = transformPoints(multiply44(toFromWorld, from.worldFromLidar), first, 3);
    expect(medianDistance(moved, second)).toBeLessThan(0.06);
    expect(medianDistance(first, second)).toBeGreaterThan(0.15);
  });

  test('name the same objects by the same tracks, whose points go with their boxes', () => {
    const [from, to] = [frames.get(0)!, frames.get(6)!];
    let compared = 0;
    for (const label of from.labels) {
      if (label.trackId === undefined || label.box3 === undefined) continue;
      const object = drive.drive.objects[label.trackId];
      expect(object.body.type).toBe(label.type);
      const again = to.labels.find(({ trackId }) => trackId === label.trackId)?.box3;
      if (again === undefined || !object.moves || label.type === 'Pedestrian') continue;
      expect(again.sizeM).toEqual(label.box3.sizeM);
      // In the world: seen from a car that follows it, it hardly moves.
      const [before, after] = [object.poseAt(0)!, object.poseAt(0.6)!];
      const way = Math.hypot(after.x - before.x, after.y - before.y);
      const [a, b] = [inside(from, label.box3), inside(to, again)];
      if (Math.min(a.length, b.length) < 3 * 150 || way < 1) continue;
      expect(medianDistance(a, b)).toBeLessThan(0.1);
      compared++;
    }
    expect(compared).toBeGreaterThan(0);
    const tracks = from.labels.map(({ trackId }) => trackId).filter((trackId) => trackId !== undefined);
    expect(new Set(tracks).size).toBe(tracks.length);
    for (const { type, trackId } of from.labels) expect(trackId === undefined).toBe(type === 'DontCare');
  });

  test('have the middles of boxes inside their image boxes', () => {
    const { labels, camera } = frames.get(0)!;
    const pixel = (m: Matrix44, [x, y, z]: readonly number[]): [number, number] => {
      const row = (r: number): number => m[r] * x + m[r + 1] * y + m[r + 2] * z + m[r + 3];
      return [row(0) / row(8), row(4) / row(8)];
    };
    let checked = 0;
    for (const { box2, box3, occlusion, truncation, type } of labels) {
      if (box3 === undefined || occlusion > 0 || truncation > 0 || type === 'DontCare') continue;
      const [u, v] = pixel(camera.pixelFromLidar, box3.center);
      expect(u).toBeGreaterThan(box2[0]);
      expect(u).toBeLessThan(box2[2]);
      expect(v).toBeGreaterThan(box2[1]);
      expect(v).toBeLessThan(box2[3]);
      checked++;
    }
    expect(checked).toBeGreaterThan(2);
  });
});

test('a frame is the same whatever was made before it', () => {
  const other = openDrive(0, index, options);
  const again = other.frame(6);
  const first = frames.get(6)!;
  expect(again.points).toEqual(first.points);
  expect(again.image.data).toEqual(first.image.data);
  expect(again.labels).toEqual(first.labels);
}, 120_000);
