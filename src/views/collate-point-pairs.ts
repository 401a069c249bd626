import { float32, type HostTensor } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import type { PointPair, PointPairView } from './point-pair.ts';
import { stackFloats, stackPointViews, stackTables } from './stack-points.ts';

/**
 * Stacks samples to a batch of B: all points as rows one sample after the other, and every table counting through them.
 *
 * `image` float32 [B, H, W, 3]; `alpha` and `beta`: `features` float32 [B·N, 1] (reflectance), `xyz` [B·N, 3] where it
 * is used, `levels/l/centers` int32 [B·M], `levels/l/neighbors/s` int32 [B·M·K]; for each centre of alpha `partner`
 * int32 [B·M], `matched`, `inside` and `distanceM` float32 [B·M], `cells` int32 and `cellWeights` float32 [B·M·4].
 */
export function collatePointPairs(samples: readonly PointPair[], config: PointPairView): Tree<HostTensor> {
  const { width, height } = config.image;
  const batch = samples.length;
  const centers = config.pointEncoder.levels[config.pointEncoder.levels.length - 1].points;
  const cellsPerImage = Math.ceil(width / config.featureStride) * Math.ceil(height / config.featureStride);
  const gate = config.matchGateM ?? Number.POSITIVE_INFINITY;
  const rows = (part: (sample: PointPair) => Float32Array, shape: readonly number[]) =>
    float32(stackFloats(samples, part), shape);
  return {
    image: rows((sample) => sample.image, [batch, height, width, 3]),
    alpha: stackPointViews(
      samples.map((sample) => sample.alpha),
      config.pointEncoder,
    ),
    beta: stackPointViews(
      samples.map((sample) => sample.beta),
      config.pointEncoder,
    ),
    partner: stackTables(
      samples.map((sample) => sample.partner),
      centers,
    ),
    distanceM: rows((sample) => sample.distanceM, [batch * centers]),
    matched: rows(
      (sample) => sample.distanceM.map((distance) => (distance <= gate ? 1 : 0)),
      [batch * centers],
    ),
    inside: rows((sample) => sample.inside, [batch * centers]),
    cells: stackTables(
      samples.map((sample) => sample.cells),
      cellsPerImage,
    ),
    cellWeights: rows((sample) => sample.cellWeights, [batch * centers * 4]),
  };
}
