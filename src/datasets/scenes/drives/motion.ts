import { timeline } from './timeline.ts';

/** A way along a line: acceleration is the same during each of the timeline's steps. */
export interface Motion {
  /** Metres along the line, metres a second and metres a second squared at the beginning of each step. */
  readonly placeM: Float64Array;
  readonly speedMps: Float64Array;
  readonly accelerationMps2: Float64Array;
}

/** A motion whose steps are to be filled by `advance`. */
export function createMotion(placeM: number, speedMps: number): Motion {
  const steps = Math.round((timeline.toS - timeline.fromS) / timeline.stepS) + 1;
  const motion = {
    placeM: new Float64Array(steps),
    speedMps: new Float64Array(steps),
    accelerationMps2: new Float64Array(steps),
  };
  motion.placeM[0] = placeM;
  motion.speedMps[0] = speedMps;
  return motion;
}

/** Takes step `step` with an acceleration; with `halts` a motion ahead ends at a standstill instead of going back. */
export function advance(motion: Motion, step: number, accelerationMps2: number, halts: boolean): void {
  const { placeM, speedMps } = motion;
  const dt = timeline.stepS;
  const v = speedMps[step];
  // A halt within the step becomes one at its end, on the same way.
  const acceleration = halts && v + accelerationMps2 * dt < 0 ? -v / dt : accelerationMps2;
  motion.accelerationMps2[step] = acceleration;
  if (step + 1 === placeM.length) return;
  speedMps[step + 1] = v + acceleration * dt;
  placeM[step + 1] = placeM[step] + (v + 0.5 * acceleration * dt) * dt;
}

/** Place and speed at a time. */
export function motionAt(
  { placeM, speedMps, accelerationMps2 }: Motion,
  timeS: number,
): { readonly placeM: number; readonly speedMps: number; readonly accelerationMps2: number } {
  const at = (timeS - timeline.fromS) / timeline.stepS;
  const step = Math.max(0, Math.min(placeM.length - 2, Math.floor(at)));
  const since = (at - step) * timeline.stepS;
  const a = accelerationMps2[step];
  const next = accelerationMps2[step + 1];
  return {
    placeM: placeM[step] + (speedMps[step] + 0.5 * a * since) * since,
    speedMps: speedMps[step] + a * since,
    // For what leans with it: without jumps between steps.
    accelerationMps2: a + (next - a) * Math.max(0, Math.min(1, since / timeline.stepS)),
  };
}
