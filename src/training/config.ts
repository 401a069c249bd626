import { z } from 'zod';
import type { ParameterGroup } from '../nn/parameter-groups.ts';
import { simipuSchema } from '../objectives/simipu-config.ts';
import { applySettingsTo, parseConfig } from './config-keys.ts';
import { groupOf, loopFields, optimizerSchema, scheduleSchema } from './config-parts.ts';

/** Everything that a pretraining run depends on. Progress of the schedule counts whole epochs. */
export const runConfigSchema = z.strictObject({
  objective: z.literal('simipu'),
  simipu: simipuSchema,
  ...loopFields,
  /** The length of the run: epochs, or, where it is given, steps. */
  epochs: z.number().positive(),
  steps: z.int().positive().nullable(),
  schedule: scheduleSchema,
  /** Of each parameter group. */
  optimizers: z.strictObject({ points: optimizerSchema, image: optimizerSchema, heads: optimizerSchema }),
});

/** A pretraining run, as `runConfigSchema` describes it. */
export type RunConfig = z.infer<typeof runConfigSchema>;

/** SimIPU's parameter groups: the head of the image branch is trained with the image encoder, as released. */
export function parameterGroups({ optimizers }: RunConfig): ParameterGroup[] {
  return [
    groupOf('points', ['pointEncoder'], optimizers.points),
    groupOf('image', ['imageEncoder', 'heads/crossImage'], optimizers.image),
    groupOf('heads', ['heads'], optimizers.heads),
  ];
}

/** A configuration held against the schema. Throws an InputError that names the key, and the nearest known one to an unknown key. */
export function parseRunConfig(value: unknown, from: { readonly file: string }): RunConfig {
  return parseConfig(runConfigSchema, value, from);
}

/** The configuration with settings of the form `key.path=value` applied, as `applySettingsTo` does it. */
export function applySettings(config: RunConfig, settings: readonly string[]): RunConfig {
  return applySettingsTo(runConfigSchema, config, settings);
}
