const OFTEN_MS = 1000;
const SELDOM_MS = 5000;
/** After this long without anything new it is asked less often. */
const QUIET_MS = 30_000;

/** What an answer was like: `more` may follow at once, something `came`, or `nothing`. */
export type PollResult = 'more' | 'came' | 'nothing';

/** What is asked, and the clock. */
export interface PollerOptions {
  /** Must not reject. */
  readonly poll: () => Promise<PollResult>;
  /** Milliseconds, from any origin. */
  readonly now?: () => number;
  /** Calls after some milliseconds; the function that is given keeps it from that. */
  readonly after?: (ms: number, run: () => void) => () => void;
}

/** Asks again and again while it is on, one question at a time: each second, and less often once nothing new comes. */
export class Poller {
  private readonly poll: () => Promise<PollResult>;
  private readonly now: () => number;
  private readonly after: (ms: number, run: () => void) => () => void;
  private isOn = false;
  private isLooping = false;
  private heardAt = 0;
  private wake: (() => void) | undefined;

  constructor({ poll, now = () => performance.now(), after = afterMs }: PollerOptions) {
    this.poll = poll;
    this.now = now;
    this.after = after;
  }

  start(): void {
    this.isOn = true;
    this.heardAt = this.now();
    if (!this.isLooping) void this.loop();
  }

  /** An answer that is under way is still heard. */
  stop(): void {
    this.isOn = false;
    this.wake?.();
  }

  private async loop(): Promise<void> {
    this.isLooping = true;
    while (this.isOn) {
      const result = await this.poll();
      if (result !== 'nothing') this.heardAt = this.now();
      if (result !== 'more' && this.isOn)
        await this.pause(this.now() - this.heardAt < QUIET_MS ? OFTEN_MS : SELDOM_MS);
    }
    this.isLooping = false;
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.after(ms, resolve);
      this.wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

function afterMs(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
