import { z } from 'zod';
import { initLabResNet, type LabResNetOptions, labResNet } from '../../image/lab-resnet.ts';
import { IMAGENET_BGR, IMAGENET_RGB } from '../../image/normalize-image.ts';
import { type ResNetStage, resNetChannels } from '../../image/resnet.ts';
import { batchNormSchema, type ImageKind, type PictureSize, sideFaults } from '../image-kind.ts';
import { withRows } from '../net.ts';

const schema = z.strictObject({
  kind: z.literal('lab-resnet'),
  depth: z.literal([18, 34, 50]),
  /** Of both networks together. */
  width: z.int().positive().multipleOf(2),
  batchNorm: batchNormSchema,
  stem: z.enum(['standard', 'small']).optional(),
});

/** The options of two ResNets for lightness and colour. */
type LabResNetConfig = z.infer<typeof schema>;

function optionsOf(encoder: LabResNetConfig, stages: readonly ResNetStage[]): LabResNetOptions {
  const { depth, width, batchNorm, stem } = encoder;
  return { depth, width, batchNorm, stem, stages };
}

/** How the pictures of a canvas are normalised, from which lightness and colour are worked out. */
function normalizationOf(input: (PictureSize & { readonly colours?: string }) | undefined) {
  return input?.colours === 'imagenet-bgr' ? IMAGENET_BGR : IMAGENET_RGB;
}

/**
 * Two ResNets of half the width: one sees the lightness of pictures alone, the other their colour alone. Maps and rows have the
 * channels of the first, and then those of the second (CMC).
 */
export const labResNetKind: ImageKind<LabResNetConfig> = {
  kind: 'lab-resnet',
  schema,
  isPyramid: false,
  title: ({ depth }) => `two ResNet-${depth}, for lightness and colour`,
  channels: resNetChannels,
  stride: ({ stem }) => (stem === 'small' ? 8 : 32),
  faults: (_, canvas) => sideFaults(canvas, 32),
  elsewhere: {},
  initialize: (random, encoder, stages) => initLabResNet(random, optionsOf(encoder, stages)),
  encode: ({ params, stats }, images, { encoder, stages, ...how }) => {
    const own = { ...optionsOf(encoder, stages), normalization: normalizationOf(encoder.input) };
    const result = labResNet(params, stats, images, { ...own, ...how });
    return withRows(result);
  },
};
