import { z } from 'zod';
import {
  initResNet,
  type ResNetOptions,
  type ResNetStage,
  resNetChannels,
  resnet,
} from '../../image/resnet.ts';
import { batchNormSchema, type ImageKind, sideFaults } from '../image-kind.ts';
import { withRows } from '../net.ts';
import { resNetElsewhere } from './resnet-elsewhere.ts';

const schema = z.strictObject({
  /** What an encoder is that says nothing else. */
  kind: z.literal('resnet').optional(),
  depth: z.literal([18, 34, 50]),
  width: z.int().positive(),
  batchNorm: batchNormSchema,
  /** `small` for pictures of 32 pixels or so: 3x3 without stride or pooling, so that features have a stride of 8 instead of 32. */
  stem: z.enum(['standard', 'small']).optional(),
});

/** The options of a ResNet. */
export type ResNetConfig = z.infer<typeof schema>;

function optionsOf(encoder: ResNetConfig, stages: readonly ResNetStage[]): ResNetOptions {
  const { depth, width, batchNorm, stem } = encoder;
  return { depth, width, batchNorm, stem, stages };
}

/** A ResNet; its rows are the means of its last maps. */
export const resNetKind: ImageKind<ResNetConfig> = {
  kind: 'resnet',
  schema,
  isPyramid: true,
  title: ({ depth }) => `ResNet-${depth}`,
  channels: resNetChannels,
  stride: ({ stem }) => (stem === 'small' ? 8 : 32),
  faults: (_, canvas) => sideFaults(canvas, 32),
  initialize: (random, encoder, stages) => initResNet(random, optionsOf(encoder, stages)),
  elsewhere: resNetElsewhere,
  encode: ({ params, stats }, images, { encoder, stages, ...how }) => {
    const result = resnet(params, stats, images, { ...optionsOf(encoder, stages), ...how });
    return withRows(result);
  },
};
