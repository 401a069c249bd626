import { z } from 'zod';
import type { OptimizerOptions } from '../nn/optimizers.ts';
import type { ParameterGroup } from '../nn/parameter-groups.ts';

const whole = z.int().positive();
const unit = z.number().min(0).max(1);
const shared = { learningRate: z.number().min(0), weightDecay: z.number().min(0) };

/** An optimizer, its learning rate and weight decay. */
export const optimizerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('sgd'), momentum: unit, nesterov: z.boolean().optional(), ...shared }),
  z.strictObject({
    kind: z.literal('adamw'),
    beta1: unit.optional(),
    beta2: unit.optional(),
    eps: z.number().positive().optional(),
    ...shared,
  }),
  z.strictObject({
    kind: z.literal('lars'),
    momentum: unit,
    trustCoefficient: z.number().positive().optional(),
    excludeVectors: z.boolean().optional(),
    ...shared,
  }),
]);

/** What the schedule counts: steps, whole epochs, or the share of the run that is done. */
const per = z.enum(['step', 'epoch', 'run']).optional();
const warmUp = z.strictObject({ length: z.number().positive(), start: unit.optional() }).optional();
/** How learning rates go on. */
export const scheduleSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('constant'), warmUp, per }),
  z.strictObject({
    kind: z.literal('step'),
    milestones: z.array(z.number()),
    gamma: z.number().positive(),
    warmUp,
    per,
  }),
  z.strictObject({ kind: z.literal('exponential'), gamma: z.number().positive(), warmUp, per }),
  z.strictObject({
    kind: z.literal('cosine'),
    length: z.number().positive(),
    end: unit.optional(),
    warmUp,
    per,
  }),
]);

/** What every training loop needs, whatever it trains. */
export const loopFields = {
  batchSize: whole,
  seed: z.int().min(0),
  checkpoint: z.strictObject({ everySteps: whole, keep: whole }),
  loader: z.strictObject({ workers: z.int().min(0), prefetch: whole }),
};

/** A parameter group of a configured optimizer. */
export function groupOf(
  name: string,
  match: readonly string[],
  { learningRate, weightDecay, ...optimizer }: z.infer<typeof optimizerSchema>,
): ParameterGroup {
  return { name, match, optimizer: optimizer as OptimizerOptions, learningRate, weightDecay };
}
