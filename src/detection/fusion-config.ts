import { z } from 'zod';
import { pointEncoderFaults } from '../encoders/encoder-config.ts';
import { imageDetectorFields, imageDetectorKitti, imageDetectorSmall } from './image-config.ts';
import {
  pointDetectorFaults,
  pointDetectorFields,
  pointDetectorKitti,
  pointDetectorSmall,
} from './point-config.ts';

const { imageEncoder, frozenStages, channels } = imageDetectorFields;

/** Everything that makes up a `fusion` detector and its samples: whether a view is mirrored stands in `view` alone. */
export const fusionSchema = z
  .strictObject({
    ...pointDetectorFields,
    image: imageDetectorFields.image.omit({ flipProbability: true }),
    imageEncoder,
    frozenStages,
    /** The channels of the feature pyramid, which are joined to each candidate's. */
    channels,
  })
  .superRefine((config, context) => {
    const inEncoder = pointEncoderFaults(config.pointEncoder, config.points.count);
    const faults = [
      ...pointDetectorFaults(config),
      ...inEncoder.map(({ path, message }) => ({ path: ['pointEncoder', ...path], message })),
    ];
    for (const { path, message } of faults) context.addIssue({ code: 'custom', path: [...path], message });
  });

/** A `fusion` detector, as `fusionSchema` describes it. */
export type FusionConfig = z.infer<typeof fusionSchema>;

/** `fusion` at a size that trains on two CPU cores: the encoders of `simipu-small`. */
export const fusionSmall: FusionConfig = { ...pointDetectorSmall, ...pictureOf(imageDetectorSmall) };

/** `fusion` on the released point encoder of `simipu-kitti` and ResNet-50 on whole pictures; not run at this size here. */
export const fusionKitti: FusionConfig = { ...pointDetectorKitti, ...pictureOf(imageDetectorKitti) };

function pictureOf({ image, imageEncoder, frozenStages, channels }: typeof imageDetectorSmall) {
  const { width, height, colours, jitter } = image;
  // Pictures are scaled less than where they are all there is: candidates that are cut off have no pixel.
  return {
    image: { width, height, colours, jitter, scale: [0.9, 1.1] as [number, number] },
    imageEncoder,
    frozenStages,
    channels,
  };
}
