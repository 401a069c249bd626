/**
 * What is drawn of a frame before a network sees it, described as plain data, drawn in worker threads and stacked to batches:
 * `import { collateViews, drawView } from 'pointpair/views'`.
 */

// Where pixels lie among the cells of a feature map.
export { type BilinearCorners, bilinearCorners, type FeatureGrid } from '../src/views/bilinear-corners.ts';
// Boxes that belong together.
export type { BoxPairView, DrawnBoxPair } from '../src/views/box-pair.ts';
// Batches.
export { collatePointPairs } from '../src/views/collate-point-pairs.ts';
export { collateViews } from '../src/views/collate-views.ts';
export type { Correspondences } from '../src/views/correspondences.ts';
// Drawing, and where it is done.
export {
  drawView,
  type ViewSourceOptions,
  viewSource,
  viewSourceReference,
} from '../src/views/draw-views.ts';
export type {
  DrawnMask,
  DrawnPatches,
  DrawnPictures,
  DrawnSample,
  DrawnView,
} from '../src/views/drawn-view.ts';
export {
  type ImageViewConfig,
  imageViewSchema,
  type MaskConfig,
  type PatchesConfig,
  type PictureConfig,
} from '../src/views/image-view-config.ts';
export {
  type DrawnPlaces,
  drawPlaces,
  drawPointPair,
  type PlacesView,
  type PointPair,
  type PointPairView,
} from '../src/views/point-pair.ts';
export type { PointView } from '../src/views/point-view.ts';
export { type SampledPoints, stackPointViews } from '../src/views/stack-points.ts';
export type { SweepQueries } from '../src/views/sweep-queries.ts';
export { type DrawnSweep, drawSweep, type SweepView } from '../src/views/sweep-view.ts';
// Views of every kind.
export { needsOf, type PictureView, type ViewConfig, type Views } from '../src/views/view-config.ts';
