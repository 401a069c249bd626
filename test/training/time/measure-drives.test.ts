import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectLabel } from '../../../src/datasets/frame.ts';
import { prepareSequences } from '../../../src/datasets/prepared/prepare-sequences.ts';
import type { Sequence } from '../../../src/datasets/sequence.ts';
import { associationQueries, measureAssociation } from '../../../src/evaluation/association.ts';
import type { Box3 } from '../../../src/geometry/box.ts';
import { translation } from '../../../src/geometry/rigid-transform.ts';
import { cloudFromRows } from '../../../src/pointcloud/point-cloud.ts';
import { driveTable } from '../../../src/report/drive-table.ts';
import { initialState } from '../../../src/training/pretrain.ts';
import { type DriveReport, measureDrives } from '../../../src/training/time/measure-drives.ts';
import { byFeatures } from '../../../src/training/time/place-predictor.ts';
import { memorySequence, referenceTo } from '../../datasets/prepared/memory-sequences.ts';
import { tinySweepRun } from '../../objectives/tiny-sweeps.ts';
import { boxAt, carAt, type MovingBox, sweepOf } from '../../pointcloud/segments/box-world.ts';

/** A car at 9 m/s beside one that stands, a wall, and the sensor at 4 m/s. */
const boxes: readonly MovingBox[] = [
  (timeS) => carAt(12 + 9 * timeS, 3),
  () => carAt(14, -4),
  () => boxAt(18, 9, [30, 0.4, 3]),
];
const FRAMES = 12;
const poseAt = (timeS: number) => translation(4 * timeS, 0, 0);
const seenFrom = (box: Box3, timeS: number): Box3 => ({
  ...box,
  center: [box.center[0] - 4 * timeS, box.center[1], box.center[2]],
});

function labelsAt(timeS: number): ObjectLabel[] {
  return [0, 1].map((k) => ({
    ...{ type: 'Car', truncation: 0, occlusion: 0, alpha: 0, trackId: k + 1 },
    box2: [0, 0, 1, 1] as const,
    box3: seenFrom(boxes[k](timeS), timeS),
  }));
}

function drive(name: string, change: { readonly labels?: boolean; readonly times?: boolean } = {}): Sequence {
  const { labels = true, times = true } = change;
  return memorySequence({
    name,
    cameras: [],
    moments: Array.from({ length: FRAMES }, (_, k) => {
      const timeS = k / 10;
      const worldFromLidar = poseAt(timeS);
      return {
        head: { id: `${k}`, ...(times && { timeS, worldFromLidar }), notes: [] },
        cloud: cloudFromRows(sweepOf(boxes, { timeS, worldFromLidar }).points, ['x', 'y', 'z', 'intensity']),
        pictures: {},
        ...(labels && { labels: labelsAt(timeS) }),
      };
    }),
  });
}

let folder = '';
const prepared = async (name: string, sequences: readonly Sequence[]): Promise<string> => {
  const out = join(folder, name);
  const described = { path: name, options: {} };
  await prepareSequences({ source: referenceTo(sequences), described, out, workers: 0 });
  return out;
};
const run = tinySweepRun('bev-contrast-small');
const measured = (root: string) =>
  measureDrives({
    run: {
      config: run,
      data: { root },
      step: 0,
      checkpoint: '',
      state: initialState(run, { frames: 1 }),
    },
    data: { root },
    gapS: 0.3,
    randomSeeds: 1,
    say: () => {},
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drives-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('measures on drives', () => {
  let report: DriveReport;
  beforeAll(async () => {
    report = await measured(await prepared('two', [drive('a'), drive('b')]));
  }, 60_000);

  it('knows where rules take points, of what stands and of what moves', () => {
    expect([report.drives, report.moments]).toEqual([2, 2 * FRAMES]);
    const rules = report.rules!;
    expect(rules['ego motion'].standing.medianM).toBeLessThan(1e-4);
    // 9 m/s for 0.3 s.
    expect(rules['ego motion'].moving.medianM).toBeCloseTo(2.7, 3);
    expect(rules['stays before the car'].standing.medianM).toBeCloseTo(1.2, 3);
    expect(rules['followed without labels'].moving.medianM).toBeLessThan(0.2);
    expect(rules['followed without labels'].moving.medianM).toBeLessThan(
      rules['ego motion and nearest point'].moving.medianM! / 2,
    );
  });

  it('asks for the frame at the gap among those that are no nearer', () => {
    const chances = Array.from({ length: FRAMES }, (_, i) => {
      const apart = Array.from({ length: FRAMES }, (_each, j) => Math.abs(i - j)).filter((d) => d >= 3);
      return apart.filter((d) => d === 3).length / apart.length;
    });
    const chance = chances.reduce((sum, each) => sum + each) / FRAMES;
    const { trained, random } = report.points!;
    expect(trained.adjacentFrames.chance).toBeCloseTo(chance, 6);
    expect(trained.adjacentFrames.queries).toBe(2 * FRAMES);
    expect(random).toHaveLength(1);
    // Some of the twelve places of a sweep lie in the cars.
    expect(trained.sameTrack!.queries).toBeGreaterThan(0);
    expect(trained.association!.moving.points).toBe(report.rules!['ego motion'].moving.points);
  });

  it('says so in tables', () => {
    const text = driveTable(report);
    for (const part of ['24 moments of 2 drives', 'same object', 'followed without labels', 'moving, m'])
      expect(text).toContain(part);
  });

  it('does without labels, and not without times', async () => {
    const bare = await measured(await prepared('bare', [drive('a', { labels: false })]));
    expect([bare.rules, bare.points!.trained.association, bare.points!.trained.sameTrack]).toEqual([
      null,
      null,
      null,
    ]);
    expect(driveTable(bare)).toContain('no labelled tracks');
    const root = await prepared('still', [drive('a', { times: false })]);
    await expect(measured(root)).rejects.toThrow(
      'expected drives with times and poses, found prepared shards',
    );
  }, 60_000);
});

describe('following by features', () => {
  const sweeps = [0, 0.3].map((timeS) => sweepOf(boxes, { timeS, worldFromLidar: poseAt(timeS) }));
  const queries = associationQueries({ sweeps, from: 0, to: 1 }, [labelsAt(0), labelsAt(0.3)]);
  /** Every point is a place, and its features name the box that it is of. */
  const named = (nameOf: (box: number, sweep: number) => number) => (sweep: (typeof sweeps)[number]) => ({
    places: sweep.points.filter((_, i) => i % 4 < 3),
    features: Float32Array.from({ length: 4 * sweep.boxOf.length }, (_, i) =>
      nameOf(sweep.boxOf[Math.floor(i / 4)] + 1, sweeps.indexOf(sweep)) === i % 4 ? 1 : 0,
    ),
  });
  const errorOf = (nameOf: Parameters<typeof named>[0]) =>
    measureAssociation(
      [queries],
      byFeatures(named(nameOf) as Parameters<typeof byFeatures>[0], { fastestMps: 20, distanceWeight: 0 }),
    );

  it('moves points as the cluster of the same features', () => {
    const { standing, moving } = errorOf((box) => box);
    expect(moving.points).toBeGreaterThan(50);
    expect(moving.medianM).toBeLessThan(0.2);
    expect(standing.medianM).toBeLessThan(0.1);
  });

  it('and goes wrong where features name another thing', () => {
    const { moving } = errorOf((box, sweep) => (sweep === 0 ? box : [0, 2, 1, 3][box]));
    expect(moving.medianM).toBeGreaterThan(2);
  });
});
