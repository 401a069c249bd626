/**
 * Self-supervised systems of the literature, each with its views, its batches and its loss:
 * `import { Simipu } from 'pointpair/objectives'`.
 */

// What every objective is.
export type { DataSelection } from '../src/datasets/data-selection.ts';
export { sampleFeatures } from '../src/encoders/sample-features.ts';
export { type InfoNce, infoNce } from '../src/objectives/info-nce.ts';
export type { Objective, ObjectiveResult } from '../src/objectives/objective.ts';
// SimIPU.
export { Simipu, type SimipuEmbeddings } from '../src/objectives/simipu.ts';
export { type SimipuConfig, simipuSchema } from '../src/objectives/simipu-config.ts';
export { type SimipuSourceOptions, simipuSource } from '../src/objectives/simipu-source.ts';
// Parts that other objectives are made of as well.
export { type BilinearCorners, bilinearCorners, type FeatureGrid } from '../src/views/bilinear-corners.ts';
export { collatePointPairs } from '../src/views/collate-point-pairs.ts';
export {
  drawPointPair,
  featureStride,
  type PointPair,
  type PointView,
} from '../src/views/point-pair.ts';
