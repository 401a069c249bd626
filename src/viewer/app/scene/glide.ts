import { between, type Pose } from './pose.ts';

const DURATION_MS = 320;

/** A short way from one pose to another. */
export class Glide {
  private readonly from: Pose;
  private readonly to: Pose;
  private begun: number | undefined;

  constructor(from: Pose, to: Pose) {
    this.from = from;
    this.to = to;
  }

  /** The pose at a time in milliseconds, counted from the first call, and whether the way ends there. */
  at(timeMs: number): { pose: Pose; done: boolean } {
    this.begun ??= timeMs;
    const t = Math.min(1, (timeMs - this.begun) / DURATION_MS);
    if (t === 1) return { pose: this.to, done: true };
    return { pose: between(this.from, this.to, 1 - (1 - t) ** 3), done: false };
  }
}

/** Whether one asked the system for less motion. */
export function prefersStillness(): boolean {
  return window.matchMedia('(prefers-reduced-motion: reduce)').matches;
}
