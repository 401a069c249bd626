import { describe, expect, it } from 'vitest';
import {
  countOutcomes,
  type Matchable,
  outcomeOverlap,
  outcomesOf,
} from '../../../src/evaluation/kitti/detection-outcomes.ts';
import { minOverlapOf } from '../../../src/evaluation/kitti/kitti-evaluation.ts';
import { evaluatedClasses } from '../../../src/evaluation/kitti/kitti-matching.ts';

/** A box of 4 x 2 m along x, its middle at x, y. */
const at = (x: number, y = 0, type = 'Car', score?: number): Matchable => ({
  type,
  box3: { center: [x, y, -1], sizeM: [4, 2, 1.5], yaw: 0 },
  box2: [10 * x, 10, 10 * x + 20, 30],
  score,
});
const region = (left: number, right: number): Matchable => ({
  type: 'DontCare',
  box3: undefined,
  box2: [left, 0, right, 50],
});

describe('outcomesOf', () => {
  it('are of the class and of enough overlap seen from above', () => {
    // Moved along by d of its length of 4 m, a box keeps (4 - d) / (4 + d) of the union.
    const labels = [at(10), at(20), at(30)];
    const detections = [at(10.5), at(21), at(30, 0, 'Cyclist')];
    const strict = outcomesOf(labels, detections);
    expect(strict.labels).toEqual(['found', 'missed', 'missed']);
    expect(strict.detections).toEqual(['right', 'false', 'false']);
    expect(outcomesOf(labels, detections, { overlaps: 'loose' }).labels).toEqual([
      'found',
      'found',
      'missed',
    ]);
    expect(countOutcomes(strict)).toEqual({ found: 1, missed: 2, falseAlarms: 2 });
  });

  it('pair one label with one detection, the one that overlaps it most', () => {
    const { labels, detections } = outcomesOf([at(10), at(10.2)], [at(10.4), at(10), at(10.1)]);
    expect(labels).toEqual(['found', 'found']);
    expect(detections).toEqual(['false', 'right', 'right']);
    expect(outcomesOf([at(10)], [at(10.1), at(10), at(10.2)]).detections).toEqual([
      'false',
      'right',
      'false',
    ]);
  });

  it('leave out what is neither right nor wrong', () => {
    const labels = [at(10, 0, 'Van'), at(20, 0, 'Tram'), region(280, 330)];
    const detections = [at(10), at(20), at(30), at(32)];
    const { labels: ofLabels, detections: ofDetections } = outcomesOf(labels, detections);
    expect(ofLabels).toEqual(['ignored', 'ignored', 'ignored']);
    // Half of the last one's rectangle, 320 to 340, lies in the region: not more than half.
    expect(ofDetections).toEqual(['ignored', 'false', 'ignored', 'false']);
  });

  it('leave out what was labelled in the image alone, and detections that lie there', () => {
    const flat = (type: string): Matchable => ({ ...at(10, 0, type), box3: undefined });
    const outcomes = outcomesOf([flat('Car'), at(20)], [at(10), at(20)]);
    expect(outcomes).toEqual({ labels: ['ignored', 'found'], detections: ['ignored', 'right'] });
    expect(outcomesOf([flat('Tram')], [at(10)]).detections).toEqual(['false']);
  });

  it('prefer a car to a van for a detection that both overlap', () => {
    const { labels, detections } = outcomesOf([at(10, 0, 'Van'), at(10.2)], [at(10)]);
    expect([labels, detections]).toEqual([['ignored', 'found'], ['right']]);
  });

  it('look for the given classes alone, or for those of the benchmark and of the detections', () => {
    const labels = [at(10), at(20, 0, 'Pedestrian'), at(30, 0, 'Truck')];
    expect(outcomesOf(labels, []).labels).toEqual(['missed', 'missed', 'ignored']);
    expect(outcomesOf(labels, [at(30, 0, 'Truck')]).labels).toEqual(['missed', 'missed', 'found']);
    expect(outcomesOf(labels, [], { classes: ['Car', 'Van'] }).labels).toEqual([
      'missed',
      'ignored',
      'ignored',
    ]);
  });
});

describe('outcomeOverlap', () => {
  it("is the benchmark's", () => {
    for (const name of evaluatedClasses) {
      for (const overlaps of ['strict', 'loose'] as const)
        expect(outcomeOverlap(name, overlaps)).toBe(minOverlapOf(overlaps, name, 'bev'));
    }
    expect(['Car', 'Pedestrian', 'Tram'].map((type) => outcomeOverlap(type, 'strict'))).toEqual([
      0.7, 0.5, 0.5,
    ]);
    expect(['Car', 'Cyclist', 'Tram'].map((type) => outcomeOverlap(type, 'loose'))).toEqual([
      0.5, 0.25, 0.25,
    ]);
  });
});
