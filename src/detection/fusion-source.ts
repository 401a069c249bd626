import { detectionSource } from './detection-source.ts';
import { fusionSample } from './fusion-sample.ts';

/** Samples of labelled frames, of points and pictures. */
export const fusionSource = detectionSource(fusionSample);
