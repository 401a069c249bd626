import { z } from 'zod';
import { batchNormSchema, type EncodersConfig, widthsSchema } from '../encoders/encoder-config.ts';

const positive = z.number().positive();

/** SimIPU's own part of a run's configuration. */
export const simipuSchema = z
  .strictObject({
    /** At most this share of the drawn points is ground, as far as there are enough others; absent, all are drawn alike. */
    groundShare: z.number().min(0).max(1).optional(),
    /** Whether farthest points begin at the same point in both views, so that their centres coincide; not so as released. */
    sameStart: z.boolean().optional(),
    view: z.strictObject({
      maxRotation: z.number().min(0),
      pivot: z.tuple([z.number(), z.number(), z.number()]),
      scale: z.tuple([positive, positive]),
      flipProbability: z.number().min(0).max(1),
    }),
    /** The picture is scaled by a factor from this range times what makes it fit the canvas; what is larger is cropped. */
    imageScale: z.tuple([positive, positive]),
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
  })
  .superRefine(({ heads }, context) => {
    if (heads.crossImage.at(-1) === heads.crossPoints.at(-1)) return;
    const message = `expected to end at the width of crossImage, ${heads.crossImage.at(-1)}`;
    context.addIssue({ code: 'custom', path: ['heads', 'crossPoints'], message });
  });

/** SimIPU's own part of a run's configuration, as `simipuSchema` describes it. */
export type SimipuConfig = z.infer<typeof simipuSchema>;
/** Its two encoders. */
export type SimipuEncoders = Required<EncodersConfig>;
