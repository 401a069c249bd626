import { z } from 'zod';
import { initRegNetY, type RegNetYOptions, regNetY } from '../../image/regnet.ts';
import { type ResNetStage, resNetStages } from '../../image/resnet.ts';
import { batchNormSchema, type ImageKind, sideFaults } from '../image-kind.ts';
import { withRows } from '../net.ts';
import { regNetYElsewhere } from './regnety-elsewhere.ts';

const whole = z.int().positive();
const four = z.tuple([whole, whole, whole, whole]);

const schema = z.strictObject({
  kind: z.literal('regnety'),
  /** RegNetY by its multiplications a picture of 224 pixels; what is given beside it counts instead. */
  size: z.enum(['200mf', '400mf', '800mf', '1.6gf', '3.2gf']).optional(),
  /** Blocks of each stage. */
  depths: four.optional(),
  /** Channels of each stage. */
  widths: four.optional(),
  /** Channels of a group. */
  groupWidth: whole.optional(),
  /** Channels of the stem, 32 by default. */
  stemWidth: whole.optional(),
  batchNorm: batchNormSchema,
  /** `small` for pictures of 32 pixels or so: without strides in stem and first stage, so that features have a stride of 8. */
  stem: z.enum(['standard', 'small']).optional(),
});

/** The options of a RegNetY. */
export type RegNetYConfig = z.infer<typeof schema>;

/** As timm has them. */
const SIZES = {
  '200mf': { depths: [1, 1, 4, 7], widths: [24, 56, 152, 368], groupWidth: 8 },
  '400mf': { depths: [1, 3, 6, 6], widths: [48, 104, 208, 440], groupWidth: 8 },
  '800mf': { depths: [1, 3, 8, 2], widths: [64, 128, 320, 768], groupWidth: 16 },
  '1.6gf': { depths: [2, 6, 17, 2], widths: [48, 120, 336, 888], groupWidth: 24 },
  '3.2gf': { depths: [2, 5, 13, 1], widths: [72, 216, 576, 1512], groupWidth: 24 },
} as const;

function sizesOf({ size, depths, widths, groupWidth, stemWidth = 32 }: RegNetYConfig) {
  const named = size && SIZES[size];
  return {
    depths: depths ?? named?.depths ?? [],
    widths: widths ?? named?.widths ?? [],
    groupWidth: groupWidth ?? named?.groupWidth ?? 0,
    stemWidth,
  };
}

function optionsOf(encoder: RegNetYConfig, stages: readonly ResNetStage[]): RegNetYOptions {
  const { batchNorm, stem } = encoder;
  return { ...sizesOf(encoder), batchNorm, stem, stages };
}

/** The size whose network an encoder is, whatever stem it has; undefined where it is none's. */
function namedSize(encoder: RegNetYConfig): keyof typeof SIZES | undefined {
  const { size } = encoder;
  if (size === undefined) return undefined;
  const own = { ...SIZES[size], stemWidth: 32 };
  return JSON.stringify(own) === JSON.stringify(sizesOf(encoder)) ? size : undefined;
}

/** A RegNetY; its rows are the means of its last maps. */
export const regNetYKind: ImageKind<RegNetYConfig> = {
  kind: 'regnety',
  schema,
  isPyramid: true,
  title: (encoder) => {
    const size = namedSize(encoder);
    const { depths, widths, groupWidth } = sizesOf(encoder);
    return size === undefined
      ? `RegNetY of ${depths.join(', ')} blocks with ${widths.join(', ')} channels in groups of ${groupWidth}`
      : `RegNetY-${size.toUpperCase()}`;
  },
  channels: (encoder, stage) => sizesOf(encoder).widths[resNetStages.indexOf(stage)],
  stride: ({ stem }) => (stem === 'small' ? 8 : 32),
  faults: (encoder, canvas) => {
    const { depths, widths, groupWidth } = sizesOf(encoder);
    const missing = Object.entries({ depths: depths.length, widths: widths.length, groupWidth }).flatMap(
      ([path, given]) =>
        given === 0 ? [{ path: [path], message: 'expected a value, as there is no size' }] : [],
    );
    if (missing.length > 0) return missing;
    const uneven = widths.find((width) => width % Math.min(groupWidth, width) !== 0);
    const message = `expected a number that divides the ${uneven} channels of a stage`;
    return [...(uneven === undefined ? [] : [{ path: ['groupWidth'], message }]), ...sideFaults(canvas, 32)];
  },
  initialize: (random, encoder, stages) => initRegNetY(random, optionsOf(encoder, stages)),
  elsewhere: regNetYElsewhere({ sizesOf, namedSize }),
  encode: ({ params, stats }, images, { encoder, stages, ...how }) => {
    const result = regNetY(params, stats, images, { ...how, ...optionsOf(encoder, stages) });
    return withRows(result);
  },
};
