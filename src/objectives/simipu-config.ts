import { z } from 'zod';

const positive = z.number().positive();
const whole = z.int().positive();
const widths = z.array(whole).min(1);
const triple = z.tuple([z.number(), z.number(), z.number()]);
const batchNorm = z.strictObject({ eps: positive, momentum: z.number().min(0).max(1) });

const level = z
  .strictObject({
    /** Points a sample that stay. */
    points: whole,
    radii: z.array(positive).min(1),
    neighbors: z.array(whole).min(1),
    widths: z.array(widths).min(1),
    out: whole,
  })
  .refine((each) => each.radii.length === each.neighbors.length && each.radii.length === each.widths.length, {
    message: 'radii, neighbors and widths must have one entry a scale each',
  });

const fields = z.strictObject({
  points: z.strictObject({
    /** Points a sample and view. */
    count: whole,
    /** The region that is kept, metres in the LiDAR frame, faces outside. */
    range: z.strictObject({ min: triple, max: triple }),
    /** Whether points that the camera does not see are left out first. */
    cropToImage: z.boolean(),
  }),
  view: z.strictObject({
    maxRotation: z.number().min(0),
    pivot: triple,
    scale: z.tuple([positive, positive]),
    flipProbability: z.number().min(0).max(1),
  }),
  image: z.strictObject({
    /** The canvas, in pixels; multiples of 32. */
    width: whole.multipleOf(32),
    height: whole.multipleOf(32),
    /** The picture is scaled by a factor from this range times what makes it fit the canvas; what is larger is cropped. */
    scale: z.tuple([positive, positive]),
    colours: z.enum(['imagenet-bgr', 'imagenet-rgb']),
  }),
  imageEncoder: z.strictObject({
    depth: z.literal([18, 34, 50]),
    width: whole,
    batchNorm,
  }),
  pointEncoder: z.strictObject({
    /** Whether the first layers see coordinates relative to the centre, beside reflectance. */
    useXyz: z.boolean(),
    /** Whether a scale's ball leaves out that of the scale before (SimIPU's shells), the centre itself excepted. */
    dilated: z.boolean(),
    bias: z.boolean(),
    batchNorm,
    levels: z.array(level).min(1),
  }),
  /** The widths of the three projection heads, their inputs apart. */
  heads: z.strictObject({ intraPoints: widths, crossImage: widths, crossPoints: widths }),
  headBatchNorm: batchNorm,
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
  let before = points.count;
  pointEncoder.levels.forEach(({ points: count, radii }, l) => {
    const level = ['pointEncoder', 'levels', l];
    if (count > before)
      fault([...level, 'points'], `expected at most the ${before} points of the level before`);
    if (pointEncoder.dilated && radii.some((radius, i) => i > 0 && radius <= radii[i - 1])) {
      fault([...level, 'radii'], 'expected increasing radii where balls are dilated');
    }
    before = count;
  });
  if (heads.crossImage.at(-1) !== heads.crossPoints.at(-1)) {
    fault(['heads', 'crossPoints'], `expected to end at the width of crossImage, ${heads.crossImage.at(-1)}`);
  }
});

/** A SimIPU model and its samples, as `simipuSchema` describes them. */
export type SimipuConfig = z.infer<typeof simipuSchema>;
