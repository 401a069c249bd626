import type { SampleSource } from '../datasets/loader-source.ts';
import { openDetectionFrames } from './detection-frames.ts';
import type { DetectionData } from './detector.ts';
import { type PointSample, pointSample } from './point-sample.ts';
import type { Point3dConfig } from './point3d-config.ts';

/** Samples of the frames of a KITTI object data set. */
export async function point3dSource({
  data,
  config,
}: {
  readonly data: DetectionData;
  readonly config: Point3dConfig;
}): Promise<SampleSource<PointSample>> {
  const frames = await openDetectionFrames(data);
  const training = data.training ?? true;
  return {
    length: frames.length,
    ids: frames.ids,
    sample: async (index, random, _epoch, stopwatch) =>
      pointSample(await frames.frame(index, stopwatch), random, { config, training, stopwatch }),
  };
}
