import { z } from 'zod';
import { type ResNetOptions, type ResNetStage, resNetChannels } from '../image/resnet.ts';
import type { PointNet2Options } from '../pointcloud/pointnet2-encoder.ts';

const positive = z.number().positive();
const whole = z.int().positive();
const triple = z.tuple([z.number(), z.number(), z.number()]);

/** The options of a batch norm. */
export const batchNormSchema = z.strictObject({ eps: positive, momentum: z.number().min(0).max(1) });

/** The widths of a chain of layers. */
export const widthsSchema = z.array(whole).min(1);

/** Which points of a sweep an encoder gets. */
export const pointsSchema = z.strictObject({
  /** Points a sample and view. */
  count: whole,
  /** The region that is kept, metres in the LiDAR frame, faces outside. */
  range: z.strictObject({ min: triple, max: triple }),
  /** Whether points that the camera does not see are left out first. */
  cropToImage: z.boolean(),
});

/** The canvas that pictures are scaled into, in pixels (multiples of 32), and their colours. */
export const canvasFields = {
  width: whole.multipleOf(32),
  height: whole.multipleOf(32),
  colours: z.enum(['imagenet-bgr', 'imagenet-rgb']),
};

/** A ResNet. */
export const imageEncoderSchema = z.strictObject({
  depth: z.literal([18, 34, 50]),
  width: whole,
  batchNorm: batchNormSchema,
  /** `small` for pictures of 32 pixels or so: 3x3 without stride or pooling, so that features have a stride of 8 instead of 32. */
  stem: z.enum(['standard', 'small']).optional(),
});

const levelSchema = z
  .strictObject({
    /** Points a sample that stay. */
    points: whole,
    radii: z.array(positive).min(1),
    neighbors: z.array(whole).min(1),
    widths: z.array(widthsSchema).min(1),
    out: whole,
  })
  .refine((each) => each.radii.length === each.neighbors.length && each.radii.length === each.widths.length, {
    message: 'radii, neighbors and widths must have one entry a scale each',
  });

/** A PointNet++ with multi-scale grouping. */
export const pointEncoderSchema = z.strictObject({
  /** Whether the first layers see coordinates relative to the centre, beside reflectance. */
  useXyz: z.boolean(),
  /** Whether a scale's ball leaves out that of the scale before (the shells of Li et al. 2022), the centre itself excepted. */
  dilated: z.boolean(),
  bias: z.boolean(),
  batchNorm: batchNormSchema,
  levels: z.array(levelSchema).min(1),
});

/** The encoders of a run, and what each looks at: the canvas of pictures, and the points of a sweep. */
export const encodersSchema = z
  .strictObject({
    image: imageEncoderSchema
      .extend({
        input: z.strictObject(canvasFields),
        /** `lab`: two networks of half the width, one for lightness and one for colour, their maps side by side (CMC). */
        split: z.literal('lab').optional(),
      })
      .refine(({ split, width }) => split === undefined || width % 2 === 0, {
        path: ['width'],
        message: 'expected an even number where the encoder is split',
      })
      .optional(),
    points: pointEncoderSchema.extend({ input: pointsSchema }).optional(),
  })
  .superRefine(({ points }, context) => {
    if (points === undefined) return;
    for (const { path, message } of pointEncoderFaults(points, points.input.count))
      context.addIssue({ code: 'custom', path: ['points', ...path], message });
  });

/** The encoders of a run, as `encodersSchema` describes them. */
export type EncodersConfig = z.infer<typeof encodersSchema>;
/** The canvas that pictures are scaled into, and their colours. */
export type PictureInput = NonNullable<EncodersConfig['image']>['input'];
/** A ResNet, as `imageEncoderSchema` describes it. */
export type ImageEncoderConfig = z.infer<typeof imageEncoderSchema>;
/** An image encoder of a run: a ResNet, or two of half the width. */
export type SplitImageEncoder = ImageEncoderConfig &
  Partial<Pick<NonNullable<EncodersConfig['image']>, 'split' | 'input'>>;
/** A PointNet++, as `pointEncoderSchema` describes it. */
export type PointEncoderConfig = z.infer<typeof pointEncoderSchema>;

/** Says where what a point encoder's levels have to have in common is broken: path below the encoder, and message. */
export function pointEncoderFaults(
  { levels, dilated }: PointEncoderConfig,
  count: number,
): Array<{ readonly path: ReadonlyArray<string | number>; readonly message: string }> {
  const faults: Array<{ readonly path: ReadonlyArray<string | number>; readonly message: string }> = [];
  let before = count;
  levels.forEach(({ points, radii }, l) => {
    if (points > before)
      faults.push({
        path: ['levels', l, 'points'],
        message: `expected at most the ${before} points of the level before`,
      });
    if (dilated && radii.some((radius, i) => i > 0 && radius <= radii[i - 1]))
      faults.push({
        path: ['levels', l, 'radii'],
        message: 'expected increasing radii where balls are dilated',
      });
    before = points;
  });
  return faults;
}

/** What a PointNet++ over reflectance is made with. */
export function pointEncoderOptions({
  levels,
  useXyz,
  bias,
  batchNorm,
}: PointEncoderConfig): PointNet2Options {
  return { inChannels: 1, levels, useXyz, bias, batchNorm };
}

/** The channels of a point encoder's last level. */
export function pointEncoderChannels({ levels }: PointEncoderConfig): number {
  return levels[levels.length - 1].out;
}

/** What a ResNet is made with that gives these stages. */
export function imageEncoderOptions(
  { depth, width, batchNorm, stem }: ImageEncoderConfig,
  stages: readonly ResNetStage[] = ['c5'],
): ResNetOptions {
  return { depth, width, batchNorm, stem, stages };
}

/** The stride of an image encoder's last stage, pixels. */
export function imageEncoderStride({ stem }: Pick<ImageEncoderConfig, 'stem'>): number {
  return stem === 'small' ? 8 : 32;
}

/** The channels of an image encoder's last stage. */
export function imageEncoderChannels(imageEncoder: ImageEncoderConfig): number {
  return resNetChannels(imageEncoder, 'c5');
}
