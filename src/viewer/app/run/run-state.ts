import { shown } from '../widgets/dom.ts';
import type { RunHistory } from './run-history.ts';
import { SPEED } from './run-history.ts';
import { countText, durationText } from './wording.ts';

/** How a run stands, in words. */
export interface RunState {
  /** `still` is a run of which no new step was seen yet, and none missed either. */
  readonly kind: 'empty' | 'still' | 'running' | 'stalled' | 'finished';
  /** What stands in the state line, the most important first. */
  readonly parts: readonly string[];
  /** 0 to 1; undefined where it is not known how long the run is to be. */
  readonly share: number | undefined;
}

/** Steps that speed is measured over. */
const RECENT = 50;
/** A run counts as stalled only after this, seconds, and only when it has missed this many steps. */
const STALL_S = 10;
const STALL_STEPS = 5;

/** How a run stands that this page has watched for a while. */
export function stateOf(
  history: RunHistory,
  options: {
    readonly totalSteps: number | undefined;
    /** Whether a step came while the page was looking, not all at once when it was opened. */
    readonly sawSteps: boolean;
    /** Since the newest step came, or since the page began to look. */
    readonly quietSeconds: number;
  },
): RunState {
  const { totalSteps, sawSteps, quietSeconds } = options;
  const step = history.steps.at(-1);
  const quiet = `No new step for ${durationText(quietSeconds)}`;
  if (step === undefined) {
    const parts = quietSeconds < 60 ? ['No step done yet'] : ['No step done yet', quiet];
    return { kind: 'empty', parts, share: totalSteps === undefined ? undefined : 0 };
  }
  const of = totalSteps === undefined ? '' : ` of ${countText(totalSteps)}`;
  const share = totalSteps === undefined ? undefined : Math.min(1, step / totalSteps);
  const parts = [`Step ${countText(step)}${of}`];
  const speed = medianOf(history.column(SPEED).slice(-RECENT));
  if (speed !== undefined) parts.push(`${shown(speed, speed < 100 ? 2 : 3)} samples/s`);
  if (totalSteps !== undefined && step >= totalSteps)
    return { kind: 'finished', parts: [...parts, 'Finished'], share };

  const secondsPerStep = pace(history);
  if (quietSeconds >= Math.max(STALL_S, STALL_STEPS * (secondsPerStep ?? 0))) {
    return { kind: 'stalled', parts: [...parts, quiet], share };
  }
  if (!sawSteps) return { kind: 'still', parts, share };
  if (totalSteps !== undefined && secondsPerStep !== undefined) {
    parts.push(`${durationText((totalSteps - step) * secondsPerStep)} left`);
  }
  return { kind: 'running', parts, share };
}

/** Seconds of a step, over the last ones; undefined where too few have a time. */
function pace({ steps, times }: RunHistory): number | undefined {
  const first = Math.max(0, steps.length - 1 - RECENT);
  const count = steps[steps.length - 1] - steps[first];
  const seconds = (times[times.length - 1] - times[first]) / count;
  return seconds > 0 && Number.isFinite(seconds) ? seconds : undefined;
}

function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
