import { z } from 'zod';
import type { Detector } from '../../detection/detector.ts';
import { Fusion } from '../../detection/fusion.ts';
import { fusionSchema } from '../../detection/fusion-config.ts';
import { Image3d } from '../../detection/image3d.ts';
import { image3dSchema } from '../../detection/image3d-config.ts';
import { Monorun } from '../../detection/monorun/monorun.ts';
import { monorunSchema } from '../../detection/monorun/monorun-config.ts';
import { Point3d } from '../../detection/point3d.ts';
import { point3dSchema } from '../../detection/point3d-config.ts';
import type { ParameterGroup } from '../../nn/parameter-groups.ts';
import { applySettingsTo, parseConfig } from '../config-keys.ts';
import { groupOf, loopFields, optimizerSchema, scheduleSchema } from '../config-parts.ts';
import { encoderGroups, encoderTuningSchema } from './encoder-tuning.ts';

const shared = {
  ...loopFields,
  /** The length of the run: epochs over the labelled frames, or, where it is given, steps. */
  epochs: z.number().positive(),
  steps: z.int().positive().nullable(),
  /** Progress counts from 0 to 1 over the run. */
  schedule: scheduleSchema,
  /** Of the pretrained encoders, and of what is new. */
  optimizers: z.strictObject({ encoders: optimizerSchema, heads: optimizerSchema }),
  /** How encoders that were pretrained are trained on; absent, like all else. */
  encoderTuning: encoderTuningSchema.optional(),
  /** Gradients whose norm over all parameters is above this are scaled down to it; null leaves them as they are. */
  clipNorm: z.number().positive().nullable(),
  /** Which share of the frames has its labels used, and the seed that draws them: a smaller share is part of a larger one. */
  labels: z.strictObject({ fraction: z.number().positive().max(1), seed: z.int().min(0) }),
};

/** Everything that a detector's training depends on, but for the run that it begins with. */
export const detectionConfigSchema = z.discriminatedUnion('detector', [
  z.strictObject({ detector: z.literal('image3d'), image3d: image3dSchema, ...shared }),
  z.strictObject({ detector: z.literal('point3d'), point3d: point3dSchema, ...shared }),
  z.strictObject({ detector: z.literal('fusion'), fusion: fusionSchema, ...shared }),
  z.strictObject({ detector: z.literal('monorun'), monorun: monorunSchema, ...shared }),
]);

/** The names of the detectors. */
export const detectorNames: readonly string[] = detectionConfigSchema.options.map(
  ({ shape }) => shape.detector.value,
);

/** A detector and its training, as `detectionConfigSchema` describes it. */
export type DetectionConfig = z.infer<typeof detectionConfigSchema>;

/** Whether a detector takes pictures; one over points alone does not need them. */
export function takesPictures({ detector }: Pick<DetectionConfig, 'detector'>): boolean {
  return detector !== 'point3d';
}

/** The detector that a configuration asks for. */
export function createDetector(config: DetectionConfig): Detector<unknown> {
  const { batchSize } = config;
  switch (config.detector) {
    case 'image3d':
      return new Image3d(config.image3d, batchSize) as Detector<unknown>;
    case 'point3d':
      return new Point3d(config.point3d, batchSize) as Detector<unknown>;
    case 'fusion':
      return new Fusion(config.fusion, batchSize) as Detector<unknown>;
    case 'monorun':
      return new Monorun(config.monorun, batchSize) as Detector<unknown>;
  }
}

/** The classes that a detector finds. */
export function classesOf(config: DetectionConfig): readonly string[] {
  return modelOf(config).classes;
}

/** The part of a configuration that describes the detector itself. */
export function modelOf(config: DetectionConfig) {
  switch (config.detector) {
    case 'image3d':
      return config.image3d;
    case 'point3d':
      return config.point3d;
    case 'fusion':
      return config.fusion;
    case 'monorun':
      return config.monorun;
  }
}

/** The encoders' parameters, in one group or level by level, and all others. */
export function detectionGroups(config: DetectionConfig): ParameterGroup[] {
  const { optimizers, encoderTuning } = config;
  return [
    ...encoderGroups(optimizers.encoders, encoderTuning, modelOf(config)),
    groupOf('heads', [''], optimizers.heads),
  ];
}

/** A configuration held against the schema. Throws an InputError that names the key, and the nearest known one to an unknown key. */
export function parseDetectionConfig(value: unknown, from: { readonly file: string }): DetectionConfig {
  return parseConfig(detectionConfigSchema, value, from);
}

/** The configuration with settings of the form `key.path=value` applied. */
export function applyDetectionSettings(
  config: DetectionConfig,
  settings: readonly string[],
): DetectionConfig {
  return applySettingsTo(detectionConfigSchema, config, settings);
}
