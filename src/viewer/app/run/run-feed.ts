import type { MetricsTail, RunInfo } from '../../protocol.ts';
import type { RunApi } from '../api.ts';
import type { PollResult } from './poller.ts';
import { RunHistory } from './run-history.ts';
import { type RunState, stateOf } from './run-state.ts';

/** So many lines in an answer mean that more may wait already. */
const manyLines = 200;

/** What is known of a run that may still be training: asked for piece by piece. */
export class RunFeed {
  readonly history = new RunHistory();
  chance: MetricsTail['chance'];
  info: RunInfo | undefined;
  /** What is wrong with the run or with reading it, a sentence. */
  problem: string | undefined;
  /** Whether the metrics were read to their end once. */
  isCaughtUp = false;
  private readonly api: Pick<RunApi, 'metrics' | 'run'>;
  private offset = 0;
  private sawSteps = false;
  private newestAt = performance.now();

  constructor(api: Pick<RunApi, 'metrics' | 'run'>) {
    this.api = api;
  }

  /** Nobody looked until now: the time without a new step counts from here. */
  lookAgain(): void {
    this.newestAt = performance.now();
  }

  /** How the run stands. */
  get state(): RunState {
    return stateOf(this.history, {
      totalSteps: this.info?.totalSteps,
      sawSteps: this.sawSteps,
      quietSeconds: (performance.now() - this.newestAt) / 1000,
    });
  }

  /** Asks for what is new; what fails becomes the problem. */
  async poll(): Promise<PollResult> {
    const [tail, run] = await Promise.allSettled([this.api.metrics(this.offset), this.api.run()]);
    if (run.status === 'fulfilled') this.info = run.value;
    const result = tail.status === 'fulfilled' ? this.take(tail.value) : 'nothing';
    const failed = [tail, run].find((settled) => settled.status === 'rejected');
    this.problem =
      failed?.reason.message ?? (tail.status === 'fulfilled' ? tail.value.problem?.message : undefined);
    return result;
  }

  private take({ offset, restarted, chance, lines }: MetricsTail): PollResult {
    const isNew = lines.length > 0 || restarted;
    if (restarted) this.history.clear();
    this.history.append(lines);
    this.offset = offset;
    this.chance = chance;
    if (isNew) {
      this.lookAgain();
      this.sawSteps = this.isCaughtUp;
    }
    if (lines.length >= manyLines) return 'more';
    this.isCaughtUp = true;
    return isNew ? 'came' : 'nothing';
  }
}
