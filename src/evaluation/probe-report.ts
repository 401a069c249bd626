import { z } from 'zod';

const percent = z.number().min(0).max(100);

/** What frozen features of one kind are worth, percent of right answers; null where it was not measured. */
const measuresSchema = z.strictObject({
  /** Weighted vote of the nearest training pictures, on the test pictures. */
  knn: percent.nullable(),
  /** The same for each training picture among all others. */
  knnLeaveOneOut: percent.nullable(),
  /** A linear classifier of the frozen features, on the test pictures. */
  linear: percent.nullable(),
});

/** The same of several networks: means over their seeds, and deviations. */
const manySchema = measuresSchema.extend({
  seeds: z.int().positive(),
  std: measuresSchema,
  effectiveRank: z.number(),
});

/** The schema of `probe.json`. */
export const probeReportSchema = measuresSchema.extend({
  /** One standard error of each, in points: of the choice of pictures alone. */
  standardError: measuresSchema,
  /** Encoders of the same form with random weights. */
  randomEncoder: manySchema.nullable(),
  rawPixels: measuresSchema.nullable(),
  /** Random patches of the pictures as filters (Coates and Ng 2011); null where it was not asked for. */
  randomPatches: measuresSchema.nullable(),
  /** Right answers after training the whole network on a share of the labels; empty where it was not asked for. */
  finetune: z.array(
    z.strictObject({
      fraction: z.number(),
      pretrained: percent,
      fromScratch: percent,
      /** Layers of the projection head that were kept, where any were. */
      layer: z.int().positive().optional(),
      /** Of the run's encoder after it learned the probabilities of what was fine-tuned, on all pictures without labels. */
      distilled: percent.optional(),
    }),
  ),
  effectiveRank: z.number(),
  largestRank: z.int().positive(),
  collapse: z.enum(['none', 'dimensional', 'complete']),
  collapseSentence: z.string(),
  /** What was looked at, and how. */
  setting: z.strictObject({
    run: z.string(),
    step: z.int().min(0),
    data: z.string(),
    encoder: z.enum(['image', 'points']),
    classes: z.array(z.string()),
    training: z.int().positive(),
    test: z.int().min(0),
    k: z.int().positive(),
    temperature: z.number().positive(),
    metric: z.literal('cosine'),
  }),
});

/** What `pointpair probe` finds. */
export type ProbeReport = z.infer<typeof probeReportSchema>;
/** What frozen features of one kind are worth. */
export type ProbeMeasures = z.infer<typeof measuresSchema>;
