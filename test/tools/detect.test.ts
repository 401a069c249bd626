import { describe, expect, it } from 'vitest';
import { describeDetections } from '../../tools/detect.ts';
import { tinyDetector } from '../training/detection/tiny-detector.ts';

const run = { config: tinyDetector('point3d', ['point3d.scoreThreshold=0.25']), step: 30 };
const out = 'runs/a/detections';

describe('what detect says', () => {
  it('counts what was found and what was skipped', () => {
    const result = { detections: 12, frames: 9, before: 8 };
    expect(describeDetections(result, { run, out })).toBe(
      '12 detections in 1 frame; skipped 8 frames that were there (--overwrite does them again): runs/a/detections',
    );
    expect(describeDetections({ ...result, before: 0 }, { run, out })).toBe(
      '12 detections in 9 frames: runs/a/detections',
    );
    expect(describeDetections({ detections: 0, frames: 8, before: 8 }, { run, out })).toBe(
      'nothing to do: all 8 frames were there (--overwrite does them again): runs/a/detections',
    );
  });

  it('names the score that nothing reached', () => {
    const none = { detections: 0, frames: 8, before: 0 };
    expect(describeDetections(none, { run, out })).toMatch(
      /^0 detections in 8 frames: .*\nnothing had a score of 0\.25 or more after 30 steps of training: a lower --min-score/,
    );
    expect(describeDetections(none, { run, out, minScore: 0.1 })).toContain('a score of 0.1 or more');
  });
});
