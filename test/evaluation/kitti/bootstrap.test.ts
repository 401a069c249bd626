import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/engine/random.ts';
import { bootstrapR40, intervalOf, kittiIntervals } from '../../../src/evaluation/kitti/bootstrap.ts';
import { evaluateKitti, measuresOf } from '../../../src/evaluation/kitti/kitti-evaluation.ts';
import type { KittiFramePair, KittiObjectLine } from '../../../src/evaluation/kitti/kitti-result-lines.ts';
import { drawFrames } from './drawn-frames.ts';

const car: KittiObjectLine = {
  type: 'Car',
  truncation: 0,
  occlusion: 0,
  alpha: 0,
  box2: [0, 0, 100, 100],
  sizeM: [1.5, 1.6, 4],
  location: [0, 1.6, 20],
  rotationY: 0,
  score: Number.NaN,
};

/** Frames with a car each, of which so many are found. */
function carsFound(found: number, of: number): KittiFramePair[] {
  return Array.from({ length: of }, (_, i) => ({
    id: String(i),
    labels: [car],
    detections: i < found ? [{ ...car, score: 0.9 }] : [],
  }));
}

function curveOf(frames: readonly KittiFramePair[]) {
  return [...measuresOf(frames)].find(
    ({ name, metric, difficulty }) => name === 'Car' && metric === '3d' && difficulty === 'moderate',
  )!.curve;
}

describe('curves of frames that are there several times', () => {
  it.each([1, 2])('are those of as many frames, seed %i', (seed) => {
    const frames = drawFrames(seed, 40);
    const random = Random.fromSeed(seed);
    const measures = [...measuresOf(frames, { overlaps: 'loose' })];
    for (let draw = 0; draw < 3; draw++) {
      const times = frames.map(() => random.integer(4));
      const { curves } = evaluateKitti(
        frames.flatMap((frame, i) => Array(times[i]).fill(frame)),
        { overlaps: 'loose' },
      );
      expect(measures.length).toBe(curves.length);
      measures.forEach(({ curve }, i) => {
        const { labels, precision } = curve(times);
        expect(labels).toBe(curves[i].labels);
        precision.forEach((value, k) => {
          expect(value).toBeCloseTo(curves[i].precision[k], 12);
        });
      });
    }
  });
});

describe('average precision over draws', () => {
  it('is that of all frames where they are all alike', () => {
    const frames = carsFound(60, 60);
    const options = { frames: 60, resamples: 20, random: Random.fromSeed(0) };
    expect(new Set(bootstrapR40([curveOf(frames)], options))).toEqual(new Set([100]));
  });

  it('lies as far apart as the share of cars that are found', () => {
    // As many cars as a binomial share of a half of 400: 180 to 220 of them in 95 of 100 draws.
    const options = { frames: 400, resamples: 1000, random: Random.fromSeed(0) };
    const { low, high } = intervalOf(bootstrapR40([curveOf(carsFound(200, 400))], options))!;
    const reached = (found: number) => evaluateKitti(carsFound(found, 400)).ap.Car['3d'].moderate!.R40;
    expect(low).toBeGreaterThanOrEqual(reached(177));
    expect(low).toBeLessThanOrEqual(reached(183));
    expect(high).toBeGreaterThanOrEqual(reached(217));
    expect(high).toBeLessThanOrEqual(reached(223));
    expect(reached(223) - reached(217)).toBeLessThan(3);
  });

  it('is the mean over trainings, which are drawn as well', () => {
    const curves = [carsFound(50, 50), carsFound(0, 50)].map(curveOf);
    const options = { frames: 50, resamples: 1000, random: Random.fromSeed(0) };
    const values = bootstrapR40(curves, options);
    const share = (value: number) => values.filter((each) => each === value).length / values.length;
    expect(Math.abs(share(0) - 0.25)).toBeLessThan(0.05);
    expect(Math.abs(share(50) - 0.5)).toBeLessThan(0.05);
    expect(Math.abs(share(100) - 0.25)).toBeLessThan(0.05);
    // Of two ways to train the same draws are compared: swapped, they add up.
    const swapped = bootstrapR40([...curves].reverse(), options);
    expect(swapped.map((value, i) => value! + values[i]!)).toEqual(Array(1000).fill(100));
  });

  it('is not known where no label counts', () => {
    const frames = [...carsFound(1, 1), { id: '1', labels: [], detections: [] }];
    const values = bootstrapR40([curveOf(frames)], { frames: 2, resamples: 400, random: Random.fromSeed(0) });
    // In a quarter of the draws the frame without a car is taken twice.
    expect(values.filter((value) => value === null).length / 400).toBeCloseTo(0.25, 1);
  });
});

describe('an interval', () => {
  it('has 95 of 100 values, by their places in between', () => {
    expect(intervalOf(Array.from({ length: 101 }, (_, i) => 100 - i))).toEqual({ low: 2.5, high: 97.5 });
    expect(intervalOf([null, 3, null, 5])).toEqual({ low: 3.05, high: 4.95 });
    expect(intervalOf([null, null, 3])).toBeNull();
    expect(intervalOf([])).toBeNull();
  });

  it('of each measure at moderate difficulty is given where labels count', () => {
    const intervals = kittiIntervals(carsFound(30, 60), { resamples: 100 });
    expect(intervals.map(({ name, metric }) => `${name} ${metric}`)).toEqual(
      ['bbox', 'aos', 'bev', '3d'].map((metric) => `Car ${metric}`),
    );
    for (const { R40 } of intervals) {
      expect(R40.low).toBeLessThan(50);
      expect(R40.high).toBeGreaterThan(50);
    }
    expect(kittiIntervals(carsFound(30, 60), { resamples: 100 })).toEqual(intervals);
  });
});
