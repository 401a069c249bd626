import { z } from 'zod';
import {
  ballsSchema,
  batchNormSchema,
  pointEncoderSchema,
  pointsSchema,
  widthsSchema,
} from '../encoders/encoder-config.ts';
import { halvedPointEncoder, releasedPointEncoder } from '../pointcloud/pointnet2-encoder.ts';
import { classesSchema } from './object-classes.ts';

const positive = z.number().positive();
const whole = z.int().positive();
const unit = z.number().min(0).max(1);

/** The options of every detector that looks at points. */
export const pointDetectorFields = {
  classes: classesSchema,
  points: pointsSchema,
  /** At most this share of the points that are drawn is ground, where enough else is there; 1 draws all alike. */
  groundShare: unit,
  pointEncoder: pointEncoderSchema,
  /** Levels of the encoder that are frozen. */
  frozenLevels: z.int().min(0),
  /** The level whose centres are the candidates, counted from 0. */
  candidateLevel: z.int().min(0),
  /** Balls of the drawn points around each candidate, of which the head has features of its own; null: the encoder's alone. */
  surroundings: ballsSchema.nullable().default(null),
  /**
   * What a candidate has of the encoder's last level, where it is of one before: the features of the three nearest centres weighted by distance, or each of
   * them through a layer that also sees how far away the centre lies, and the largest of what comes out.
   */
  lastLevel: z.enum(['weighted', 'offsets']).default('weighted'),
  /** What a box's height is measured from: its centre from the candidate, or its bottom from the ground under the candidate. */
  heightFrom: z.enum(['candidate', 'ground']).default('candidate'),
  /** The widths of the layers over a candidate's features. */
  headWidths: widthsSchema,
  headBatchNorm: batchNormSchema,
  headingBins: z.int().min(2),
  /** Candidates this far outside of a box still count as of it, metres; up to `ignoreMarginM` they are neither. */
  insideMarginM: z.number().min(0),
  ignoreMarginM: z.number().min(0),
  /** How a training view is drawn: turned about the LiDAR, scaled, mirrored. */
  view: z.strictObject({
    maxRotation: z.number().min(0),
    scale: z.tuple([positive, positive]),
    flipProbability: unit,
  }),
  lossWeights: z.strictObject({
    classes: positive,
    offset: positive,
    size: positive,
    heading: positive,
    quality: positive,
  }),
  scoreThreshold: unit,
  /** Boxes of a class that overlap a better one by more than this, seen from above, are dropped. */
  nmsIou: unit,
  /** Candidates that overlap a kept box by at least this, seen from above, have a share in it by their scores; null: they are dropped. */
  averageIou: unit.nullable().default(null),
  maxDetections: whole,
};

const fields = z.strictObject(pointDetectorFields);

/** The options of every detector that looks at points, as `pointDetectorFields` has them. */
export type PointDetectorConfig = z.infer<typeof fields>;

/** Says where levels that are named are not among the encoder's. */
export function pointDetectorFaults({
  pointEncoder,
  candidateLevel,
  frozenLevels,
  lastLevel,
  insideMarginM,
  ignoreMarginM,
}: PointDetectorConfig): Array<{ readonly path: ReadonlyArray<string | number>; readonly message: string }> {
  const count = pointEncoder.levels.length;
  return [
    {
      path: ['candidateLevel'],
      message: `expected a level of the ${count}, 0 to ${count - 1}`,
      broken: candidateLevel >= count,
    },
    {
      path: ['lastLevel'],
      message: "expected 'weighted' for candidates of the last level itself",
      broken: lastLevel === 'offsets' && candidateLevel === count - 1,
    },
    { path: ['frozenLevels'], message: `expected at most the ${count} levels`, broken: frozenLevels > count },
    {
      path: ['ignoreMarginM'],
      message: 'expected at least insideMarginM',
      broken: ignoreMarginM < insideMarginM,
    },
  ].filter(({ broken }) => broken);
}

/** A detector over points at a size that trains on two CPU cores: the encoder of `simipu-small`, with coordinates. */
export const pointDetectorSmall: PointDetectorConfig = {
  classes: ['Car', 'Pedestrian', 'Cyclist'],
  points: { count: 4096, range: { min: [0, -40, -3], max: [70.4, 40, 1] }, cropToImage: true },
  groundShare: 0.1,
  pointEncoder: {
    useXyz: true,
    dilated: true,
    bias: halvedPointEncoder.bias,
    batchNorm: halvedPointEncoder.batchNorm,
    levels: halvedPointEncoder.levels.map((level) => mutable(level)),
  },
  frozenLevels: 0,
  candidateLevel: 1,
  surroundings: {
    radii: [1.2, 3],
    neighbors: [16, 48],
    widths: [
      [32, 64],
      [32, 64, 128],
    ],
    out: 128,
  },
  lastLevel: 'weighted',
  heightFrom: 'ground',
  headWidths: [256, 256],
  headBatchNorm: { eps: 1e-3, momentum: 0.1 },
  headingBins: 12,
  insideMarginM: 0.2,
  ignoreMarginM: 0.6,
  view: { maxRotation: Math.PI / 8, scale: [0.95, 1.05], flipProbability: 0.5 },
  lossWeights: { classes: 1, offset: 1, size: 1, heading: 0.5, quality: 0.5 },
  scoreThreshold: 0.05,
  nmsIou: 0.1,
  averageIou: 0.3,
  maxDetections: 50,
};

/** The same on the released encoder of `simipu-kitti`, with 16,384 points a sweep. */
export const pointDetectorKitti: PointDetectorConfig = {
  ...pointDetectorSmall,
  points: { ...pointDetectorSmall.points, count: 16384 },
  pointEncoder: {
    ...pointDetectorSmall.pointEncoder,
    levels: releasedPointEncoder.levels.map((level) => mutable(level)),
  },
};

type Level = PointDetectorConfig['pointEncoder']['levels'][number];

function mutable(level: (typeof halvedPointEncoder)['levels'][number]): Level {
  return JSON.parse(JSON.stringify(level)) as Level;
}
