import { fusionKitti, fusionSmall } from '../../detection/fusion-config.ts';
import { image3dKitti, image3dSmall } from '../../detection/image3d-config.ts';
import { monorunKitti, monorunSmall } from '../../detection/monorun/monorun-config.ts';
import { point3dKitti, point3dSmall } from '../../detection/point3d-config.ts';
import { type DetectionConfig, parseDetectionConfig } from './detection-config.ts';

const adamw = (learningRate: number) => ({ kind: 'adamw', learningRate, weightDecay: 0.01 });

/** Some hundred steps on two CPU cores, with the labels of all frames. */
const small = {
  batchSize: 8,
  epochs: 40,
  steps: 400,
  seed: 0,
  schedule: { kind: 'cosine', length: 1, warmUp: { length: 0.05 } },
  optimizers: { encoders: adamw(2e-3), heads: adamw(2e-3) },
  clipNorm: 10,
  labels: { fraction: 1, seed: 0 },
  checkpoint: { everySteps: 100, keep: 2 },
  loader: { workers: 1, prefetch: 2 },
};

/** KITTI's 3,712 training frames for a GPU's memory; not run at this size here. */
const kitti = {
  ...small,
  epochs: 80,
  steps: null,
  clipNorm: 35,
  optimizers: { encoders: adamw(2e-4), heads: adamw(2e-4) },
  checkpoint: { everySteps: 200, keep: 3 },
  loader: { workers: 2, prefetch: 2 },
};

const presets: { readonly [name: string]: unknown } = {
  'image3d-small': { detector: 'image3d', image3d: image3dSmall, ...small },
  'image3d-kitti': { detector: 'image3d', image3d: image3dKitti, ...kitti },
  'point3d-small': { detector: 'point3d', point3d: point3dSmall, ...small },
  'point3d-kitti': { detector: 'point3d', point3d: point3dKitti, ...kitti },
  'fusion-small': { detector: 'fusion', fusion: fusionSmall, ...small },
  'fusion-kitti': { detector: 'fusion', fusion: fusionKitti, ...kitti },
  'monorun-small': { detector: 'monorun', monorun: monorunSmall, ...small },
  'monorun-kitti': { detector: 'monorun', monorun: monorunKitti, ...kitti },
};

/** The names of the detectors' presets. */
export const detectionPresetNames: readonly string[] = Object.keys(presets);

/** A detector's preset; undefined where there is none of that name. */
export function detectionPresetOf(name: string): DetectionConfig | undefined {
  return Object.hasOwn(presets, name)
    ? parseDetectionConfig(presets[name], { file: `preset ${name}` })
    : undefined;
}
