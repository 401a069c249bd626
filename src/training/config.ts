import { z } from 'zod';
import { encodersSchema } from '../encoders/encoder-config.ts';
import type { GroupRule } from '../encoders/trainable.ts';
import type { ParameterGroup } from '../nn/parameter-groups.ts';
import { defaultOptions } from '../objectives/objective.ts';
import { systems } from '../objectives/systems.ts';
import { applySettingsTo, parseConfig } from './config-keys.ts';
import { groupOf, loopFields, optimizerSchema, scheduleSchema } from './config-parts.ts';

/** What every objective of a run has beside its own options: what its loss is weighed with, 1 where it is not given. */
const weight = z.number().min(0).optional();

const fields = z.strictObject({
  /** The networks that are pretrained. */
  encoders: encodersSchema,
  /** The systems that they learn by, alone or together. */
  objectives: z.strictObject(
    Object.fromEntries(
      systems.map(({ name, schema }) => [name, withWeight(schema as unknown as z.ZodObject).optional()]),
    ),
  ),
  ...loopFields,
  /** The length of the run: epochs, or, where it is given, steps. Without epochs the frames are a stream, to which more may come. */
  epochs: z.number().positive().nullable(),
  steps: z.int().positive().nullable(),
  /** Progress counts whole epochs where `per` says nothing else. */
  schedule: scheduleSchema,
  /** Of the point encoder, of the image encoder, and of everything else; only what there is needs one. */
  optimizers: z.strictObject({
    points: optimizerSchema.optional(),
    image: optimizerSchema.optional(),
    heads: optimizerSchema,
  }),
  /** Gradients longer than `norm` are scaled down to it, all parameters' together or each alone; absent, they stay. */
  clip: z.strictObject({ norm: z.number().positive(), of: z.enum(['all', 'each']) }).optional(),
});

/** Everything that a pretraining run depends on. */
export const runConfigSchema = fields.superRefine((config, context) => {
  const { encoders, objectives, optimizers, steps, epochs, schedule } = config;
  const fault = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  const chosen = systems.filter(({ name }) => objectives[name] !== undefined);
  if (chosen.length === 0)
    fault(['objectives'], `expected at least one of ${systems.map(({ name }) => name).join(', ')}`);
  if (steps === null && epochs === null) fault(['steps'], 'expected steps, or epochs');
  const changes = schedule.kind !== 'constant' || schedule.warmUp !== undefined;
  if (epochs === null && changes && (schedule.per ?? 'epoch') === 'epoch')
    fault(['schedule', 'per'], "expected 'step' or 'run', as there are no epochs");
  for (const part of ['image', 'points'] as const) {
    if (encoders[part] !== undefined && optimizers[part] === undefined)
      fault(['optimizers', part], `expected an optimizer of the ${part} encoder`);
    const needing = chosen.find(({ needs }) => needs.includes(part) && encoders[part] === undefined);
    if (needing !== undefined) fault(['encoders', part], `expected an encoder, which ${needing.name} needs`);
  }
});

/** A pretraining run, as `runConfigSchema` describes it. */
export type RunConfig = z.infer<typeof fields>;

/** A system's schema with the weight beside its options; its own checks stay. */
function withWeight(schema: z.ZodObject): z.ZodObject {
  return schema.safeExtend({ weight });
}

/**
 * A run's parameter groups: the encoders', those of rules that have a rate or a schedule of their own, and all others.
 * What a rule gives to an encoder's optimizer without more is trained in that encoder's group.
 */
export function parameterGroups({ optimizers }: RunConfig, rules: readonly GroupRule[]): ParameterGroup[] {
  const isOwn = ({ rate, constantRate, frozenUntil }: GroupRule) =>
    (rate !== undefined && rate !== 1) || constantRate === true || frozenUntil !== undefined;
  const joined = (as: GroupRule['as']) =>
    rules.filter((rule) => rule.as === as && !isOwn(rule)).flatMap(({ match }) => match);
  const { points, image, heads } = optimizers;
  const own = rules.filter(isOwn).map(({ match, as, rate = 1, constantRate, frozenUntil }) => {
    const optimizer = optimizers[as] ?? heads;
    const group = groupOf(match[0].replaceAll('/', '-'), match, optimizer);
    return { ...group, learningRate: group.learningRate * rate, constantRate, frozenUntil };
  });
  return [
    ...(points === undefined ? [] : [groupOf('points', ['pointEncoder', ...joined('points')], points)]),
    ...(image === undefined ? [] : [groupOf('image', ['imageEncoder', ...joined('image')], image)]),
    ...own,
    groupOf('heads', [''], heads),
  ];
}

/** A configuration held against the schema. Throws an InputError that names the key, and the nearest known one to an unknown key. */
export function parseRunConfig(value: unknown, from: { readonly file: string }): RunConfig {
  return parseConfig(runConfigSchema, value, from);
}

/**
 * The configuration with settings of the form `key.path=value` applied, as `applySettingsTo` does it. A system that the run
 * does not have yet joins it as soon as one of its options is set (`objectives.moco.weight=0.5`): with its default options.
 *
 * @example
 * const config = applySettings(presetOf('simipu-small')!, ['steps=10', 'optimizers.heads.learningRate=0.01']);
 * config.steps; // 10
 */
export function applySettings(config: RunConfig, settings: readonly string[]): RunConfig {
  return applySettingsTo(runConfigSchema, config, settings, {
    absent: ([branch, name, ...below]) => {
      const named = systems.find((system) => system.name === name);
      return branch === 'objectives' && below.length === 0 && named ? defaultOptions(named) : undefined;
    },
  });
}
