import { Random } from '../../src/engine/random.ts';
import { initOptimizer, ratesAt } from '../../src/nn/parameter-groups.ts';
import { parameterGroups, type RunConfig } from '../../src/training/config.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { trainStep } from '../../src/training/train-step.ts';
import { changed, syntheticBatch, tinyRun } from './tiny-simipu.ts';

/**
 * A run whose steps can be compared between backends. Three things would make rounding errors grow, and are no errors of a
 * backend: AdamW where a gradient is nothing but rounding (as of what a batch norm cancels), batch norms of a few nearly
 * equal values, and large steps.
 */
export function comparableRun(): RunConfig {
  const run = tinyRun();
  const { points, image, heads } = run.optimizers;
  const slow = <Optimizer extends { readonly learningRate: number }>(optimizer: Optimizer) => ({
    ...optimizer,
    learningRate: 0.01 * optimizer.learningRate,
  });
  const config = changed(run, {
    simipu: { stopGradient: 'none', headBatchNorm: { eps: 0.01, momentum: 0.1 } },
    image: { batchNorm: { eps: 0.1, momentum: 0.1 } },
    canvas: { width: 64 },
  });
  return {
    ...config,
    optimizers: {
      points: { ...slow(points!), kind: 'adamw', eps: 1e-3 },
      image: slow(image!),
      heads: slow(heads),
    },
  };
}

/** What the first steps of a run need: the step, the state it begins with, and a synthetic batch for each of the seeds. */
export function firstSteps(config: RunConfig, seeds: readonly number[]) {
  const pretraining = createPretraining(config, config.batchSize);
  const groups = parameterGroups(config, pretraining.groups);
  const { params, stats } = pretraining.initialize(Random.fromSeed('start'), { frames: 0 });
  const batches = seeds.map((seed, i) => ({
    data: syntheticBatch(pretraining, seed),
    rates: { ...ratesAt(groups, config.schedule, { progress: i, share: 0 }) },
  }));
  return {
    step: trainStep(pretraining, groups),
    state: { params, stats, optimizer: initOptimizer(groups, params) },
    batches,
  };
}
