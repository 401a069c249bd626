import { detectionSource } from './detection-source.ts';
import { pointSample } from './point-sample.ts';

/** Samples of labelled frames, of points. */
export const point3dSource = detectionSource(pointSample);
