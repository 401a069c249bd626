import { z } from 'zod';
import { imageDetectorFields, imageDetectorKitti, imageDetectorSmall } from './image-config.ts';

const positive = z.number().positive();

/** Everything that makes up an `image3d` detector and its samples. */
export const image3dSchema = z.strictObject({
  ...imageDetectorFields,
  headingBins: z.int().min(2),
  lossWeights: z.strictObject({
    peaks: positive,
    offset: positive,
    sides: positive,
    depth: positive,
    size: positive,
    heading: positive,
  }),
});

/** An `image3d` detector, as `image3dSchema` describes it. */
export type Image3dConfig = z.infer<typeof image3dSchema>;

const heads = {
  headingBins: 12,
  lossWeights: { peaks: 1, offset: 1, sides: 1, depth: 1, size: 1, heading: 0.5 },
};

/** `image3d` at a size that trains on two CPU cores. */
export const image3dSmall: Image3dConfig = { ...imageDetectorSmall, ...heads };

/** `image3d` with ResNet-50 on whole pictures; not run at this size here. */
export const image3dKitti: Image3dConfig = { ...imageDetectorKitti, ...heads };
