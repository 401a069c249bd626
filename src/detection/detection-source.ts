import type { Frame } from '../datasets/frame.ts';
import type { SampleSource } from '../datasets/loader-source.ts';
import type { Stopwatch } from '../datasets/stopwatch.ts';
import type { Random } from '../engine/random.ts';
import { openDetectionFrames } from './detection-frames.ts';
import type { DetectionData } from './detector.ts';

/** Makes the sample of a frame; for training a view is drawn and targets are made. */
type MakeSample<Config, Sample> = (
  frame: Frame,
  random: Random,
  options: { readonly config: Config; readonly training: boolean; readonly stopwatch: Stopwatch },
) => Sample;

/**
 * A factory for worker threads: a detector's samples of frames. `takesDepth` says of a
 * configuration whether training takes the depth of pixels, where it is there.
 */
export function detectionSource<Config, Sample>(
  makeSample: MakeSample<Config, Sample>,
  takesDepth: (config: Config) => boolean = () => false,
) {
  return async (options: {
    readonly data: DetectionData;
    readonly config: Config;
  }): Promise<SampleSource<Sample>> => {
    const { data, config } = options;
    const training = data.training ?? true;
    const frames = await openDetectionFrames(data, { withDepth: training && takesDepth(config) });
    return {
      length: frames.length,
      ids: frames.ids,
      sample: async (index, random, _epoch, stopwatch) =>
        makeSample(await frames.frame(index, stopwatch), random, { config, training, stopwatch }),
    };
  };
}
