import type { DataSelection } from '../datasets/data-selection.ts';
import { KittiObject } from '../datasets/kitti-object.ts';
import type { SampleSource } from '../datasets/loader-source.ts';
import type { SimipuConfig } from './simipu-config.ts';
import { type SimipuSample, simipuSample } from './simipu-sample.ts';

/** What a worker thread needs to make SimIPU's samples. */
export interface SimipuSourceOptions {
  readonly data: DataSelection;
  readonly config: SimipuConfig;
}

/** The frames of a selection; labels are neither needed nor read. */
export function openFrames({ root, ...selection }: DataSelection): Promise<KittiObject> {
  return KittiObject.open(root, { ...selection, ignoreLabels: true });
}

/** Samples of the frames of a KITTI object data set. */
export async function simipuSource({
  data,
  config,
}: SimipuSourceOptions): Promise<SampleSource<SimipuSample>> {
  const frames = await openFrames(data);
  return {
    length: frames.length,
    ids: frames.ids,
    sample: async (index, random, _epoch, stopwatch) =>
      simipuSample(await frames.frame(index, stopwatch), random, config, stopwatch),
  };
}
