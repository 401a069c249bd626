import { z } from 'zod';
import type { ResNetStage } from '../image/resnet.ts';
import type { PointNet2Options } from '../pointcloud/pointnet2-encoder.ts';
import { batchNormSchema } from './image-kind.ts';
import { type ImageEncoderConfig, imageEncoderSchemaWith, imageKindOf } from './image-kinds.ts';

export { batchNormSchema, type ImageEncoderConfig };

const positive = z.number().positive();
const whole = z.int().positive();
const triple = z.tuple([z.number(), z.number(), z.number()]);

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

const colours = z.enum(['imagenet-bgr', 'imagenet-rgb']);

/** The canvas that a detector's pictures are scaled into, in pixels (multiples of 32), and their colours. */
export const canvasFields = { width: whole.multipleOf(32), height: whole.multipleOf(32), colours };

/** The canvas that pictures are scaled into, in pixels, and their colours; its encoder says which sides it takes. */
const pictureInputSchema = z.strictObject({ width: whole, height: whole, colours });

/** An image encoder of any kind. */
export const imageEncoderSchema = imageEncoderSchemaWith({});

/** An image encoder of a detector: of a kind with maps at strides of 4 to 32. */
export const pyramidEncoderSchema = imageEncoderSchemaWith({}, { pyramids: true });

/** Balls around centres: each with its radius, its number of neighbours and its layers' widths, and the width that joins them. */
const ballFields = {
  radii: z.array(positive).min(1),
  neighbors: z.array(whole).min(1),
  widths: z.array(widthsSchema).min(1),
  out: whole,
};

interface Scales {
  readonly radii: readonly unknown[];
  readonly neighbors: readonly unknown[];
  readonly widths: readonly unknown[];
}

const oneEntryEach = ({ radii, neighbors, widths }: Scales) =>
  radii.length === neighbors.length && radii.length === widths.length;
const message = 'radii, neighbors and widths must have one entry a scale each';

/** One set abstraction whose centres are given. */
export const ballsSchema = z.strictObject(ballFields).refine(oneEntryEach, { message });

/** One set abstraction of a PointNet++, and how many of the points before it stay. */
const levelSchema = z.strictObject({ points: whole, ...ballFields }).refine(oneEntryEach, { message });

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
    image: imageEncoderSchemaWith<{ input: PictureInput }>({ input: pictureInputSchema }).optional(),
    points: pointEncoderSchema.extend({ input: pointsSchema }).optional(),
  })
  .superRefine(({ image, points }, context) => {
    for (const { path, message } of image === undefined ? [] : imageKindOf(image).faults(image, image.input))
      context.addIssue({ code: 'custom', path: ['image', ...path], message });
    if (points === undefined) return;
    for (const { path, message } of pointEncoderFaults(points, points.input.count))
      context.addIssue({ code: 'custom', path: ['points', ...path], message });
  });

/** The encoders of a run, as `encodersSchema` describes them. */
export type EncodersConfig = z.infer<typeof encodersSchema>;
/** The canvas that pictures are scaled into, and their colours. */
export type PictureInput = z.infer<typeof pictureInputSchema>;
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

/** The stride of an image encoder's last maps, pixels. */
export function imageEncoderStride(imageEncoder: ImageEncoderConfig): number {
  return imageKindOf(imageEncoder).stride(imageEncoder);
}

/** The channels of an image encoder's maps, of its last ones where no stage is named; as many numbers has a picture's row. */
export function imageEncoderChannels(imageEncoder: ImageEncoderConfig, stage: ResNetStage = 'c5'): number {
  return imageKindOf(imageEncoder).channels(imageEncoder, stage);
}

/** An image encoder in words, such as `ResNet-18`. */
export function imageEncoderTitle(imageEncoder: ImageEncoderConfig): string {
  return imageKindOf(imageEncoder).title(imageEncoder);
}
