import type { SampleSource } from '../datasets/loader-source.ts';
import { openDetectionFrames } from './detection-frames.ts';
import type { DetectionData } from './detector.ts';
import type { PointDetectorConfig } from './point-config.ts';
import { type PointSample, pointSample } from './point-sample.ts';

/** Samples of labelled frames, of points: a KITTI object data set needs no pictures for it. */
export async function point3dSource({
  data,
  config,
}: {
  readonly data: DetectionData;
  readonly config: PointDetectorConfig;
}): Promise<SampleSource<PointSample>> {
  const training = data.training ?? true;
  const frames = await openDetectionFrames(data, { withPictures: false });
  return {
    length: frames.length,
    ids: frames.ids,
    sample: async (index, random, _epoch, stopwatch) =>
      pointSample(await frames.pointFrame(index, stopwatch), random, { config, training, stopwatch }),
  };
}
