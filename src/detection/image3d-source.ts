import { detectionSource } from './detection-source.ts';
import { image3dSample } from './image3d-sample.ts';

/** Samples of labelled frames, of pictures. */
export const image3dSource = detectionSource(image3dSample);
