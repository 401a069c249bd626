import { describe, expect, it } from 'vitest';
import { Flight } from '../../../../src/viewer/app/scene/flight.ts';
import { DEFAULT_POSE, type Pose } from '../../../../src/viewer/app/scene/pose.ts';

const LEVEL: Pose = { ...DEFAULT_POSE, target: [0, 0, 0], elevation: 0 };

function fly(
  flight: Flight,
  pose: Pose,
  fromMs: number,
  untilMs: number,
): { pose: Pose; stoppedMs?: number } {
  let at = pose;
  for (let timeMs = fromMs; timeMs < untilMs; timeMs += 16) {
    const next = flight.step(at, timeMs);
    if (next === undefined) return { pose: at, stoppedMs: timeMs };
    at = next;
  }
  return { pose: at };
}

describe('Flight', () => {
  it('goes ahead while a key is held and comes to rest soon after', () => {
    const flight = new Flight();
    expect(flight.press('KeyW')).toBe(true);
    const moving = fly(flight, LEVEL, 0, 1000);
    expect(moving.stoppedMs).toBeUndefined();
    expect(moving.pose.target[0]).toBeGreaterThan(9);
    flight.release('KeyW');
    const { stoppedMs } = fly(flight, moving.pose, 1000, 5000);
    expect(stoppedMs).toBeLessThan(2000);
  });

  it('is faster with shift, and no faster askew', () => {
    const distance = (...keys: string[]) => {
      const flight = new Flight();
      for (const key of keys) flight.press(key);
      return Math.hypot(...fly(flight, LEVEL, 0, 500).pose.target);
    };
    expect(distance('KeyW', 'ShiftLeft')).toBeCloseTo(4 * distance('KeyW'));
    expect(distance('ArrowUp', 'ArrowRight')).toBeCloseTo(distance('KeyW'));
    expect(distance('KeyW', 'KeyS')).toBe(0);
  });

  it('leaves other keys alone', () => {
    expect(new Flight().press('Space')).toBe(false);
  });
});
