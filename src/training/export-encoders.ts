import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { type EncodersConfig, imageEncoderStride } from '../encoders/encoder-config.ts';
import { encodeImages, encodePoints } from '../encoders/encoders.ts';
import { imageKindOf } from '../encoders/image-kinds.ts';
import { type ExportOptions, exportOnnx } from '../engine/export-onnx.ts';
import { float32, type HostTensor, int32 } from '../engine/host-tensor.ts';
import { leavesOf, type Tree } from '../engine/tree.ts';
import { branchAt, branchOrNone } from '../nn/layer.ts';
import { normalizationOf } from '../views/canvas.ts';
import { makeFolder, writeFileAtomically, writeJsonAtomically } from './run/atomic-file.ts';
import { describeTraining, type EncoderRun } from './run/encoder-run.ts';

/** One encoder's file: which branch of the model it is, what goes in, and what is said of it in `encoders.json`. */
interface EncoderFile {
  readonly name: string;
  readonly part: string;
  readonly inputs: Tree<HostTensor>;
  readonly forward: (parameters: Tree<tf.Tensor>, inputs: Tree<tf.Tensor>) => Tree<tf.Tensor>;
  readonly described: { readonly [key: string]: unknown };
  /** How its file is written beside that. */
  readonly written?: Pick<ExportOptions, 'freeAxes' | 'axisSteps' | 'foldNorms'>;
  /** What its file says to whoever opens it. */
  readonly metadata: Readonly<Record<string, string>>;
}

const mode = { training: false };
const modelOf = (parameters: Tree<tf.Tensor>) => ({
  params: branchAt(parameters, 'params'),
  stats: branchOrNone(parameters, 'stats'),
});

/**
 * Writes the encoders that a run has, whatever it learned by: `image-encoder.onnx`, which takes any batch, `point-encoder.onnx`,
 * which takes `batch` samples (opset 18, standard operators alone, running statistics), and `encoders.json`, which says what goes in and comes out; gives their paths. The folder
 * is made where it is not there.
 *
 * @example
 * const files = await exportEncoders(await loadRun('runs/first'), 'out', { batch: 1 });
 * files; // ["out/image-encoder.onnx", "out/point-encoder.onnx", "out/encoders.json"]
 */
export async function exportEncoders(
  run: EncoderRun,
  folder: string,
  { batch }: { readonly batch: number },
): Promise<string[]> {
  const { encoders } = run.config;
  await makeFolder(folder);
  const files = [...imageFile(encoders, batch), ...pointFile(encoders, batch)];
  const paths: string[] = [];
  const source = `pointpair: ${describeTraining(run.config)}, step ${run.step}, on ${run.data.root}`;
  for (const { name, part, inputs, forward, written, metadata } of files) {
    const parameters = {
      params: branchAt(branchAt(run.state, 'params'), part),
      stats: branchOrNone(branchOrNone(run.state, 'stats'), part),
    };
    paths.push(join(folder, name));
    const options = { parameters, inputs, ...written, metadata: { ...metadata, source } };
    await writeFileAtomically(join(folder, name), exportOnnx(forward, options));
  }
  paths.push(join(folder, 'encoders.json'));
  await writeJsonAtomically(join(folder, 'encoders.json'), {
    step: run.step,
    ...Object.fromEntries(files.map(({ name, described }) => [name, described])),
  });
  return paths;
}

function imageFile({ image: encoder }: EncodersConfig, batch: number): EncoderFile[] {
  if (encoder === undefined) return [];
  const { width, height } = encoder.input;
  const inputs = { image: float32(new Float32Array(batch * height * width * 3), [batch, height, width, 3]) };
  const { mean, std, order } = normalizationOf(encoder.input);
  const stride = imageEncoderStride(encoder);
  const output = `image_features: batch, channels, height/${stride}, width/${stride}`;
  // Only a ResNet has no sum over its maps and no table of places: it takes pictures of any size.
  const anySize = imageKindOf(encoder).kind === 'resnet';
  const sizes = anySize ? 'any multiples of 32' : `${height} and ${width}`;
  return [
    {
      name: 'image-encoder.onnx',
      part: 'imageEncoder',
      inputs,
      forward: (parameters, given) => {
        const options = { encoder, ...mode };
        const { features } = encodeImages(modelOf(parameters), given.image as tf.Tensor, options);
        return { image_features: features.c5! };
      },
      described: {
        inputs: formsOf(leavesOf<HostTensor>(inputs)),
        image: { layout: 'batch, height, width, channels', scale: '0 to 255', mean, std, order },
        batch: 'any',
        sizes: `height and width: ${sizes}`,
        output,
      },
      written: {
        freeAxes: { image: anySize ? ['batch', 'height', 'width'] : ['batch'] },
        axisSteps: { height: 32, width: 32 },
        foldNorms: true,
      },
      metadata: {
        encoder: imageKindOf(encoder).title(encoder),
        layout: 'batch, height, width, channels',
        order,
        scale: '0 to 255',
        mean: mean.join(', '),
        std: std.join(', '),
        canvas: `${width} x ${height} pixels`,
        sizes: `height and width: ${sizes}`,
        stride: `${stride}`,
        output,
      },
    },
  ];
}

function pointFile({ points: encoder }: EncodersConfig, batch: number): EncoderFile[] {
  if (encoder === undefined) return [];
  const { input, ...net } = encoder;
  const inputs = pointInputs(encoder, batch);
  // Without coordinates nothing depends on which points the centres are, and the file has no such input.
  const used = leavesOf(inputs).filter(([path]) => encoder.useXyz || !path.endsWith('/centers'));
  return [
    {
      name: 'point-encoder.onnx',
      part: 'pointEncoder',
      inputs,
      forward: (parameters, given) => ({
        point_features: encodePoints(modelOf(parameters), given, { encoder, ...mode }).features,
      }),
      described: {
        inputs: formsOf(used),
        points: {
          count: input.count,
          features: 'reflectance, 0 to 1',
          tables:
            'levels/l/centers and levels/l/neighbors/s count through the stacked points of the level before (farthest points, ball query)',
          encoder: net,
        },
        output: 'point_features: batch x centres, channels',
      },
      metadata: {
        points: `${input.count}`,
        batch: `${batch}`,
        output: 'point_features: batch x centres, channels',
      },
    },
  ];
}

/** The inputs of a point encoder: `features`, `xyz` where it is used, and the tables of every level, all zeros. */
function pointInputs(encoder: NonNullable<EncodersConfig['points']>, batch: number): Tree<HostTensor> {
  const rows = batch * encoder.input.count;
  const zeros = (length: number) => int32(new Int32Array(length), [length]);
  const levels = encoder.levels.map(({ points: centers, neighbors }, l) => [
    `${l}`,
    {
      centers: zeros(batch * centers),
      neighbors: Object.fromEntries(neighbors.map((count, s) => [`${s}`, zeros(batch * centers * count)])),
    },
  ]);
  const features = float32(new Float32Array(rows), [rows, 1]);
  const base = { features, levels: Object.fromEntries(levels) as Tree<HostTensor> };
  return encoder.useXyz ? { ...base, xyz: float32(new Float32Array(rows * 3), [rows, 3]) } : base;
}

function formsOf(leaves: ReadonlyArray<readonly [path: string, leaf: HostTensor]>) {
  return Object.fromEntries(leaves.map(([path, { dtype, shape }]) => [path, { dtype, shape }]));
}
