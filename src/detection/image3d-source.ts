import type { SampleSource } from '../datasets/loader-source.ts';
import { openDetectionFrames } from './detection-frames.ts';
import type { DetectionData } from './detector.ts';
import type { Image3dConfig } from './image3d-config.ts';
import { type Image3dSample, image3dSample } from './image3d-sample.ts';

/** Samples of the frames of a KITTI object data set. */
export async function image3dSource({
  data,
  config,
}: {
  readonly data: DetectionData;
  readonly config: Image3dConfig;
}): Promise<SampleSource<Image3dSample>> {
  const frames = await openDetectionFrames(data);
  const training = data.training ?? true;
  return {
    length: frames.length,
    ids: frames.ids,
    sample: async (index, random, _epoch, stopwatch) =>
      image3dSample(await frames.frame(index, stopwatch), random, { config, training, stopwatch }),
  };
}
