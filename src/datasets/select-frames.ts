import type { Frames } from './open-frames.ts';

/** Some of the frames of a data set, as a data set of their own. */
export function selectFrames(frames: Frames, chosen: readonly number[]): Frames {
  const { classes, frame, pointFrame, sweep, camera, labels } = frames;
  return {
    ...frames,
    length: chosen.length,
    ids: chosen.map((index) => frames.ids[index]),
    ...(classes && {
      classes: { ...classes, of: Int32Array.from(chosen, (index) => classes.of[index]) },
    }),
    place: (index) => frames.place(chosen[index]),
    picture: (index, stopwatch) => frames.picture(chosen[index], stopwatch),
    ...(sweep && { sweep: (index, stopwatch) => sweep(chosen[index], stopwatch) }),
    ...(camera && { camera: (index) => camera(chosen[index]) }),
    ...(labels && { labels: (index) => labels(chosen[index]) }),
    ...(pointFrame && { pointFrame: (index, stopwatch) => pointFrame(chosen[index], stopwatch) }),
    ...(frame && { frame: (index, stopwatch) => frame(chosen[index], stopwatch) }),
  };
}
