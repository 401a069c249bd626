import { z } from 'zod';
import { InputError } from '../../engine/input-error.ts';
import type { ParameterGroup } from '../../nn/parameter-groups.ts';
import { groupOf, type optimizerSchema } from '../config-parts.ts';

/** How pretrained encoders are trained on, so that few labels do not undo what they have learned. */
export const encoderTuningSchema = z.strictObject({
  /** They stay as they are for this share of the run, while the heads begin to learn; 0.25 is the first quarter. */
  frozenUntil: z.number().min(0).max(1).optional(),
  /** Each level or stage learns at this many times the rate of the one after it: 1 is all alike, 0.5 halves it towards the input. */
  layerDecay: z.number().positive().max(1).optional(),
});

/** A detector's encoders, as far as their levels are concerned. */
interface Encoders {
  readonly imageEncoder?: { readonly kind?: string };
  readonly pointEncoder?: { readonly levels: readonly unknown[] };
}

/**
 * The groups of the encoders' parameters: one, or with `layerDecay` one a level of each encoder. Of L levels, level l learns at the
 * encoders' rate times layerDecay^(L - l); the last has the rate itself, and what comes before the first (a ResNet's stem) is level 0.
 * Throws an InputError for `layerDecay` of an image encoder without such stages. Howard and Ruder, "Universal Language Model
 * Fine-tuning for Text Classification", ACL 2018.
 */
export function encoderGroups(
  optimizer: z.infer<typeof optimizerSchema>,
  { frozenUntil, layerDecay = 1 }: z.infer<typeof encoderTuningSchema> = {},
  { imageEncoder, pointEncoder }: Encoders,
): ParameterGroup[] {
  const group = (name: string, match: readonly string[], factor = 1): ParameterGroup => ({
    ...groupOf(name, match, optimizer),
    learningRate: optimizer.learningRate * factor,
    ...(frozenUntil !== undefined && { frozenUntil }),
  });
  if (layerDecay === 1) return [group('encoders', ['imageEncoder', 'pointEncoder'])];
  const levels = (encoder: string, key: string, count: number) => [
    ...Array.from({ length: count }, (_, i) =>
      group(`${encoder}${count - i}`, [`${encoder}/${key}${count - i}`], layerDecay ** i),
    ),
    group(`${encoder}0`, [encoder], layerDecay ** count),
  ];
  if (imageEncoder !== undefined && (imageEncoder.kind ?? 'resnet') !== 'resnet') {
    const expected = '1 or absent, as its image encoder has no stages like those of a ResNet';
    throw new InputError({
      ...{ file: 'configuration', place: 'encoderTuning.layerDecay', expected },
      found: `${layerDecay}, and a ${imageEncoder.kind}`,
    });
  }
  return [
    ...(pointEncoder === undefined ? [] : levels('pointEncoder', 'sa', pointEncoder.levels.length)),
    ...(imageEncoder === undefined ? [] : levels('imageEncoder', 'layer', 4)),
  ];
}
