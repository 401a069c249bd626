import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { exportOnnx } from '../engine/export-onnx.ts';
import { float32, type HostTensor, int32 } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import { leavesOf } from '../engine/tree.ts';
import { IMAGENET_BGR, IMAGENET_RGB } from '../image/normalize-image.ts';
import { branchAt } from '../nn/layer.ts';
import { Simipu } from '../objectives/simipu.ts';
import { writeFileAtomically, writeJsonAtomically } from './atomic-file.ts';
import type { TrainedRun } from './model-state.ts';

/** The inputs of a point encoder: `features`, `xyz` where it is used, and the tables of every level, all zeros. */
function pointInputs({ config }: TrainedRun, batch: number): Tree<HostTensor> {
  const { points, pointEncoder } = config.simipu;
  const rows = batch * points.count;
  const zeros = (length: number) => int32(new Int32Array(length), [length]);
  const levels = pointEncoder.levels.map(({ points: centers, neighbors }, l) => [
    `${l}`,
    {
      centers: zeros(batch * centers),
      neighbors: Object.fromEntries(neighbors.map((count, s) => [`${s}`, zeros(batch * centers * count)])),
    },
  ]);
  const features = float32(new Float32Array(rows), [rows, 1]);
  const base = { features, levels: Object.fromEntries(levels) as Tree<HostTensor> };
  return pointEncoder.useXyz ? { ...base, xyz: float32(new Float32Array(rows * 3), [rows, 3]) } : base;
}

/**
 * Writes `image-encoder.onnx`, `point-encoder.onnx` (opset 18, standard operators alone, running statistics) and
 * `encoders.json`, which says what goes in and comes out; gives their paths.
 */
export async function exportEncoders(
  run: TrainedRun,
  folder: string,
  options: { readonly batch: number },
): Promise<string[]> {
  const { config, state } = run;
  const { batch } = options;
  const model = new Simipu(config.simipu, batch);
  const { width, height, colours } = config.simipu.image;
  const image = float32(new Float32Array(batch * height * width * 3), [batch, height, width, 3]);
  const encoders = {
    'image-encoder.onnx': {
      part: 'imageEncoder',
      inputs: { image } as Tree<HostTensor>,
      forward: (parameters: Tree<tf.Tensor>, inputs: Tree<tf.Tensor>): Tree<tf.Tensor> => ({
        image_features: model.encodeImage(
          { imageEncoder: branchAt(parameters, 'params') },
          branchAt(parameters, 'stats'),
          inputs.image as tf.Tensor,
          { training: false },
        ).features,
      }),
    },
    'point-encoder.onnx': {
      part: 'pointEncoder',
      inputs: pointInputs(run, batch),
      forward: (parameters: Tree<tf.Tensor>, inputs: Tree<tf.Tensor>): Tree<tf.Tensor> => ({
        point_features: model.encodePoints(
          { pointEncoder: branchAt(parameters, 'params') },
          branchAt(parameters, 'stats'),
          inputs,
          { training: false },
        ).features,
      }),
    },
  };
  const paths: string[] = [];
  for (const [name, { part, inputs, forward }] of Object.entries(encoders)) {
    const parameters = {
      params: branchAt(branchAt(state, 'params'), part),
      stats: branchAt(branchAt(state, 'stats'), part),
    };
    paths.push(join(folder, name));
    await writeFileAtomically(join(folder, name), exportOnnx(forward, { parameters, inputs }));
  }
  // Without coordinates nothing depends on which points the centres are, and the file has no such input.
  const used = ([path]: readonly [string, HostTensor]) =>
    config.simipu.pointEncoder.useXyz || !path.endsWith('/centers');
  const describe = (inputs: Tree<HostTensor>) =>
    Object.fromEntries(
      leavesOf(inputs)
        .filter(used)
        .map(([path, { dtype, shape }]) => [path, { dtype, shape }]),
    );
  const { mean, std, order } = colours === 'imagenet-bgr' ? IMAGENET_BGR : IMAGENET_RGB;
  paths.push(join(folder, 'encoders.json'));
  await writeJsonAtomically(join(folder, 'encoders.json'), {
    step: run.step,
    'image-encoder.onnx': {
      inputs: describe(encoders['image-encoder.onnx'].inputs),
      image: { layout: 'batch, height, width, channels', scale: '0 to 255', mean, std, order },
      output: 'image_features: batch, channels, height/32, width/32',
    },
    'point-encoder.onnx': {
      inputs: describe(encoders['point-encoder.onnx'].inputs),
      points: {
        count: config.simipu.points.count,
        features: 'reflectance, 0 to 1',
        tables:
          'levels/l/centers and levels/l/neighbors/s count through the stacked points of the level before (farthest points, ball query)',
        encoder: config.simipu.pointEncoder,
      },
      output: 'point_features: batch x centres, channels',
    },
  });
  return paths;
}
