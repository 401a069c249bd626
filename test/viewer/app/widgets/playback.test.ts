import { describe, expect, it } from 'vitest';
import { nextDelayMs } from '../../../../src/viewer/app/widgets/playback.ts';

describe('nextDelayMs', () => {
  const frames = [0, 0.1, 0.25, 9, undefined, 9.2, 9.1].map((timeS) => ({ timeS }));

  it('is the time that the sequence took, divided by the speed', () => {
    expect(nextDelayMs(frames, 0, 1)).toBeCloseTo(100, 9);
    expect(nextDelayMs(frames, 1, 1)).toBeCloseTo(150, 9);
    expect(nextDelayMs(frames, 1, 4)).toBeCloseTo(37.5, 9);
    expect(nextDelayMs(frames, 1, 0.5)).toBeCloseTo(300, 9);
  });

  it('bridges gaps in a second, and goes on where a clock is missing or runs back', () => {
    expect(nextDelayMs(frames, 2, 1)).toBe(1000);
    expect(nextDelayMs(frames, 2, 2)).toBe(500);
    expect(nextDelayMs(frames, 3, 1)).toBe(100);
    expect(nextDelayMs(frames, 4, 1)).toBe(100);
    expect(nextDelayMs(frames, 5, 1)).toBe(0);
    expect(nextDelayMs(frames, 6, 1)).toBe(100);
    expect(nextDelayMs([], 0, 2)).toBe(50);
  });
});
