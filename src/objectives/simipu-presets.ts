import { halvedPointEncoder, releasedPointEncoder } from '../pointcloud/pointnet2-encoder.ts';
import { smallBevContrast } from './bev-contrast.ts';
import type { Preset } from './objective.ts';
import { smallTrackContrast } from './track-contrast.ts';

function pointEncoder({ useXyz, bias, batchNorm, levels }: typeof releasedPointEncoder) {
  return { useXyz, dilated: true, bias, batchNorm, levels };
}

const points = { count: 16384, range: { min: [0, -40, -3], max: [70.4, 40, 1] }, cropToImage: true };

const kitti = {
  encoders: {
    image: {
      depth: 50,
      width: 64,
      batchNorm: { eps: 1e-3, momentum: 0.01 },
      input: { width: 1248, height: 384, colours: 'imagenet-bgr' },
    },
    points: { ...pointEncoder(releasedPointEncoder), input: points },
  },
  objectives: {
    simipu: {
      view: { maxRotation: Math.PI / 2, pivot: [35.2, 0, -1], scale: [0.75, 1.25], flipProbability: 0.5 },
      imageScale: [0.52, 1.92],
      heads: {
        intraPoints: [1024, 1024, 128],
        crossImage: [2048, 2048, 128],
        crossPoints: [1024, 1024, 128],
      },
      headBatchNorm: { eps: 1e-5, momentum: 0.1 },
      temperature: 0.07,
      stopGradient: 'point-output',
      matchGateM: null,
      validityMask: false,
      crossFactor: 1,
    },
  },
  batchSize: 32,
  epochs: 50,
  steps: null,
  seed: 0,
  schedule: { kind: 'exponential', gamma: 0.99, per: 'epoch' },
  optimizers: {
    points: { kind: 'adamw', beta1: 0.95, beta2: 0.99, learningRate: 1e-3, weightDecay: 0.01 },
    image: { kind: 'sgd', momentum: 0.9, learningRate: 0.03, weightDecay: 1e-4 },
    heads: { kind: 'sgd', momentum: 0.9, learningRate: 0.03, weightDecay: 1e-4 },
  },
  checkpoint: { everySteps: 100, keep: 3 },
  loader: { workers: 2, prefetch: 2 },
};

const small = {
  ...kitti,
  encoders: {
    image: {
      depth: 18,
      width: 64,
      // Runs of some hundred steps: the running statistics have to follow faster than over 50 epochs.
      batchNorm: { eps: 1e-3, momentum: 0.1 },
      input: { width: 320, height: 96, colours: 'imagenet-rgb' },
    },
    points: { ...pointEncoder(halvedPointEncoder), input: { ...points, count: 4096 } },
  },
  objectives: {
    simipu: {
      ...kitti.objectives.simipu,
      imageScale: [1, 1],
      heads: { intraPoints: [512, 512, 128], crossImage: [512, 512, 128], crossPoints: [512, 512, 128] },
    },
  },
  batchSize: 8,
  epochs: 50,
  loader: { workers: 1, prefetch: 2 },
};

const smoke = {
  ...small,
  encoders: {
    image: {
      ...small.encoders.image,
      width: 8,
      input: { ...small.encoders.image.input, width: 160, height: 64 },
    },
    points: {
      ...pointEncoder(halvedPointEncoder),
      levels: [
        {
          points: 128,
          radii: [0.8, 1.6],
          neighbors: [8, 8],
          widths: [
            [8, 16],
            [8, 16],
          ],
          out: 16,
        },
        {
          points: 32,
          radii: [1.6, 4.8],
          neighbors: [8, 8],
          widths: [
            [16, 32],
            [16, 32],
          ],
          out: 64,
        },
      ],
      input: { ...points, count: 512 },
    },
  },
  objectives: {
    simipu: {
      ...small.objectives.simipu,
      heads: { intraPoints: [64, 32], crossImage: [64, 32], crossPoints: [64, 32] },
    },
  },
  batchSize: 4,
  epochs: 5,
  steps: 20,
  checkpoint: { everySteps: 10, keep: 3 },
  loader: { workers: 0, prefetch: 1 },
};

/** On drives: the same places in two views of a sweep and in its picture, and the same places and things at another time. */
const temporal = {
  ...small,
  objectives: {
    ...small.objectives,
    'bev-contrast': smallBevContrast,
    'track-contrast': smallTrackContrast,
  },
  steps: 250,
};

/** SimIPU's runs by name. */
export const simipuPresets: { readonly [name: string]: Preset } = {
  'simipu-kitti': {
    about:
      'The released KITTI configuration: ResNet-50, 16,384 points, 50 epochs, a batch of 32 (8 GPUs with 4 samples each there, on which negatives came from the own 4 samples alone). Not run at this size here.',
    run: kitti,
  },
  'simipu-small': {
    about:
      'The same system at a size that trains on two CPU cores: ResNet-18 on 96 x 320, 4,096 points, half the widths; about a second a step.',
    run: small,
  },
  'simipu-smoke': {
    about: 'A few seconds: for tests, and to see whether an installation works. It learns next to nothing.',
    run: smoke,
  },
  'temporal-small': {
    about:
      'SimIPU as in simipu-small, with BEV contrast and track contrast on the same point encoder, on drives; some four seconds a step on the twelve KITTI raw sweeps of a drive, once each was read and clustered.',
    run: temporal,
  },
};
