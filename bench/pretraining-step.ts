import type { HostTensor } from '../src/engine/host-tensor.ts';
import type { Tree } from '../src/engine/tree.ts';
import { parameterGroups, type RunConfig } from '../src/training/config.ts';
import { createPretraining } from '../src/training/create-pretraining.ts';
import { initialState } from '../src/training/pretrain.ts';
import { trainStep } from '../src/training/train-step.ts';
import { type RepeatedStep, repeatedStep, type StepReference, type StepRunOptions } from './repeated-step.ts';

/** What is pretrained, and the one batch `{ data, rates, inputs }` that it is pretrained on: plain data. */
export interface PretrainingStepOptions extends StepRunOptions {
  readonly config: RunConfig;
  /** Frames of the data set. */
  readonly frames: number;
  readonly batch: Tree<HostTensor>;
}

/** The step of pretraining alone, without files and loader. */
export async function pretrainingStep(options: PretrainingStepOptions): Promise<RepeatedStep> {
  const { config, frames, batch } = options;
  const pretraining = createPretraining(config, config.batchSize);
  const step = trainStep(pretraining, parameterGroups(config, pretraining.groups), { clip: config.clip });
  return repeatedStep(step, { state: initialState(config, { frames }), batch }, options);
}

/** This step, for a process of its own to prepare. */
export function pretrainingStepReference(options: PretrainingStepOptions): StepReference {
  return { module: import.meta.url, export: 'pretrainingStep', options };
}
