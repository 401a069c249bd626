import { float32 } from '../../../src/engine/host-tensor.ts';
import { Random } from '../../../src/engine/random.ts';
import { mapTree } from '../../../src/engine/tree.ts';
import type { Initialized } from '../../../src/nn/layer.ts';
import { Simipu } from '../../../src/objectives/simipu.ts';
import type { SimipuConfig } from '../../../src/objectives/simipu-config.ts';
import type { Features } from '../../../src/viewer/server/features.ts';
import { uploadTree } from '../../nn/tensors.ts';
import { syntheticBatch, tinySimipu } from '../../objectives/tiny-simipu.ts';

/** Points all around the car, so that some fall outside of the picture. */
export const everywhere: SimipuConfig['points'] = {
  count: 96,
  range: { min: [-10, -40, -3], max: [70.4, 40, 1] },
  cropToImage: false,
};

/** Some partners are farther apart than the gate, some places outside of the picture. */
export const wideConfig = tinySimipu({ points: everywhere, matchGateM: 3 });

/** A model whose running statistics are nearly those of a batch of other frames, so that its features differ from place to place. */
export function modelOf(config: SimipuConfig, seed: number | string): Initialized {
  const swift = <Norm extends object>(norm: Norm) => ({ ...norm, momentum: 0.9 });
  const { headBatchNorm, imageEncoder, pointEncoder } = config;
  const observer = new Simipu(
    {
      ...config,
      headBatchNorm: swift(headBatchNorm),
      imageEncoder: { ...imageEncoder, batchNorm: swift(imageEncoder.batchNorm) },
      pointEncoder: { ...pointEncoder, batchNorm: swift(pointEncoder.batchNorm) },
    },
    2,
  );
  const { params, stats } = observer.initialize(Random.fromSeed(seed));
  const batch = uploadTree(syntheticBatch(observer, config));
  const observed = observer.loss({ params: uploadTree(params), stats: uploadTree(stats) }, batch, {
    training: true,
  }).stats;
  return { params, stats: mapTree(observed, (leaf) => float32(leaf.dataSync() as Float32Array, leaf.shape)) };
}

/** Rows of length one in all directions. */
export function randomFeatures(seed: string, count: number, width: number): Features {
  const random = Random.fromSeed(seed);
  const rows = Float32Array.from({ length: count * width }, () => random.normal());
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * width, (i + 1) * width);
    row.set(row.map((value) => value / Math.hypot(...row)));
  }
  return { width, rows };
}
