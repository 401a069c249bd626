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
// The pose of an object from its points and their pixels.
export { type EpnpOptions, type EpnpResult, epnp } from '../src/detection/pnp/epnp.ts';
export type { Intrinsics, PnpPoints, RigidPose } from '../src/detection/pnp/pnp-points.ts';
export { type RansacPnpOptions, type RansacPnpResult, ransacPnp } from '../src/detection/pnp/ransac-pnp.ts';
export {
  type PnpCells,
  type UncertainPose,
  type UncertaintyPnpOptions,
  uncertaintyPnp,
} from '../src/detection/pnp/uncertainty-pnp.ts';
