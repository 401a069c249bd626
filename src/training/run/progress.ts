/** Where progress is written: `process.stderr`, or anything like it. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** What a run says after a step. */
export interface ProgressUpdate {
  /** The number of steps done. */
  readonly step: number;
  readonly samplesPerSecond?: number;
  /** The terms of the loss by name. */
  readonly loss?: Readonly<Record<string, number>>;
}

/** How progress is shown. */
export interface ProgressOptions {
  /** The number of steps of the whole run. */
  readonly total: number;
  /** The steps that were done before, where a run goes on. */
  readonly done?: number;
  readonly stream?: ProgressStream;
  /** What is counted: `step` by default. */
  readonly unit?: string;
  /** The time in milliseconds, from any origin. */
  readonly now?: () => number;
}

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 10_000;
/** Over how many seconds the speed is averaged for the time left. */
const MEMORY_MS = 30_000;
/** What takes as long as so many steps, and longer than the memory, is a pause. */
const PAUSE_STEPS = 20;

/**
 * The progress of a run in one line: rewritten on a terminal, elsewhere a plain line every 10 seconds or tenth of the run,
 * and for its first and last step.
 * `step 120/2000  7.9 samples/s  total 13.10  intra 6.400  inter 6.700  12:05 left`
 */
export class ProgressLine {
  private readonly total: number;
  private readonly unit: string;
  private readonly stream: ProgressStream;
  private readonly now: () => number;
  private readonly pace: Pace;
  private shownAt = -Infinity;
  /** A plain line is due after so many steps. */
  private readonly stride: number;
  private shownStride: number;
  private line = '';
  private written = '';

  constructor({
    total,
    done = 0,
    stream = process.stderr,
    unit = 'step',
    now = () => performance.now(),
  }: ProgressOptions) {
    this.total = total;
    this.unit = unit;
    this.stream = stream;
    this.now = now;
    this.pace = new Pace(done);
    this.stride = Math.max(1, Math.ceil(total / 10));
    this.shownStride = Math.floor(done / this.stride);
  }

  /** Tells how far the run is; draws when it is time to. */
  update({ step, samplesPerSecond, loss = {} }: ProgressUpdate): void {
    const now = this.now();
    this.pace.update(step, now);
    const speed =
      samplesPerSecond === undefined
        ? []
        : [`${samplesPerSecond.toFixed(samplesPerSecond < 100 ? 1 : 0)} samples/s`];
    const terms = Object.entries(loss).map(([name, value]) => `${name} ${significant(value)}`);
    const msLeft = this.pace.msPerStep * (this.total - step);
    const left = Number.isFinite(msLeft) && step < this.total ? [`${clockTime(msLeft)} left`] : [];
    this.line = [`${this.unit} ${step}/${this.total}`, ...speed, ...terms, ...left].join('  ');

    const strides = Math.floor(step / this.stride);
    const due = this.stream.isTTY
      ? now - this.shownAt >= REDRAW_MS
      : now - this.shownAt >= PLAIN_LINE_MS || strides > this.shownStride;
    if (!due && step < this.total) return;
    this.shownAt = now;
    this.shownStride = strides;
    this.draw();
  }

  /** Writes a line of its own, above the progress on a terminal. */
  print(text: string): void {
    this.stream.write(this.stream.isTTY ? `\r\x1b[K${text}\n` : `${text}\n`);
    if (this.stream.isTTY && this.line !== '') this.draw();
  }

  /** Leaves the last state standing, whether its line was due or not, and ends the line. */
  end(): void {
    if (this.line === '') return;
    this.draw();
    if (this.stream.isTTY) this.stream.write('\n');
    this.line = '';
  }

  private draw(): void {
    if (!this.stream.isTTY) {
      if (this.line !== this.written) this.stream.write(`${this.line}\n`);
      this.written = this.line;
      return;
    }
    // A line that wraps cannot be rewritten.
    const width = (this.stream.columns ?? 80) - 1;
    this.stream.write(`\r${this.line.slice(0, Math.max(width, 20))}\x1b[K`);
  }
}

/**
 * The time of a step, averaged with weights that fade over half a minute; the first step, which compiles, does not count, nor does one
 * in which the process was stopped or the machine slept.
 */
class Pace {
  msPerStep = Number.NaN;
  private step: number;
  private readonly first: number;
  private at = Number.NaN;
  private weight = 0;

  constructor(done: number) {
    this.step = done;
    this.first = done;
  }

  update(step: number, now: number): void {
    if (this.step > this.first && step > this.step) {
      const elapsed = now - this.at;
      if (elapsed > MEMORY_MS && elapsed > PAUSE_STEPS * (step - this.step) * this.msPerStep) {
        this.step = step;
        this.at = now;
        return;
      }
      const fade = Math.exp(-elapsed / MEMORY_MS);
      this.weight = this.weight * fade + (1 - fade);
      const share = (1 - fade) / this.weight;
      const known = Number.isNaN(this.msPerStep) ? 0 : this.msPerStep;
      if (this.weight > 0) this.msPerStep = known + share * (elapsed / (step - this.step) - known);
    }
    this.step = step;
    this.at = now;
  }
}

/** A number in about four characters: `128`, `13.10`, `6.402`, `1.2e-3`. */
function significant(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return String(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(2);
  if (size >= 0.01 || value === 0) return value.toFixed(3);
  return value.toExponential(1);
}

/** `0:09`, `12:05`, `3:07:30`, `2 d 3 h`. */
export function clockTime(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [days, hours, minutes] = [seconds / 86400, (seconds / 3600) % 24, (seconds / 60) % 60].map(
    Math.floor,
  );
  const two = (part: number) => String(part).padStart(2, '0');
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours}:${two(minutes)}:${two(seconds % 60)}`;
  return `${minutes}:${two(seconds % 60)}`;
}
