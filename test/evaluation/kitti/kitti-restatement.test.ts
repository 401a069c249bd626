import { describe, expect, it } from 'vitest';
import { evaluateKitti, minOverlapOf } from '../../../src/evaluation/kitti/kitti-evaluation.ts';
import {
  difficulties,
  evaluatedClasses,
  overlapMetrics,
} from '../../../src/evaluation/kitti/kitti-matching.ts';
import { drawFrames } from './drawn-frames.ts';
import { restatedCurves } from './kitti-restatement.ts';

describe("KITTI's evaluation of drawn frames", () => {
  // In few frames fewer labels count than recalls are sampled, in many more.
  it.each([
    [1, 12],
    [2, 60],
    [3, 120],
  ])('has the curves of a plain restatement, seed %i, %i frames', (seed, count) => {
    const frames = drawFrames(seed, count);
    for (const overlaps of ['strict', 'loose'] as const) {
      const { curves } = evaluateKitti(frames, { overlaps });
      let compared = 0;
      for (const name of evaluatedClasses) {
        for (const metric of overlapMetrics) {
          const minOverlap = minOverlapOf(overlaps, name, metric);
          for (const difficulty of difficulties) {
            const { precision, similarity, labels } = restatedCurves(frames, {
              name,
              metric,
              difficulty,
              minOverlap,
            });
            for (const [kind, expected] of [[metric, precision] as const, ['aos', similarity] as const]) {
              if (kind === 'aos' && metric !== 'bbox') continue;
              const curve = curves.find(
                (each) => each.name === name && each.metric === kind && each.difficulty === difficulty,
              )!;
              expect(curve.labels).toBe(labels);
              curve.precision.forEach((value, k) => {
                expect(value, `${overlaps} ${name} ${kind} ${difficulty} recall ${k}/40`).toBeCloseTo(
                  expected[k],
                  9,
                );
              });
              if (curve.precision.some((value) => value > 0 && value < 1)) compared++;
            }
          }
        }
      }
      expect(compared).toBeGreaterThan(15);
    }
  });
});
