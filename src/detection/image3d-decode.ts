import type { ObjectLabel } from '../datasets/frame.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import { wrapAngle } from '../geometry/angle.ts';
import type { ImageBox } from '../geometry/box-projection.ts';
import { boxFromKitti } from '../geometry/kitti-box.ts';
import { meanSizeOf } from '../geometry/mean-sizes.ts';
import { unmapPixels } from '../image/image-view.ts';
import { leafAt } from '../nn/layer.ts';
import { headingOf } from '../views/point-targets.ts';
import { boxOf, centerOf, findPeaks, type Peak } from './center-decode.ts';
import { atDepth, type CanvasPicture } from './image-sample.ts';
import type { Image3dConfig } from './image3d-config.ts';
import { DEPTH_UNIT, gridOf, type Image3dSample, LEAST_LOG_DEVIATION } from './image3d-sample.ts';

/**
 * The detections of each sample of a batch from the head's raw outputs, by falling score: a peak's probability times how
 * sure its depth is, exp(-σ) with the relative deviation σ. Samples must not be mirrored.
 */
export function decodeImage3d(
  outputs: Tree<HostTensor>,
  samples: readonly Image3dSample[],
  config: Image3dConfig,
): ObjectLabel[][] {
  const grid = gridOf(config);
  const { length: classes } = config.classes;
  const cells = grid.width * grid.height;
  const values = (name: string) => leafAt(outputs, name).data as Float32Array;
  const peaks = values('peaks');
  return samples.map((sample, b) => {
    const own = peaks.subarray(b * cells * classes, (b + 1) * cells * classes);
    const found = findPeaks(own, {
      grid,
      classes,
      threshold: config.scoreThreshold,
      maxPeaks: config.maxDetections,
    });
    const labels = found.map((peak) => {
      const said = (name: string, width: number) => {
        const row = b * cells + peak.cell;
        return values(name).subarray(row * width, (row + 1) * width);
      };
      return labelOf(peak, said, { sample, config });
    });
    return labels.sort((a, b) => b.score! - a.score!);
  });
}

function labelOf(
  peak: Peak,
  said: (name: string, width: number) => Float32Array,
  { sample, config }: { readonly sample: Image3dSample; readonly config: Image3dConfig },
): ObjectLabel {
  const grid = gridOf(config);
  const { headingBins: bins, classes } = config;
  const type = classes[peak.classIndex];
  const mean = meanSizeOf(type);
  const [length, width, height] = Array.from(
    said('logSize', 3),
    (log, k) => mean[k] * Math.exp(clamp(log, 3)),
  );
  const z = (Math.exp(clamp(said('depth', 1)[0], 6)) * sample.canvasFromCamera[0]) / DEPTH_UNIT;
  const [x, y] = atDepth(sample.canvasFromCamera, centerOf(peak, said('offset', 2), grid), z);
  const logits = said('headingBin', bins);
  const bin = logits.indexOf(Math.max(...logits));
  const alpha = headingOf(bin, said('headingResidual', bins)[bin], bins);
  const deviation = depthDeviation(said('depthLogDeviation', 1)[0]);
  const rotationY = wrapAngle(alpha + Math.atan2(x, z));
  return {
    type,
    truncation: -1,
    occlusion: -1,
    alpha,
    box2: inPicture(boxOf(peak, said('sides', 4), grid), sample),
    box3: boxFromKitti(
      { sizeM: [height, width, length], location: [x, y + height / 2, z], rotationY },
      sample.cameraFromLidar,
    ),
    score: peak.score * Math.exp(-deviation),
  };
}

/** The relative deviation of a depth from the raw output: its logarithm has a soft floor, as in training. */
function depthDeviation(said: number): number {
  const above = clamp(said, 20) - LEAST_LOG_DEVIATION;
  return Math.exp(LEAST_LOG_DEVIATION + Math.log1p(Math.exp(Math.min(above, 20))));
}

/** A rectangle of the canvas in the source picture, cut to its pixels. */
export function inPicture(box: ImageBox, { imageView, image }: CanvasPicture): ImageBox {
  const [left, top, right, bottom] = unmapPixels(imageView, Float64Array.from(box));
  const within = (value: number, most: number) => Math.max(0, Math.min(most, value));
  const [x1, x2] = [within(left, image.width - 1), within(right, image.width - 1)];
  const [y1, y2] = [within(top, image.height - 1), within(bottom, image.height - 1)];
  return [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
}

function clamp(value: number, size: number): number {
  return Math.max(-size, Math.min(size, value));
}
