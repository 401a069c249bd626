import { z } from 'zod';
import {
  initMobileNetV3,
  type MobileNetV3Options,
  mobileNetV3,
  mobileNetV3Channels,
  scaledChannels,
} from '../../image/mobilenet.ts';
import type { ResNetStage } from '../../image/resnet.ts';
import { constant } from '../../nn/initializers.ts';
import { batchNormSchema, type ImageKind, type LibraryForm, sideFaults } from '../image-kind.ts';
import { withRows } from '../net.ts';

const schema = z.strictObject({
  kind: z.literal('mobilenetv3'),
  /** What all channels are multiplied by, 1 by default. */
  widthFactor: z.number().positive().optional(),
  batchNorm: batchNormSchema,
  /** `small` for pictures of 32 pixels or so: without the first two strides, so that features have a stride of 8. */
  stem: z.enum(['standard', 'small']).optional(),
});

/** The options of a MobileNetV3-Large. */
export type MobileNetV3Config = z.infer<typeof schema>;

function optionsOf(encoder: MobileNetV3Config, stages: readonly ResNetStage[]): MobileNetV3Options {
  const { widthFactor, batchNorm, stem } = encoder;
  return { widthFactor, batchNorm, stem, stages };
}

/** Whether the first block with a stride has a convolution before that one: very narrow ones have none. */
const isWidened = (factor: number) => scaledChannels(64, factor) !== scaledChannels(16, factor);

const torchvision: LibraryForm<MobileNetV3Config> = {
  name: (path) => path.replaceAll('/', '.'),
  beside: (encoder) => {
    const hidden = scaledChannels(1280, encoder.widthFactor);
    return {
      'classifier.0.weight': constant([hidden, mobileNetV3Channels(encoder, 'c5')], 0),
      'classifier.0.bias': constant([hidden], 0),
      'classifier.3.weight': constant([1000, hidden], 0),
      'classifier.3.bias': constant([1000], 0),
    };
  },
  python: ({ widthFactor = 1, batchNorm, stem }) => [
    'import functools, torch, torchvision',
    `model = torchvision.models.mobilenet_v3_large(width_mult=${widthFactor}, norm_layer=functools.partial(torch.nn.BatchNorm2d, eps=${batchNorm.eps}))`,
    ...(stem === 'small'
      ? [
          'model.features[0][0].stride = (1, 1)',
          `model.features[2].block[${isWidened(widthFactor) ? 1 : 0}][0].stride = (1, 1)`,
        ]
      : []),
  ],
};

/** A MobileNetV3-Large; its rows are the means of its last maps, of 960 channels. */
export const mobileNetV3Kind: ImageKind<MobileNetV3Config> = {
  kind: 'mobilenetv3',
  schema,
  isPyramid: true,
  title: ({ widthFactor = 1 }) =>
    `MobileNetV3-Large${widthFactor === 1 ? '' : ` with ${widthFactor} times the channels`}`,
  channels: mobileNetV3Channels,
  stride: ({ stem }) => (stem === 'small' ? 8 : 32),
  faults: (_, canvas) => sideFaults(canvas, 32),
  initialize: (random, encoder, stages) => initMobileNetV3(random, optionsOf(encoder, stages)),
  elsewhere: { torchvision },
  encode: ({ params, stats }, images, { encoder, stages, ...how }) => {
    const result = mobileNetV3(params, stats, images, { ...how, ...optionsOf(encoder, stages) });
    return withRows(result);
  },
};
