/** Frames a second, as KITTI has them. */
export const frameRateHz = 10;

/** How long a turn of the scanner takes. */
export const turnS = 0.1;

/** A drive has so many frames at most: the street of its world ends. */
export const maxFrames = 200;

/** The stretch of time that is worked out: all frames, and a little before and after them. */
export const timeline = { fromS: -1, toS: maxFrames / frameRateHz + 1, stepS: 0.05 } as const;

/** When a frame is taken, seconds from frame 0. */
export function timeOfFrame(frame: number): number {
  return frame / frameRateHz;
}
