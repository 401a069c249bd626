import { simipuHalvedPointEncoder, simipuReleasedPointEncoder } from '../pointcloud/pointnet2-encoder.ts';
import type { RunConfig } from './config.ts';
import { parseRunConfig } from './config.ts';

function pointEncoder({ useXyz, bias, batchNorm, levels }: typeof simipuReleasedPointEncoder) {
  return { useXyz, dilated: true, bias, batchNorm, levels };
}

/**
 * The released KITTI configuration of SimIPU: ResNet-50, 16,384 points, 50 epochs, a batch of 32 (8 GPUs with 4 samples
 * each there, on which negatives came from the own 4 samples alone). Not run at this size here.
 */
const simipuKitti = {
  objective: 'simipu',
  simipu: {
    points: { count: 16384, range: { min: [0, -40, -3], max: [70.4, 40, 1] }, cropToImage: true },
    view: { maxRotation: Math.PI / 2, pivot: [35.2, 0, -1], scale: [0.75, 1.25], flipProbability: 0.5 },
    image: { width: 1248, height: 384, scale: [0.52, 1.92], colours: 'imagenet-bgr' },
    imageEncoder: { depth: 50, width: 64, batchNorm: { eps: 1e-3, momentum: 0.01 } },
    pointEncoder: pointEncoder(simipuReleasedPointEncoder),
    heads: { intraPoints: [1024, 1024, 128], crossImage: [2048, 2048, 128], crossPoints: [1024, 1024, 128] },
    headBatchNorm: { eps: 1e-5, momentum: 0.1 },
    temperature: 0.07,
    stopGradient: 'point-output',
    matchGateM: null,
    validityMask: false,
    crossFactor: 1,
  },
  batchSize: 32,
  epochs: 50,
  steps: null,
  seed: 0,
  schedule: { kind: 'exponential', gamma: 0.99 },
  optimizers: {
    points: { kind: 'adamw', beta1: 0.95, beta2: 0.99, learningRate: 1e-3, weightDecay: 0.01 },
    image: { kind: 'sgd', momentum: 0.9, learningRate: 0.03, weightDecay: 1e-4 },
    heads: { kind: 'sgd', momentum: 0.9, learningRate: 0.03, weightDecay: 1e-4 },
  },
  checkpoint: { everySteps: 100, keep: 3 },
  loader: { workers: 2, prefetch: 2 },
};

/** The same system at a size that trains on two CPU cores: ResNet-18 on 96 x 320, 4,096 points, half the widths. */
const simipuSmall = {
  ...simipuKitti,
  simipu: {
    ...simipuKitti.simipu,
    points: { ...simipuKitti.simipu.points, count: 4096 },
    image: { width: 320, height: 96, scale: [1, 1], colours: 'imagenet-rgb' },
    // Runs of some hundred steps: the running statistics have to follow faster than over 50 epochs.
    imageEncoder: { depth: 18, width: 64, batchNorm: { eps: 1e-3, momentum: 0.1 } },
    pointEncoder: pointEncoder(simipuHalvedPointEncoder),
    heads: { intraPoints: [512, 512, 128], crossImage: [512, 512, 128], crossPoints: [512, 512, 128] },
  },
  batchSize: 8,
  epochs: 50,
  loader: { workers: 1, prefetch: 2 },
};

/** A few seconds: for tests, and to see whether an installation works. It learns next to nothing. */
const simipuSmoke = {
  ...simipuSmall,
  simipu: {
    ...simipuSmall.simipu,
    points: { ...simipuSmall.simipu.points, count: 512 },
    image: { ...simipuSmall.simipu.image, width: 160, height: 64 },
    imageEncoder: { ...simipuSmall.simipu.imageEncoder, width: 8 },
    pointEncoder: {
      ...pointEncoder(simipuHalvedPointEncoder),
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
    },
    heads: { intraPoints: [64, 32], crossImage: [64, 32], crossPoints: [64, 32] },
  },
  batchSize: 4,
  epochs: 5,
  steps: 20,
  checkpoint: { everySteps: 10, keep: 3 },
  loader: { workers: 0, prefetch: 1 },
};

const presets: { readonly [name: string]: unknown } = {
  'simipu-kitti': simipuKitti,
  'simipu-small': simipuSmall,
  'simipu-smoke': simipuSmoke,
};

/** The names of the presets. */
export const presetNames: readonly string[] = Object.keys(presets);

/** A preset's configuration; undefined where there is none of that name. */
export function presetOf(name: string): RunConfig | undefined {
  return Object.hasOwn(presets, name) ? parseRunConfig(presets[name], { file: `preset ${name}` }) : undefined;
}
