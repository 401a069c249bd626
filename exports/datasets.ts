/**
 * Frames of drives, from KITTI or from the scene generator, and the loader that turns them into batches:
 * `import { createLoader, generateScenes, KittiObject } from 'pointpair/datasets'`.
 */

// One door to frames to learn from, whatever the data set is.
export type { DataSelection } from '../src/datasets/data-selection.ts';
// What every reader gives.
export type { CameraImage, CameraModel, Frame, ObjectLabel, PointFrame } from '../src/datasets/frame.ts';
export type { IncompleteFrame } from '../src/datasets/incomplete-frame.ts';
// KITTI.
export { formatKittiLabels, parseKittiLabels } from '../src/datasets/kitti-labels.ts';
export { findKittiLayout, type KittiLayout } from '../src/datasets/kitti-layout.ts';
export { KittiObject, type KittiObjectOptions } from '../src/datasets/kitti-object.ts';
export { KittiRaw, type KittiRawOptions } from '../src/datasets/kitti-raw.ts';
export { parseKittiTracks } from '../src/datasets/kitti-tracks.ts';
// Batches of samples, made in worker threads and resumable at any place.
export {
  createLoader,
  type FailureCount,
  type LoadedBatch,
  Loader,
  type LoaderOptions,
  type LoaderPosition,
  type LoadFailure,
} from '../src/datasets/loader.ts';
export type { SampleSource, SourceReference } from '../src/datasets/loader-source.ts';
// Frames to learn from, whatever the data is.
export { type Frames, type Need, openFrames, type PointFrames } from '../src/datasets/open-frames.ts';
// Drives to be looked at part by part.
export { openSequence } from '../src/datasets/open-sequence.ts';
export { openSequences, type SequenceReference } from '../src/datasets/open-sequences.ts';
// Prepared shards: sequences packed into tar files that are read in order.
export {
  type PrepareOptions,
  type PrepareProgress,
  type PrepareReport,
  prepareSequences,
} from '../src/datasets/prepared/prepare-sequences.ts';
export { sourceOf } from '../src/datasets/prepared/prepare-source.ts';
export { openPrepared, type PreparedSequence } from '../src/datasets/prepared/prepared-sequence.ts';
export {
  type VerifyOptions,
  type VerifyReport,
  verifyPrepared,
} from '../src/datasets/prepared/verify-prepared.ts';
// Generated drives and driving scenes in KITTI's layouts.
export {
  type GenerateDrivesOptions,
  type GenerateDrivesProgress,
  type GenerateDrivesReport,
  generateDrives,
} from '../src/datasets/scenes/drives/generate-drives.ts';
export {
  type GenerateScenesOptions,
  type GenerateScenesProgress,
  type GenerateScenesReport,
  generateScenes,
} from '../src/datasets/scenes/generate-scenes.ts';
export type { ScannerOptions } from '../src/datasets/scenes/laser-scanner.ts';
export type { EncodedPicture, FramePart, Moment, Sequence } from '../src/datasets/sequence.ts';
// What a source of samples tells the loader about its stages.
export type { Stopwatch } from '../src/datasets/stopwatch.ts';
// Waymo's drives.
export {
  type OpenWaymoComponentsOptions,
  openWaymoComponents,
} from '../src/datasets/waymo/waymo-components.ts';
export {
  openWaymoRecords,
  type WaymoRecordsOptions,
} from '../src/datasets/waymo/waymo-records.ts';
export { waymoSequence } from '../src/datasets/waymo/waymo-sequence.ts';
export type {
  CameraCalibration,
  LaserCalibration,
  LaserSweep,
  RangeImage,
  WaymoBox,
  WaymoMoment,
  WaymoSource,
} from '../src/datasets/waymo/waymo-source.ts';
// Groups of moments by time.
export {
  type Gap,
  gapsOf,
  periodOf,
  type WindowOptions,
  type Windows,
  windowsOf,
} from '../src/datasets/windows.ts';
