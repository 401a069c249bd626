import type { FrameInfo } from '../../protocol.ts';

/** Between frames of a sequence without a clock. */
const usualGapS = 0.1;
/** Longer gaps, where frames are missing, are bridged in this time. */
const longestGapS = 1;

/** How long to wait from a frame to the next one, so that the sequence takes its own time divided by `speed`. */
export function nextDelayMs(
  frames: ReadonlyArray<Pick<FrameInfo, 'timeS'>>,
  index: number,
  speed: number,
): number {
  const [here, next] = [frames[index]?.timeS, frames[index + 1]?.timeS];
  const gapS =
    here === undefined || next === undefined ? usualGapS : Math.min(longestGapS, Math.max(0, next - here));
  return (1000 * gapS) / speed;
}

/** Where the clock shows that frames are missing: after which one, and how many seconds more than usual. */
export function gapsOf(
  frames: ReadonlyArray<Pick<FrameInfo, 'timeS'>>,
): Array<{ readonly after: number; readonly seconds: number }> {
  const steps = frames
    .slice(1)
    .map(({ timeS }, i) => (timeS ?? Number.NaN) - (frames[i].timeS ?? Number.NaN));
  const known = steps.filter(Number.isFinite).sort((a, b) => a - b);
  const usualS = known[Math.floor(known.length / 2)];
  // A frame comes a little early or late; half a frame is none that is missing.
  return steps.flatMap((stepS, after) => (stepS > 1.5 * usualS ? [{ after, seconds: stepS - usualS }] : []));
}
