import { generateScenes } from '../../src/datasets/scenes/generate-scenes.ts';
import { applyDetectionSettings, type DetectionConfig } from '../../src/training/detection-config.ts';
import { detectionPresetOf } from '../../src/training/detection-presets.ts';

const levels = [
  { points: 96, radii: [1, 4], neighbors: [4, 6], widths: [[6], [4, 8]], out: 12 },
  { points: 48, radii: [4, 12], neighbors: [4, 4], widths: [[8], [12]], out: 16 },
];

/** Small detectors of the presets' kinds, that train in a moment. */
export function tinyDetector(
  detector: 'point3d' | 'image3d',
  settings: readonly string[] = [],
): DetectionConfig {
  const own =
    detector === 'point3d'
      ? [
          'point3d.points.count=256',
          `point3d.pointEncoder.levels=${JSON.stringify(levels)}`,
          'point3d.candidateLevel=0',
          'point3d.headWidths=[16]',
          'point3d.scoreThreshold=0.01',
        ]
      : [
          'image3d.image.width=96',
          'image3d.image.height=32',
          'image3d.imageEncoder.width=4',
          'image3d.channels=8',
          'image3d.scoreThreshold=0.005',
          'image3d.minHeightPx=1',
        ];
  const loop = ['batchSize=2', 'steps=6', 'checkpoint.everySteps=2', 'loader.workers=0', 'loader.prefetch=1'];
  return applyDetectionSettings(detectionPresetOf(`${detector}-small`)!, [...own, ...loop, ...settings]);
}

/** Generated scenes, few and coarse, with labels and the lists `train` and `val`. */
export async function tinyScenes(out: string, { count = 8, heldOut = 2 } = {}): Promise<void> {
  await generateScenes({
    out,
    count,
    heldOut,
    seed: 3,
    workers: 0,
    imageSize: { width: 310, height: 94 },
    scanner: { beams: 32, steps: 600 },
  });
}
