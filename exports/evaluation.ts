/**
 * KITTI's evaluation of detections, equal to the benchmark's own program: `import { evaluateKitti } from 'pointpair/evaluation'`.
 */

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
