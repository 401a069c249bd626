/**
 * Layers, gradients, optimizers and schedules as pure functions over trees of tensors:
 * `import { initLinear, linear, valueAndGrad } from 'pointpair/nn'`.
 */

// Optimizers, for all parameters or by groups of them.
export { type AdamWOptions, adamW, initAdamW } from '../src/nn/adamw.ts';

// Layers.
export {
  type BatchNormOptions,
  batchNorm,
  defaultBatchNorm,
  initBatchNorm,
} from '../src/nn/batch-norm.ts';
export { type Conv2dOptions, conv2d, initConv2d } from '../src/nn/conv2d.ts';
// What changes over a run.
export { exponentialMovingAverage } from '../src/nn/ema.ts';
// Initial values.
export {
  constant,
  fansOf,
  type KaimingOptions,
  kaimingNormal,
  kaimingUniform,
  normal,
  truncatedNormal,
  uniform,
  xavierUniform,
} from '../src/nn/initializers.ts';
export { l2Normalize } from '../src/nn/l2-normalize.ts';
export { initLars, type LarsOptions, lars } from '../src/nn/lars.ts';
// What layers have in common: parameters and running statistics apart, and the way into their trees.
export { type Applied, branchAt, type Initialized, leafAt, type Mode } from '../src/nn/layer.ts';
export { initLinear, type LinearOptions, linear } from '../src/nn/linear.ts';
export { initLinearNorm, linearNorm } from '../src/nn/linear-norm.ts';
export { maxOverNeighbors } from '../src/nn/max-over-neighbors.ts';
export { maxPool3x3Stride2 } from '../src/nn/max-pool.ts';
export { initMlp, type MlpOptions, mlp } from '../src/nn/mlp.ts';
export { initMlpHead, mlpHead } from '../src/nn/mlp-head.ts';
export type { Hyperparameters, Updated } from '../src/nn/moments.ts';
export { initState, type OptimizerOptions, update } from '../src/nn/optimizers.ts';
export {
  groupOfEach,
  initOptimizer,
  learningRatesAt,
  type ParameterGroup,
  ratesAt,
  type StepRates,
  updateParameters,
} from '../src/nn/parameter-groups.ts';
export { relu } from '../src/nn/relu.ts';
export {
  multiplierAt,
  progressOf,
  type Schedule,
  type ScheduleUnit,
  type WarmUp,
} from '../src/nn/schedules.ts';
export { initSgd, type SgdOptions, sgd } from '../src/nn/sgd.ts';
// Gradients, and where they stop.
export { stopGradient } from '../src/nn/stop-gradient.ts';
export { type ValueAndGrad, valueAndGrad } from '../src/nn/value-and-grad.ts';
