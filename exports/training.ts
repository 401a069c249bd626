/**
 * Pretraining runs: their configuration, the loop, what they leave on disk, and the encoders as ONNX files:
 * `import { presetOf, pretrain } from 'pointpair/training'`.
 */

// Configuration.
export {
  applySettings,
  parameterGroups,
  parseRunConfig,
  type RunConfig,
  runConfigSchema,
} from '../src/training/config.ts';
// Boxes that belong together, and a run that learns from them.
export { adoptCorrespondences } from '../src/training/correspond/adopt-correspondences.ts';
export {
  type CorrespondOptions,
  type CorrespondResult,
  correspond,
} from '../src/training/correspond/correspond.ts';
export type { CorrespondenceFile, MatchingOptions } from '../src/training/correspond/correspondence-file.ts';
// The loop.
export { createPretraining } from '../src/training/create-pretraining.ts';
// Detectors: their configuration, training them, and what they find.
export { adoptEncoders } from '../src/training/detection/adopt-encoders.ts';
export { type DetectOptions, type DetectResult, detect } from '../src/training/detection/detect.ts';
export {
  applyDetectionSettings,
  createDetector,
  type DetectionConfig,
  detectionConfigSchema,
  parseDetectionConfig,
} from '../src/training/detection/detection-config.ts';
export { detectionPresetNames, detectionPresetOf } from '../src/training/detection/detection-presets.ts';
export { type DetectionRun, loadDetectionRun } from '../src/training/detection/detection-run.ts';
// What was learned, and taking it elsewhere.
export { exportDetector } from '../src/training/detection/export-detector.ts';
export {
  type FinetuneOptions,
  finetune,
} from '../src/training/detection/finetune.ts';
export { type ObjectMaps, readObjectMaps, writeObjectMaps } from '../src/training/detection/object-maps.ts';
export {
  type PseudoLabelOptions,
  type PseudoLabelResult,
  pseudoLabel,
} from '../src/training/detection/pseudo-label.ts';
export { exportEncoders } from '../src/training/export-encoders.ts';
export {
  exportFeatures,
  type FeatureModels,
  type Looking,
  lookingThrough,
} from '../src/training/export-features.ts';
export { exportWeights } from '../src/training/export-weights.ts';
export { presetNames, presetOf } from '../src/training/presets.ts';
export {
  initialState,
  type PretrainOptions,
  pretrain,
  totalSteps,
} from '../src/training/pretrain.ts';
export { type Initialization, initializeFrom, type PretrainedReference } from '../src/training/pretrained.ts';
// What a loss says.
export { endsAtChance } from '../src/training/run/chance.ts';
// Checkpoints.
export {
  type CheckpointEntry,
  type CheckpointMeta,
  fingerprintOf,
  latestCheckpoint,
  listCheckpoints,
  loadCheckpoint,
  loadMatching,
  saveCheckpoint,
  type TensorForm,
} from '../src/training/run/checkpoint.ts';
export { DivergedError } from '../src/training/run/divergence.ts';
export { type EncoderRun, loadEncoderRun } from '../src/training/run/encoder-run.ts';
export { loadRun, readRunConfig, type TrainedRun } from '../src/training/run/model-state.ts';
export type { ProgressStream } from '../src/training/run/progress.ts';
// A run's folder.
export {
  createRunFolder,
  type Environment,
  environment,
  type Metrics,
  type MetricsHeader,
  type MetricsLine,
  RunFolder,
  type RunFolderOptions,
  readMetrics,
} from '../src/training/run/run-folder.ts';
export { decodeSafetensors, encodeSafetensors, type Safetensors } from '../src/training/run/safetensors.ts';
export { EventWriter, type EventWriterOptions } from '../src/training/run/tensorboard-events.ts';
export { trainStep } from '../src/training/train-step.ts';
export { type RunOptions, type RunResult, type TrainingPlan, train } from '../src/training/training-loop.ts';
