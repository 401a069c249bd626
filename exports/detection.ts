/**
 * Detectors and what they are made of: `import { rotatedNonMaximumSuppression } from 'pointpair/detection'`.
 */

// What a detector is.
export type {
  DetectionData,
  Detector,
  ModelTensors,
  Predictor,
  PredictorOptions,
} from '../src/detection/detector.ts';
// Suppression of what was found twice.
export {
  type NmsOptions,
  nonMaximumSuppression,
  rotatedNonMaximumSuppression,
} from '../src/detection/nms.ts';
