import { z } from 'zod';
import { imageDetectorFields, imageDetectorKitti, imageDetectorSmall } from '../image-config.ts';

const positive = z.number().positive();
const whole = z.int().positive();
const unit = z.number().min(0).max(1);

/** Everything that makes up a `monorun` detector and its samples. */
export const monorunSchema = z.strictObject({
  ...imageDetectorFields,
  /** Regions a picture that coordinates are predicted in. */
  regions: whole,
  /** For training, sides of regions are moved by up to this share of the box's size. */
  regionJitter: unit,
  /** Channels of the coordinate head, width of the two layers of the global head, length of the latent vector. */
  coordinateChannels: whole,
  globalWidth: whole,
  latent: whole,
  dropout: z.number().min(0).lt(1),
  /** Passes of the global head with other dropout, when it looks at frames; their spread is the sizes' variance. */
  monteCarlo: whole,
  lossWeights: z.strictObject({
    peaks: positive,
    offset: positive,
    sides: positive,
    reprojection: positive,
    size: positive,
    /** Of coordinates that the depth of pixels gives, or LiDAR points where a frame has none; 0 learns from poses alone. */
    coordinates: z.number().min(0),
  }),
  /**
   * The score head, learned after the rest from what PnP makes of at most so many training frames, in so many steps; its two
   * widths. Null has none: the score is the 2D score, less where PnP is unsure of the depth.
   */
  scoreHead: z
    .strictObject({ widths: z.tuple([whole, whole]), frames: whole, steps: whole, learningRate: positive })
    .nullable(),
  /** Of overlapping 2D boxes and of boxes seen from above, the better one is kept. */
  nmsIou2d: unit,
  nmsIouBev: unit,
});

/** A `monorun` detector, as `monorunSchema` describes it. */
export type MonorunConfig = z.infer<typeof monorunSchema>;

/** MonoRUn at a size that trains on two CPU cores. */
export const monorunSmall: MonorunConfig = {
  ...imageDetectorSmall,
  image: { ...imageDetectorSmall.image, width: 448, height: 128 },
  minHeightPx: 6,
  regions: 12,
  regionJitter: 0.08,
  coordinateChannels: 64,
  globalWidth: 256,
  latent: 16,
  dropout: 0.5,
  monteCarlo: 50,
  lossWeights: { peaks: 1, offset: 1, sides: 1, reprojection: 1, size: 1, coordinates: 0 },
  scoreHead: { widths: [256, 64], frames: 400, steps: 400, learningRate: 1e-3 },
  nmsIou2d: 0.7,
  nmsIouBev: 0.01,
};

/** The published widths on ResNet-50; not run at this size here. */
export const monorunKitti: MonorunConfig = {
  ...monorunSmall,
  ...imageDetectorKitti,
  minHeightPx: 16,
  regions: 32,
  coordinateChannels: 256,
  globalWidth: 1024,
  scoreHead: { widths: [1024, 256], frames: 2000, steps: 2000, learningRate: 2e-4 },
};
