import { z } from 'zod';
import {
  batchNormSchema,
  canvasFields,
  imageEncoderSchema,
  pointEncoderFaults,
  pointEncoderSchema,
  pointsSchema,
  widthsSchema,
} from '../encoders/encoder-config.ts';

const positive = z.number().positive();
const triple = z.tuple([z.number(), z.number(), z.number()]);

const fields = z.strictObject({
  points: pointsSchema,
  /** At most this share of the drawn points is ground, as far as there are enough others; absent, all are drawn alike. */
  groundShare: z.number().min(0).max(1).optional(),
  view: z.strictObject({
    maxRotation: z.number().min(0),
    pivot: triple,
    scale: z.tuple([positive, positive]),
    flipProbability: z.number().min(0).max(1),
  }),
  image: z.strictObject({
    ...canvasFields,
    /** The picture is scaled by a factor from this range times what makes it fit the canvas; what is larger is cropped. */
    scale: z.tuple([positive, positive]),
  }),
  imageEncoder: imageEncoderSchema,
  pointEncoder: pointEncoderSchema,
  /** The widths of the three projection heads, their inputs apart. */
  heads: z.strictObject({ intraPoints: widthsSchema, crossImage: widthsSchema, crossPoints: widthsSchema }),
  headBatchNorm: batchNormSchema,
  temperature: positive,
  /** What the cross-modal loss does not reach: the point head and encoder (as released), the encoder, or nothing. */
  stopGradient: z.enum(['point-output', 'point-feature', 'none']),
  /** Matched pairs farther apart than this, metres, do not count; null counts all, as released. */
  matchGateM: positive.nullable(),
  /** Whether points that fall outside of the image leave the cross-modal loss; as released they stay, with features 0. */
  validityMask: z.boolean(),
  /** The weight of the cross-modal loss. */
  crossFactor: z.number().min(0),
});

/** Everything that makes up a SimIPU model and its samples: what its parts have to have in common is checked as well. */
export const simipuSchema = fields.superRefine((config, context) => {
  const { pointEncoder, heads, points } = config;
  const fault = (path: ReadonlyArray<string | number>, message: string) =>
    context.addIssue({ code: 'custom', path: [...path], message });
  for (const { path, message } of pointEncoderFaults(pointEncoder, points.count))
    fault(['pointEncoder', ...path], message);
  if (heads.crossImage.at(-1) !== heads.crossPoints.at(-1)) {
    fault(['heads', 'crossPoints'], `expected to end at the width of crossImage, ${heads.crossImage.at(-1)}`);
  }
});

/** A SimIPU model and its samples, as `simipuSchema` describes them. */
export type SimipuConfig = z.infer<typeof simipuSchema>;
