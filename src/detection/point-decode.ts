import type { ObjectLabel } from '../datasets/frame.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import type { Box3 } from '../geometry/box.ts';
import { meanSizeOf } from '../geometry/mean-sizes.ts';
import { leafAt } from '../nn/layer.ts';
import { headingOf } from '../views/point-targets.ts';
import { detectionOf } from './detection-label.ts';
import { averageOverlapping, rotatedNonMaximumSuppression } from './nms.ts';
import type { PointDetectorConfig } from './point-config.ts';
import type { PointSample } from './point-sample.ts';

/** A box that a candidate stands for. */
interface Found {
  readonly box: Box3;
  readonly score: number;
}

/**
 * The detections of each sample of a batch from the head's raw outputs: candidates whose score (class probability times
 * the root of the quality) is high enough, of each class the best where boxes overlap, and of them those that the camera
 * sees, by falling score.
 */
export function decodePoints(
  outputs: Tree<HostTensor>,
  samples: readonly PointSample[],
  config: PointDetectorConfig,
): ObjectLabel[][] {
  return samples.map((sample, b) => {
    const labels = config.classes.flatMap((type, k) => {
      const found = candidatesOf(outputs, sample, {
        config,
        row: b * (sample.candidates.length / 3),
        classIndex: k,
      });
      const boxes = found.map(({ box }) => box);
      const scores = found.map(({ score }) => score);
      const { nmsIou: maxIou, maxDetections: maxKept, averageIou: minIou } = config;
      const kept = rotatedNonMaximumSuppression(boxes, scores, { maxIou, maxKept });
      const final =
        minIou === null
          ? Array.from(kept, (i) => boxes[i])
          : averageOverlapping(boxes, scores, { kept, minIou });
      return final.flatMap((box, rank) => {
        const score = scores[kept[rank]];
        const label = detectionOf(box, { type, score, ...sample });
        return label === undefined ? [] : [label];
      });
    });
    return labels.sort((a, b) => b.score! - a.score!).slice(0, config.maxDetections);
  });
}

function candidatesOf(
  outputs: Tree<HostTensor>,
  { candidates, ground }: PointSample,
  options: { readonly config: PointDetectorConfig; readonly row: number; readonly classIndex: number },
): Found[] {
  const { config, row, classIndex } = options;
  const { classes: names, headingBins: bins } = config;
  const values = (name: string) => leafAt(outputs, name).data;
  const [classes, quality, offset, logSize] = ['classes', 'quality', 'offset', 'logSize'].map(values);
  const [headingBin, headingResidual] = ['headingBin', 'headingResidual'].map(values);
  const mean = meanSizeOf(names[classIndex]);
  const found: Found[] = [];
  for (let n = 0; n < candidates.length / 3; n++) {
    const r = row + n;
    const score = sigmoid(classes[r * names.length + classIndex]) * Math.sqrt(sigmoid(quality[r]));
    if (score < config.scoreThreshold) continue;
    let bin = 0;
    for (let k = 1; k < bins; k++) if (headingBin[r * bins + k] > headingBin[r * bins + bin]) bin = k;
    const side = (k: number) => mean[k] * Math.exp(Math.max(-3, Math.min(3, logSize[3 * r + k])));
    const coordinate = (k: number) => candidates[3 * n + k] + offset[3 * r + k];
    const up = ground === undefined ? coordinate(2) : ground[n] + offset[3 * r + 2] + side(2) / 2;
    found.push({
      box: {
        center: [coordinate(0), coordinate(1), up],
        sizeM: [side(0), side(1), side(2)],
        yaw: headingOf(bin, headingResidual[r * bins + bin], bins),
      },
      score,
    });
  }
  return found;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
