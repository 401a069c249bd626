import type { MetricsPoint } from '../../protocol.ts';
import { smoothed } from './smoothing.ts';

/** The name of the column of samples per second, beside those that the metrics name themselves. */
export const SPEED = 'samplesPerSecond';

/** What is known of a run's steps, by column; NaN stands for what a step does not have, and for what was not finite. */
export class RunHistory {
  readonly steps: number[] = [];
  /** Seconds since the run began. */
  readonly times: number[] = [];
  private readonly columns = new Map<string, number[]>();
  private readonly broken = new Map<string, number>();
  private readonly smooth = new Map<string, { readonly span: number; readonly values: readonly number[] }>();

  get length(): number {
    return this.steps.length;
  }

  get names(): string[] {
    return [...this.columns.keys()];
  }

  /** The values of a column, one for each step. */
  column(name: string): readonly number[] {
    return this.columns.get(name) ?? [];
  }

  /** The first step at which a column has a value that is not finite. */
  brokenStep(name: string): number | undefined {
    return this.broken.get(name);
  }

  /** A column smoothed over about `span` steps. */
  smoothed(name: string, span: number): readonly number[] {
    const known = this.smooth.get(name);
    if (known !== undefined && known.span === span && known.values.length === this.length)
      return known.values;
    const values = smoothed(this.column(name), span);
    this.smooth.set(name, { span, values });
    return values;
  }

  /** Whether the steps can be drawn over time: each has one, and they do not go back. */
  get hasTimes(): boolean {
    return this.length > 0 && this.times.every((time, i) => time >= (i === 0 ? 0 : this.times[i - 1]));
  }

  append(lines: readonly MetricsPoint[]): void {
    for (const { step, time, samplesPerSecond, values } of lines) {
      for (const [name, value] of Object.entries(values)) {
        this.put(name, value ?? Number.NaN);
        if (value === null && !this.broken.has(name)) this.broken.set(name, step);
      }
      if (samplesPerSecond !== undefined) this.put(SPEED, samplesPerSecond);
      this.steps.push(step);
      this.times.push(time ?? Number.NaN);
      for (const column of this.columns.values()) if (column.length < this.length) column.push(Number.NaN);
    }
  }

  clear(): void {
    this.steps.length = 0;
    this.times.length = 0;
    this.columns.clear();
    this.broken.clear();
    this.smooth.clear();
  }

  /** Puts a value at the step that comes next. */
  private put(name: string, value: number): void {
    let column = this.columns.get(name);
    if (column === undefined) {
      column = Array.from({ length: this.length }, () => Number.NaN);
      this.columns.set(name, column);
    }
    column.push(value);
  }
}
