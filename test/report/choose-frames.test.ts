import { describe, expect, it } from 'vitest';
import type { Matchable } from '../../src/evaluation/kitti/detection-outcomes.ts';
import { type ChoosableFrame, chooseFrames } from '../../src/report/choose-frames.ts';

const car = (x: number, score?: number): Matchable => ({
  type: 'Car',
  box3: { center: [x, 0, 0], sizeM: [4, 2, 1.5], yaw: 0 },
  box2: [0, 0, 9, 9],
  score,
});
/** A frame of ten labels, so many of which are found at 0.8, and so many false alarms at another score. */
const frame = (id: string, found: number, wrong: number, wrongScore = 0.8): ChoosableFrame => ({
  id,
  labels: Array.from({ length: 10 }, (_, i) => car(10 * i)),
  detections: [
    ...Array.from({ length: found }, (_, i) => car(10 * i, 0.8)),
    ...Array.from({ length: wrong }, (_, i) => car(1005 + 10 * i, wrongScore)),
  ],
});
const idsOf = (all: readonly ChoosableFrame[], why: string, each = 2) =>
  chooseFrames(all, { each })
    .frames.filter((one) => one.why === why)
    .map(({ id }) => id);

describe('chooseFrames', () => {
  const all = Array.from({ length: 8 }, (_, k) => frame(`f${k}`, k + 1, 8 - k));

  it('takes the best, the worst and some of the others, none twice', () => {
    expect(idsOf(all, 'best')).toEqual(['f7', 'f6']);
    expect(idsOf(all, 'worst')).toEqual(['f0', 'f1']);
    const others = idsOf(all, 'drawn');
    expect(others).toHaveLength(2);
    for (const id of others) expect(['f2', 'f3', 'f4', 'f5']).toContain(id);
    expect(chooseFrames(all).frames).toHaveLength(8);
    expect(chooseFrames(all, { each: 2 })).toEqual(chooseFrames(all, { each: 2 }));
  });

  it('counts what is found, missed and false', () => {
    const [best] = chooseFrames(all, { each: 1 }).frames;
    expect(best).toEqual({ id: 'f7', why: 'best', counts: { found: 8, missed: 2, falseAlarms: 1 } });
  });

  it('draws detections from the score on at which F1 is highest', () => {
    const noisy = all.map(({ id }, k) => frame(id, k + 1, 20, 0.4));
    const { threshold, frames } = chooseFrames(noisy);
    expect(threshold).toBe(0.8);
    for (const { counts } of frames) expect(counts.falseAlarms).toBe(0);
    expect(chooseFrames([frame('none', 0, 3)]).threshold).toBe(0.3);
  });

  it('leaves out frames without labels or without detections', () => {
    const bare = { id: 'bare', labels: [], detections: [car(1, 0.9)] };
    const empty = { id: 'empty', labels: [car(1)], detections: [] };
    expect(chooseFrames([bare, empty, all[3]]).frames.map(({ id }) => id)).toEqual(['f3']);
    expect(chooseFrames([]).frames).toEqual([]);
    expect(chooseFrames(all, { classes: ['Cyclist'] }).frames).toEqual([]);
  });

  it('looks at 300 frames of many', () => {
    const many = Array.from({ length: 400 }, (_, k) => frame(`m${k}`, 1 + (k % 9), 0));
    expect(chooseFrames(many).looked).toBe(300);
  });
});
