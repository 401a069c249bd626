import type { PointFrame } from '../datasets/frame.ts';
import type { SampleSource } from '../datasets/loader-source.ts';
import type { Random } from '../engine/random.ts';
import { type DetectionFrames, openDetectionFrames } from './detection-frames.ts';
import type { DetectionData } from './detector.ts';
import { pasteObjects } from './paste-objects.ts';
import { type PointSample, pointSample } from './point-sample.ts';
import type { Point3dConfig } from './point3d-config.ts';

/** Samples of labelled frames, of points: a KITTI object data set needs no pictures for it. */
export async function point3dSource({
  data,
  config,
}: {
  readonly data: DetectionData;
  readonly config: Point3dConfig;
}): Promise<SampleSource<PointSample>> {
  const training = data.training ?? true;
  const frames = await openDetectionFrames(data, { withPictures: false });
  return {
    length: frames.length,
    ids: frames.ids,
    sample: async (index, random, _epoch, stopwatch) => {
      const frame = await frames.pointFrame(index, stopwatch);
      const given = training
        ? await withPasted(frame, { index, frames, random: random.fork('paste'), config })
        : frame;
      return pointSample(given, random, { config, training, stopwatch });
    },
  };
}

/** A frame with objects of other frames of the selection in it, where the detector is trained so. */
async function withPasted(
  frame: PointFrame,
  {
    index,
    frames,
    random,
    config: { paste, classes, points },
  }: {
    readonly index: number;
    readonly frames: DetectionFrames;
    readonly random: Random;
    readonly config: Point3dConfig;
  },
): Promise<PointFrame> {
  if (paste === null) return frame;
  const chosen = random
    .permutation(frames.length)
    .filter((other) => other !== index)
    .slice(0, paste.frames);
  const others = await Promise.all(
    // What is wrong with a frame is told when its own turn comes.
    [...chosen].map((other) => frames.pointFrame(other).catch(() => undefined)),
  );
  const whole = others.filter((other) => other !== undefined);
  return pasteObjects(frame, whole, random, { ...paste, classes, inImage: points.cropToImage });
}
