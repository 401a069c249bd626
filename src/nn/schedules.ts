/** What a schedule's progress counts. */
export type ScheduleUnit = 'step' | 'epoch' | 'run';

/** A linear rise of the learning rate: `length` units of progress long, from the fraction `start` (0) to 1. */
export interface WarmUp {
  readonly length: number;
  readonly start?: number;
}

/**
 * How a learning rate goes on, as plain data. Progress counts what `per` says: steps, whole epochs (as most papers step
 * their schedules), or the share of the run that is done, 0 to 1.
 */
export type Schedule = { readonly warmUp?: WarmUp; readonly per?: ScheduleUnit } & (
  | { readonly kind: 'constant' }
  /** Times `gamma` at each milestone reached. */
  | { readonly kind: 'step'; readonly milestones: readonly number[]; readonly gamma: number }
  /** gamma^progress: pass whole epochs where it is to fall once an epoch. */
  | { readonly kind: 'exponential'; readonly gamma: number }
  /** Half a cosine from 1 to `end` (0) over `length`, and `end` from there on. */
  | { readonly kind: 'cosine'; readonly length: number; readonly end?: number }
);

/**
 * What the base learning rate is multiplied by at this progress. After a warm-up, progress counts from its end.
 *
 * @example
 * const schedule: Schedule = { kind: 'cosine', length: 10, warmUp: { length: 2 } };
 * [0, 1, 2, 7, 12].map((epoch) => multiplierAt(schedule, epoch)); // [0, 0.5, 1, 0.5, 0]
 */
export function multiplierAt(schedule: Schedule, progress: number): number {
  const { length: warmUp = 0, start = 0 } = schedule.warmUp ?? {};
  if (progress < warmUp) return start + (1 - start) * (progress / warmUp);
  const after = progress - warmUp;
  switch (schedule.kind) {
    case 'constant':
      return 1;
    case 'step':
      return schedule.gamma ** schedule.milestones.filter((milestone) => after >= milestone).length;
    case 'exponential':
      return schedule.gamma ** after;
    case 'cosine': {
      const { length, end = 0 } = schedule;
      return end + ((1 - end) * (1 + Math.cos(Math.PI * Math.min(after / length, 1)))) / 2;
    }
  }
}

/** The progress that a schedule counts, after so many steps of `total` and so many epochs. */
export function progressOf(
  unit: ScheduleUnit,
  { step, epoch, total }: { readonly step: number; readonly epoch: number; readonly total: number },
): number {
  switch (unit) {
    case 'step':
      return step;
    case 'epoch':
      return Math.floor(epoch);
    case 'run':
      return step / total;
  }
}
