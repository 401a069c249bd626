import {
  applyDetectionSettings,
  type DetectionConfig,
} from '../../../src/training/detection/detection-config.ts';
import { detectionPresetOf } from '../../../src/training/detection/detection-presets.ts';

const levels = [
  { points: 96, radii: [1, 4], neighbors: [4, 6], widths: [[6], [4, 8]], out: 12 },
  { points: 48, radii: [4, 12], neighbors: [4, 4], widths: [[8], [12]], out: 16 },
];

const points = (name: string) => [
  `${name}.points.count=256`,
  `${name}.pointEncoder.levels=${JSON.stringify(levels)}`,
  `${name}.candidateLevel=0`,
  `${name}.headWidths=[16]`,
  `${name}.surroundings={"radii":[1,3],"neighbors":[4,4],"widths":[[6],[8]],"out":8}`,
  `${name}.scoreThreshold=0.01`,
];
const picture = (name: string) => [
  `${name}.image.width=96`,
  `${name}.image.height=32`,
  `${name}.imageEncoder.width=4`,
  `${name}.channels=8`,
];
const settingsOf = {
  point3d: points('point3d'),
  image3d: [...picture('image3d'), 'image3d.scoreThreshold=0.005', 'image3d.minHeightPx=1'],
  monorun: [
    ...picture('monorun'),
    'monorun.scoreThreshold=0.001',
    'monorun.minHeightPx=1',
    'monorun.maxObjects=6',
    'monorun.regions=3',
    'monorun.coordinateChannels=6',
    'monorun.globalWidth=16',
    'monorun.latent=4',
    'monorun.monteCarlo=4',
  ],
  fusion: [...points('fusion'), ...picture('fusion')],
};

/** Small detectors of the presets' kinds, that train in a moment. */
export function tinyDetector(
  detector: keyof typeof settingsOf,
  settings: readonly string[] = [],
): DetectionConfig {
  const loop = ['batchSize=2', 'steps=6', 'checkpoint.everySteps=2', 'loader.workers=0', 'loader.prefetch=1'];
  const all = [...settingsOf[detector], ...loop, ...settings];
  return applyDetectionSettings(detectionPresetOf(`${detector}-small`)!, all);
}
