import { z } from 'zod';
import { encodersSchema } from '../../encoders/encoder-config.ts';
import type { PictureEncoder } from '../../evaluation/frozen-features.ts';
import type { ParameterGroup } from '../../nn/parameter-groups.ts';
import { parseConfig } from '../config-keys.ts';
import { groupOf, loopFields, optimizerSchema, scheduleSchema } from '../config-parts.ts';

const share = z.number().positive().max(1);

/** A run that trains a classifier of pictures whole. */
export const classifierConfigSchema = z.strictObject({
  classifier: z.strictObject({
    /** By labels from a run's encoder (`finetuned`) or from random weights (`scratch`), or by what a fine-tuned one says (`distilled`). */
    stage: z.enum(['finetuned', 'scratch', 'distilled']),
    /** The share of the labels that was learned from, by the teacher where there is one. */
    fraction: share,
    classes: z.array(z.string()).min(2),
    /** Layers of the run's projection head that are kept below the linear layer. */
    layers: z.int().min(0),
    /** The share of a picture's area that is looked at. */
    area: z.tuple([share, share]),
    /** What divides the logits of teacher and student. */
    temperature: z.number().positive().optional(),
  }),
  encoders: encodersSchema,
  ...loopFields,
  steps: z.int().positive(),
  schedule: scheduleSchema,
  /** Of encoder and kept layers, and of the linear layer. */
  optimizers: z.strictObject({ image: optimizerSchema, heads: optimizerSchema }),
});

/** A run that trains a classifier, as its `config.json` has it. */
export type ClassifierConfig = z.infer<typeof classifierConfigSchema>;
/** What a classifier is trained by. */
export type ClassifierStage = ClassifierConfig['classifier']['stage'];

/** The configuration of such a run; every classifier is trained alike, along half a cosine, on crops and mirrored. */
export function classifierConfig({
  image,
  steps,
  ...classifier
}: Omit<ClassifierConfig['classifier'], 'area'> & {
  readonly image: PictureEncoder;
  readonly steps: number;
}): ClassifierConfig {
  const sgd = (learningRate: number) =>
    ({ kind: 'sgd', momentum: 0.9, learningRate, weightDecay: 5e-4 }) as const;
  return {
    classifier: { ...classifier, area: [0.4, 1] },
    encoders: { image },
    batchSize: 64,
    seed: 0,
    steps,
    schedule: { kind: 'cosine', per: 'run', length: 1 },
    optimizers: { image: sgd(0.02), heads: sgd(0.1) },
    checkpoint: { everySteps: 20, keep: 1 },
    loader: { workers: 0, prefetch: 1 },
  };
}

/** The parameter groups of a classifier. */
export function classifierGroups({ optimizers }: ClassifierConfig): ParameterGroup[] {
  return [
    groupOf('encoder', ['imageEncoder', 'projection'], optimizers.image),
    groupOf('head', [''], optimizers.heads),
  ];
}

/** A configuration held against the schema. Throws an InputError that names the key. */
export function parseClassifierConfig(value: unknown, from: { readonly file: string }): ClassifierConfig {
  return parseConfig(classifierConfigSchema, value, from);
}

/** What a classifier is trained by, in words. */
export function describeStage({ stage, fraction }: ClassifierConfig['classifier']): string {
  const labels = `a share of ${fraction} of the labels`;
  if (stage === 'distilled') return `what was fine-tuned on ${labels}, without labels`;
  return stage === 'scratch' ? `${labels}, from random weights` : labels;
}
