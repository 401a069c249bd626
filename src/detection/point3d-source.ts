import { detectionSource } from './detection-source.ts';
import { pointSample } from './point-sample.ts';

/** Samples of the frames of a KITTI object data set, of points. */
export const point3dSource = detectionSource(pointSample);
