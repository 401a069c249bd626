import { detectionSource } from './detection-source.ts';
import { fusionSample } from './fusion-sample.ts';

/** Samples of the frames of a KITTI object data set, of points and pictures. */
export const fusionSource = detectionSource(fusionSample);
