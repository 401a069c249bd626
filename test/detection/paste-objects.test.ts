import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PointFrame } from '../../src/datasets/frame.ts';
import { Stopwatch } from '../../src/datasets/stopwatch.ts';
import { pasteObjects } from '../../src/detection/paste-objects.ts';
import { pointSample } from '../../src/detection/point-sample.ts';
import { point3dSource } from '../../src/detection/point3d-source.ts';
import { Random } from '../../src/engine/random.ts';
import { type Box3, pointInBox } from '../../src/geometry/box.ts';
import { smallScenes } from '../datasets/scenes/small-scenes.ts';
import { tinyDetector } from '../training/detection/tiny-detector.ts';
import { car, frameWithCars, labelOf } from './cars.ts';

const options = { classes: ['Car'], most: 10, leastPoints: 5, inImage: false };

/** A street that lies at one height, with cars of 80 points whose bottoms are on it. */
function street(seed: number, height: number, boxes: readonly Box3[]): PointFrame {
  const frame = frameWithCars(seed, [...boxes]);
  const ground: number[] = [];
  for (let x = 1; x < 40; x++) for (let y = -12; y <= 12; y++) ground.push(x, y, height, 0.1);
  // The 300 points of the synthetic frame are left out: they lie anywhere.
  return { ...frame, points: Float32Array.from([...ground, ...frame.points.slice(1200)]) };
}

const standing = (x: number, y: number, height: number, yaw = 0) => car([x, y, height + 0.75], yaw);

function inside(points: Float32Array, box: Box3): number[][] {
  const rows = Array.from({ length: points.length / 4 }, (_, i) => [...points.subarray(4 * i, 4 * i + 4)]);
  return rows.filter(([x, y, z]) => pointInBox(box, x, y, z));
}

describe('pasting objects', () => {
  it('puts them where they were as seen from above, on the ground that is there, with their points', () => {
    const here = street(1, -1.7, [standing(8, 6, -1.7)]);
    const there = street(2, -1.2, [standing(20, -5, -1.2, 0.3)]);
    const { points, labels } = pasteObjects(here, [there], Random.fromSeed(0), options);
    expect(labels).toHaveLength(2);
    const { box3 } = labels![1];
    expect(box3!.center[0]).toBe(20);
    expect(box3!.center[1]).toBe(-5);
    expect(box3!.center[2]).toBeCloseTo(-1.7 + 0.75, 5);
    expect(box3!.yaw).toBe(0.3);
    const before = inside(there.points, there.labels![0].box3!);
    const after = inside(points, box3!);
    expect(after).toHaveLength(before.length);
    before.forEach(([x, y, z, reflectance], i) => {
      expect(after[i][0]).toBe(x);
      expect(after[i][1]).toBe(y);
      expect(after[i][2]).toBeCloseTo(z - 0.5, 5);
      expect(after[i][3]).toBe(reflectance);
    });
    // What was here is as it was.
    expect(inside(points, here.labels![0].box3!)).toEqual(inside(here.points, here.labels![0].box3!));
  });

  it('clears away what lay in the way, the ground beneath a margin included', () => {
    const here = street(1, -1.7, []);
    const there = street(2, -1.7, [standing(20, -5, -1.7)]);
    const { points } = pasteObjects(here, [there], Random.fromSeed(0), options);
    const grounds = inside(points, car([20, -5, -1.7], 0)).filter(([, , z]) => z === Math.fround(-1.7));
    expect(grounds).toEqual([]);
    expect(points.length).toBeLessThan(here.points.length + 4 * 81);
  });

  it('leaves out what meets a labelled box, or another that was pasted', () => {
    const here = street(1, -1.7, [standing(8, 6, -1.7)]);
    // Half a metre beside the one, 0.1 m beside it, and on it; and two on one another.
    const boxes = [standing(8, 8.2, -1.7), standing(8, 4.2, -1.7), standing(9, 6, -1.7)];
    const other = street(3, -1.7, [standing(8.4, 8.3, -1.7)]);
    const { labels } = pasteObjects(here, [street(2, -1.7, boxes), other], Random.fromSeed(0), options);
    const kept = labels!.slice(1).map(({ box3 }) => box3!.center.slice(0, 2));
    expect(kept).toHaveLength(1);
    expect([[8, 8.2].join(), [8.4, 8.3].join()]).toContain(kept[0].join());
  });

  it('also keeps away from what is labelled as another class', () => {
    const here = { ...street(1, -1.7, []), labels: [labelOf('Van', standing(20, -5, -1.7))] };
    const there = street(2, -1.7, [standing(20, -4, -1.7)]);
    expect(pasteObjects(here, [there], Random.fromSeed(0), options)).toBe(here);
  });

  it('takes at most so many, with so many points, and in the picture alone', () => {
    const boxes = [5, 11, 17, 23].map((x) => standing(x, 0, -1.7));
    const there = street(2, -1.7, boxes);
    const here = street(1, -1.7, []);
    const count = (changes: Partial<typeof options>) =>
      pasteObjects(here, [there], Random.fromSeed(0), { ...options, ...changes }).labels!.length;
    expect(count({})).toBe(4);
    expect(count({ most: 3 })).toBe(3);
    expect(count({ leastPoints: 200 })).toBe(0);
    expect(count({ classes: ['Pedestrian'] })).toBe(0);
    const behind = street(2, -1.7, [standing(20, 0, -1.7)]);
    const turned = behind.labels!.map((label) => ({ ...label, box3: standing(-20, 0, -1.7) }));
    const points = behind.points.map((value, i) => (i % 4 === 0 && i >= 4 * 975 ? value - 40 : value));
    const backwards = { ...behind, points, labels: turned };
    const of = (inImage: boolean) =>
      pasteObjects(here, [backwards], Random.fromSeed(0), { ...options, inImage }).labels!.length;
    expect([of(false), of(true)]).toEqual([1, 0]);
  });
});

describe('samples of a detector that pastes', () => {
  const paste = ['point3d.paste={"frames":2,"most":6,"leastPoints":5}'];
  const configOf = (settings: readonly string[]) => {
    const config = tinyDetector('point3d', settings);
    if (config.detector !== 'point3d') throw new Error('another detector');
    return config.point3d;
  };

  it('have more objects, the same for the same numbers, and none where it only looks', async () => {
    const root = await mkdtemp(join(tmpdir(), 'paste-'));
    try {
      await smallScenes(root, { count: 4, heldOut: 1 });
      const of = async (settings: readonly string[], training: boolean) => {
        const source = await point3dSource({ data: { root, training }, config: configOf(settings) });
        return source.sample(0, Random.fromSeed('sample'), 0, new Stopwatch());
      };
      const positives = ({ targets }: Awaited<ReturnType<typeof of>>) =>
        targets!.classes.filter((value) => value > 0).length;
      const [plain, pasted, again] = [await of([], true), await of(paste, true), await of(paste, true)];
      expect(positives(pasted)).toBeGreaterThan(positives(plain));
      expect(again).toEqual(pasted);
      expect((await of(paste, false)).points).toEqual((await of([], false)).points);
    } finally {
      await rm(root, { recursive: true });
    }
  });

  it('are those of one frame alone where there is no other', () => {
    const frame = frameWithCars(1);
    const config = configOf(paste);
    expect(pasteObjects(frame, [], Random.fromSeed(0), options)).toBe(frame);
    expect(pointSample(frame, Random.fromSeed(0), { config, training: true }).points.length).toBeGreaterThan(
      0,
    );
  });
});
