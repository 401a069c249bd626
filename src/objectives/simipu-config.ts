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

/** Everything that makes up a SimIPU model and its samples. Defaults are those of the released configuration. */
export const simipuSchema = z.strictObject({
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
    depth: z.union([z.literal(18), z.literal(34), z.literal(50)]),
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

export type SimipuConfig = z.infer<typeof simipuSchema>;
