import { z } from 'zod';
import { InputError } from '../../engine/input-error.ts';
import { initReActNet, type ReActNetOptions, reActNet, reActNetChannels } from '../../image/reactnet.ts';
import type { ResNetStage } from '../../image/resnet.ts';
import { batchNormSchema, type ImageKind, sideFaults } from '../image-kind.ts';
import { withRows } from '../net.ts';

const schema = z.strictObject({
  kind: z.literal('reactnet'),
  /** The stem's channels, 32 in the paper. */
  width: z.int().positive(),
  /** The first phase of training has real weights and binary activations, the second binary weights too. */
  weights: z.enum(['real', 'binary']),
  batchNorm: batchNormSchema,
  /** `small` for pictures of 32 pixels or so: without the first two strides, so that features have a stride of 8. */
  stem: z.enum(['standard', 'small']).optional(),
});

/** The options of a ReActNet. */
type ReActNetConfig = z.infer<typeof schema>;

function optionsOf(encoder: ReActNetConfig, stages: readonly ResNetStage[]): ReActNetOptions {
  const { width, weights, batchNorm, stem } = encoder;
  return { width, weights, batchNorm, stem, stages };
}

const strideOf = ({ stem }: ReActNetConfig) => (stem === 'small' ? 8 : 32);

/** A ReActNet, whose activations are binary and whose weights may be; its rows are the means of its last maps. */
export const reActNetKind: ImageKind<ReActNetConfig> = {
  kind: 'reactnet',
  schema,
  isPyramid: true,
  title: ({ width, weights }) =>
    `${width === 32 ? 'ReActNet-A' : `ReActNet of width ${width}`} with ${weights} weights`,
  channels: reActNetChannels,
  stride: strideOf,
  faults: (_, canvas) => sideFaults(canvas, 32),
  elsewhere: {},
  initialize: (random, encoder, stages) => initReActNet(random, optionsOf(encoder, stages)),
  encode: ({ params, stats }, images, { encoder, stages, ...how }) => {
    const [, height, width] = images.shape as number[];
    const stride = strideOf(encoder);
    if (height % stride !== 0 || width % stride !== 0) {
      throw new InputError({
        file: 'configuration',
        place: 'encoders.image',
        expected: `pictures and views of multiples of ${stride} pixels, whose maps a ReActNet averages two by two`,
        found: `${width} x ${height} pixels`,
      });
    }
    return withRows(reActNet(params, stats, images, { ...optionsOf(encoder, stages), ...how }));
  },
};
