/** Milliseconds by stage. */
export interface StageTimings {
  readonly [stage: string]: number;
}

/** Tells how long the stages of one sample took. Time passes for what was begun last: `lap(stage)` says what that was. */
export class Stopwatch {
  private readonly sums: { [stage: string]: number } = {};
  private last = performance.now();

  /** Counts the time since the lap before, or since the stopwatch was made, for this stage. */
  lap(stage: string): void {
    const now = performance.now();
    this.sums[stage] = (this.sums[stage] ?? 0) + now - this.last;
    this.last = now;
  }

  get timings(): StageTimings {
    return { ...this.sums };
  }
}
