/**
 * Pretraining runs: their configuration, the loop, what they leave on disk, and the encoders as ONNX files:
 * `import { presetOf, pretrain } from 'pointpair/training'`.
 */

// What a loss says.
export { endsAtChance } from '../src/training/chance.ts';
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
} from '../src/training/checkpoint.ts';
// Configuration.
export {
  applySettings,
  parameterGroups,
  parseRunConfig,
  type RunConfig,
  runConfigSchema,
} from '../src/training/config.ts';

// The loop.
export { createObjective } from '../src/training/create-objective.ts';
export { DivergedError } from '../src/training/divergence.ts';
// What was learned, and taking it elsewhere.
export { exportEncoders } from '../src/training/export-encoders.ts';
export { loadRun, readRunConfig, type TrainedRun } from '../src/training/model-state.ts';
export { presetNames, presetOf } from '../src/training/presets.ts';
export {
  initialState,
  type PretrainOptions,
  pretrain,
  totalSteps,
} from '../src/training/pretrain.ts';
export type { ProgressStream } from '../src/training/progress.ts';
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
} from '../src/training/run-folder.ts';
export { decodeSafetensors, encodeSafetensors, type Safetensors } from '../src/training/safetensors.ts';
export { EventWriter, type EventWriterOptions } from '../src/training/tensorboard-events.ts';
export { trainStep } from '../src/training/train-step.ts';
export { type RunOptions, type RunResult, type TrainingPlan, train } from '../src/training/training-loop.ts';
