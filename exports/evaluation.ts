/**
 * KITTI's evaluation of detections, equal to the benchmark's own program, and measures of what is learned from time: `import { evaluateKitti } from 'pointpair/evaluation'`.
 */

// Where points are at another time.
export {
  type AssociationMeasure,
  type AssociationQueries,
  type AssociationScore,
  associationQueries,
  measureAssociation,
  type PlacePredictor,
  type SweepPair,
} from '../src/evaluation/association.ts';
export {
  byConstantVelocity,
  byEgoMotion,
  byFollowing,
  byNearestNeighbor,
  byStaying,
} from '../src/evaluation/association-baselines.ts';
export {
  type FeaturedPoints,
  featureAssociation,
  segmentAssociation,
} from '../src/evaluation/feature-association.ts';
// The order of frames, and the same object again.
export {
  adjacentFrameRetrieval,
  type FeatureRows,
  type FoundShare,
  kendallTau,
  type OrderMeasures,
  orderMeasures,
  sameTrackRetrieval,
} from '../src/evaluation/frame-order-measures.ts';
export { type Interval, kittiIntervals, type MeasureInterval } from '../src/evaluation/kitti/bootstrap.ts';
export {
  type DriveResultPairs,
  type DriveResults,
  readDriveResults,
} from '../src/evaluation/kitti/drive-results.ts';
export { type AveragePrecision, averagePrecision } from '../src/evaluation/kitti/kitti-average-precision.ts';
export {
  type ApTable,
  evaluateKitti,
  type KittiEvaluation,
  type KittiMetric,
  type Overlaps,
  type PrecisionRecall,
} from '../src/evaluation/kitti/kitti-evaluation.ts';
export type { Difficulty, EvaluatedClass } from '../src/evaluation/kitti/kitti-matching.ts';
export {
  type KittiFolderPairs,
  type KittiFolders,
  readKittiFolders,
} from '../src/evaluation/kitti/kitti-result-files.ts';
export type { KittiFramePair, KittiObjectLine } from '../src/evaluation/kitti/kitti-result-lines.ts';
export type { UnknownClass } from '../src/evaluation/kitti/unknown-classes.ts';
