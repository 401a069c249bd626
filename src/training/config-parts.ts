import { z } from 'zod';
import type { OptimizerOptions } from '../nn/optimizers.ts';
import type { ParameterGroup } from '../nn/parameter-groups.ts';

const whole = z.int().positive();
const unit = z.number().min(0).max(1);
const shared = {
  learningRate: z.number().min(0),
  weightDecay: z.number().min(0),
  /** What the weight decay becomes by the end of the run, along half a cosine (DINO); absent, it stays. */
  weightDecayEnd: z.number().min(0).optional(),
};

/** An optimizer, its learning rate and weight decay. */
export const optimizerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('sgd'), momentum: unit, nesterov: z.boolean().optional(), ...shared }),
  z.strictObject({
    kind: z.literal('adamw'),
    beta1: unit.optional(),
    beta2: unit.optional(),
    eps: z.number().positive().optional(),
    /** Whether biases and norms, all that has one dimension or none, go without weight decay; false by default. */
    excludeVectors: z.boolean().optional(),
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
  /**
   * Where each batch is shared out among ranks: whether batch norms are `synchronised`, over the rows of all, or each `rank` has its
   * own; absent, as the system says.
   */
  ranks: z.strictObject({ batchNorm: z.enum(['synchronised', 'rank']) }).optional(),
  batchSize: whole,
  seed: z.int().min(0),
  checkpoint: z.strictObject({ everySteps: whole, keep: whole }),
  loader: z.strictObject({ workers: z.int().min(0), prefetch: whole }),
};

/** A parameter group of a configured optimizer. */
export function groupOf(
  name: string,
  match: readonly string[],
  { learningRate, weightDecay, weightDecayEnd, ...optimizer }: z.infer<typeof optimizerSchema>,
): ParameterGroup {
  const decay = { weightDecay, ...(weightDecayEnd !== undefined && { weightDecayEnd }) };
  return { name, match, optimizer: optimizer as OptimizerOptions, learningRate, ...decay };
}
