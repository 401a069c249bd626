import type { FrameInfo } from '../protocol.ts';

/** Between frames of a recording without a clock. */
const usualGapS = 0.1;
/** Longer gaps, where frames are missing, are bridged in this time. */
const longestGapS = 1;

/** How long to wait from a frame to the next one, so that the recording takes its own time divided by `speed`. */
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
