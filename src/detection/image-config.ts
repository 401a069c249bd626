import { z } from 'zod';
import { batchNormSchema, canvasFields, pyramidEncoderSchema } from '../encoders/encoder-config.ts';
import { classesSchema } from './object-classes.ts';

const positive = z.number().positive();
const whole = z.int().positive();
const unit = z.number().min(0).max(1);

/** The options of every detector that looks at pictures, those of its centre head among them. */
export const imageDetectorFields = {
  classes: classesSchema,
  image: z.strictObject({
    ...canvasFields,
    /** For training: the picture is scaled by a factor from this range times what makes it fit the canvas. */
    scale: z.tuple([positive, positive]),
    flipProbability: unit,
    /** For training: brightness, contrast and saturation change by up to this share. */
    jitter: z.number().min(0),
  }),
  imageEncoder: pyramidEncoderSchema,
  /** Stages of the encoder that are frozen: 1 the stem, 2 with layer1, … 5 all. */
  frozenStages: z.int().min(0).max(5),
  /** The channels of the feature pyramid and of the heads. */
  channels: whole,
  headBatchNorm: batchNormSchema,
  /** Objects a picture, at most; the largest count. */
  maxObjects: whole,
  /** Objects lower than this on the canvas are neither right nor wrong, pixels. */
  minHeightPx: z.number().min(0),
  scoreThreshold: unit,
  maxDetections: whole,
};

const fields = z.strictObject(imageDetectorFields);

/** The options of every detector that looks at pictures, as `imageDetectorFields` has them. */
export type ImageDetectorConfig = z.infer<typeof fields>;

/** The encoder and canvas of `simipu-small`: it trains on two CPU cores. */
export const imageDetectorSmall: ImageDetectorConfig = {
  classes: ['Car', 'Pedestrian', 'Cyclist'],
  image: {
    width: 320,
    height: 96,
    colours: 'imagenet-rgb',
    scale: [0.9, 1.2],
    flipProbability: 0.5,
    jitter: 0.2,
  },
  imageEncoder: { depth: 18, width: 64, batchNorm: { eps: 1e-3, momentum: 0.1 } },
  frozenStages: 0,
  channels: 64,
  headBatchNorm: { eps: 1e-3, momentum: 0.1 },
  maxObjects: 32,
  minHeightPx: 4,
  scoreThreshold: 0.1,
  maxDetections: 50,
};

/** ResNet-50 on whole pictures. */
export const imageDetectorKitti: ImageDetectorConfig = {
  ...imageDetectorSmall,
  image: { ...imageDetectorSmall.image, width: 1248, height: 384, scale: [0.9, 1.1] },
  imageEncoder: { depth: 50, width: 64, batchNorm: { eps: 1e-3, momentum: 0.01 } },
  frozenStages: 1,
  channels: 256,
  minHeightPx: 12,
};
