import { detectionSource } from './detection-source.ts';
import { monorunSample } from './monorun/monorun-sample.ts';

/** Samples of labelled frames, of pictures, with the depth of pixels where coordinates are learned. */
export const monorunSource = detectionSource(monorunSample, ({ lossWeights }) => lossWeights.coordinates > 0);
