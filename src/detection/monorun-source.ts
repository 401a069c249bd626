import type { SampleSource } from '../datasets/loader-source.ts';
import { openDetectionFrames } from './detection-frames.ts';
import type { DetectionData } from './detector.ts';
import type { MonorunConfig } from './monorun-config.ts';
import { type MonorunSample, monorunSample } from './monorun-sample.ts';

/** Samples of the frames of a KITTI object data set. */
export async function monorunSource({
  data,
  config,
}: {
  readonly data: DetectionData;
  readonly config: MonorunConfig;
}): Promise<SampleSource<MonorunSample>> {
  const training = data.training ?? true;
  const withDepth = training && config.lossWeights.coordinates > 0;
  const frames = await openDetectionFrames(data, { withDepth });
  return {
    length: frames.length,
    ids: frames.ids,
    sample: async (index, random, _epoch, stopwatch) =>
      monorunSample(await frames.frame(index, stopwatch), random, { config, training, stopwatch }),
  };
}
