import type { SampleSource } from '../datasets/loader-source.ts';
import { openDetectionFrames } from './detection-frames.ts';
import type { DetectionData } from './detector.ts';
import type { FusionConfig } from './fusion-config.ts';
import { type FusionSample, fusionSample } from './fusion-sample.ts';

/** Samples of the frames of a KITTI object data set. */
export async function fusionSource({
  data,
  config,
}: {
  readonly data: DetectionData;
  readonly config: FusionConfig;
}): Promise<SampleSource<FusionSample>> {
  const frames = await openDetectionFrames(data);
  const training = data.training ?? true;
  return {
    length: frames.length,
    ids: frames.ids,
    sample: async (index, random, _epoch, stopwatch) =>
      fusionSample(await frames.frame(index, stopwatch), random, { config, training, stopwatch }),
  };
}
