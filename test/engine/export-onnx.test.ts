import * as tf from '@tensorflow/tfjs-core';
import * as ort from 'onnxruntime-node';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/engine/compile.ts';
import type { Forward } from '../../src/engine/export-onnx.ts';
import { exportOnnx } from '../../src/engine/export-onnx.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { float32, scalar } from '../../src/engine/host-tensor.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { leavesOf } from '../../src/engine/tree.ts';
import { expectClose, seeded, values } from './against-cpu.ts';

type Branch = { readonly [key: string]: tf.Tensor };

const random = seeded('export');
const parameters = {
  conv: { weight: values(random, [3, 3, 3, 4]), bias: values(random, [4]) },
  head: { weight: values(random, [4, 5]), unused: values(random, [2]) },
};
const inputs = { image: values(random, [2, 8, 6, 3]), scale: scalar(0.5), ignored: scalar(0) };

const forward: Forward = ({ conv, head }, { image, scale }) => {
  const { weight, bias } = conv as Branch;
  const features = tf.relu(tf.add(tf.conv2d(image as tf.Tensor4D, weight as tf.Tensor4D, 2, 'same'), bias));
  const pooled = tf.mul(tf.mean(features, [1, 2]), scale as tf.Tensor);
  return {
    pooled,
    scores: { all: tf.softmax(tf.matMul(pooled, (head as Branch).weight)) },
    given: scale as tf.Tensor,
    bias,
  };
};

/** The parts of onnx.proto that are looked at here. */
const onnx = protobuf
  .parse(`
  syntax = "proto3";
  message Opset { string domain = 1; int64 version = 2; }
  message Tensor { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
  message ValueInfo { string name = 1; }
  message Node { repeated string input = 1; repeated string output = 2; string op_type = 4; string domain = 7; }
  message Graph { repeated Node node = 1; string name = 2; repeated Tensor initializer = 5; repeated ValueInfo input = 11; repeated ValueInfo output = 12; }
  message Model { int64 ir_version = 1; string producer_name = 2; Graph graph = 7; repeated Opset opset_import = 8; }
`)
  .root.lookupType('Model');

interface Decoded {
  irVersion: number;
  graph: {
    node: Array<{ input?: string[]; output: string[]; opType: string; domain?: string }>;
    initializer: Array<{ name: string; rawData: Uint8Array }>;
    input: Array<{ name: string }>;
    output: Array<{ name: string }>;
  };
  opsetImport: Array<{ domain?: string; version: number }>;
}

const decode = (bytes: Uint8Array) => onnx.toObject(onnx.decode(bytes), { longs: Number }) as Decoded;

describe('a function as an ONNX file', () => {
  const bytes = exportOnnx(forward, { parameters, inputs });

  it('computes what the compiled step computes, opened by ONNX Runtime alone', async () => {
    const session = await ort.InferenceSession.create(bytes);
    const feeds = Object.fromEntries(
      leavesOf<HostTensor>(inputs)
        .filter(([path]) => session.inputNames.includes(path))
        .map(([path, { data, shape }]) => [path, new ort.Tensor('float32', data as Float32Array, shape)]),
    );
    const found = await session.run(feeds);
    const compiled = await compile((state, batch) => [state, forward(state, batch)], {
      state: parameters,
      batch: inputs,
    });
    const { outputs } = await compiled.run(parameters, inputs);
    const eager = await compile((state, batch) => [state, forward(state, batch)], {
      state: parameters,
      batch: inputs,
      device: 'eager',
    });
    const reference = new Map(leavesOf((await eager.run(parameters, inputs)).outputs));
    expect(Object.keys(found).sort()).toEqual([...reference.keys()].sort());
    for (const [path, expected] of leavesOf(outputs)) {
      const { data, dims } = found[path];
      const actual: HostTensor = { dtype: 'float32', shape: dims, data: data as Float32Array };
      expectClose(actual, expected, 1e-6, path);
      expectClose(actual, reference.get(path)!, 1e-5, path);
    }
  });

  it('is a standard file with the paths of the trees as names', () => {
    const { graph, opsetImport, irVersion } = decode(bytes);
    expect(irVersion).toBe(9);
    expect(opsetImport).toEqual([{ version: 18 }]);
    expect(graph.node.filter(({ domain }) => domain !== undefined && domain !== '')).toEqual([]);
    expect(graph.input.map(({ name }) => name)).toEqual(['image', 'scale']);
    expect(graph.output.map(({ name }) => name)).toEqual(['bias', 'given', 'pooled', 'scores/all']);
    const named = graph.initializer.filter(({ name }) => !name.includes(':'));
    expect(named.map(({ name }) => name).sort()).toEqual(['conv/bias', 'conv/weight', 'head/weight']);
    const weight = named.find(({ name }) => name === 'head/weight')!.rawData;
    expect(new Float32Array(new Uint8Array(weight).buffer)).toEqual(parameters.head.weight.data);
  });

  it('names each value once, and only values that come before', () => {
    const { graph } = decode(bytes);
    const known = new Set([
      '',
      ...graph.input.map(({ name }) => name),
      ...graph.initializer.map(({ name }) => name),
    ]);
    expect(known.size).toBe(1 + graph.input.length + graph.initializer.length);
    for (const { input = [], output } of graph.node) {
      for (const name of input) expect(known).toContain(name);
      for (const name of output) {
        expect(known).not.toContain(name);
        known.add(name);
      }
    }
    for (const { name } of graph.output) expect(known).toContain(name);
  });

  it('refuses one name for two things', () => {
    const same = () =>
      exportOnnx((_, { x }) => ({ x: tf.neg(x as tf.Tensor) }), { parameters: {}, inputs: { x: scalar(1) } });
    expect(same).toThrow(InputError);
    expect(same).toThrow(
      'ONNX export: outputs/x: expected a name that nothing else has, found the same name among the inputs',
    );
    const shared = () =>
      exportOnnx(({ x }) => ({ y: x as tf.Tensor }), {
        parameters: { x: float32([1], [1]) },
        inputs: { x: scalar(1) },
      });
    expect(shared).toThrow('found the same name among the parameters');
  });
});

describe('free axes of an exported function', () => {
  const rows = { x: { dtype: 'float32', shape: [2, 3] } } as const;

  it('take any length, and what follows from them is worked out when it runs', async () => {
    const bytes = exportOnnx(
      (_, { x }) => {
        const [count] = (x as tf.Tensor).shape as number[];
        const last = tf.slice(x as tf.Tensor2D, [0, 1], [count, 2]);
        return { y: tf.reshape(tf.concat([last, last], 1), [count, 2, 2]) };
      },
      { parameters: {}, inputs: rows, freeAxes: { x: ['rows'] } },
    );
    const session = await ort.InferenceSession.create(bytes);
    for (const count of [1, 4]) {
      const data = Float32Array.from({ length: 3 * count }, (_, i) => i);
      const { y } = await session.run({ x: new ort.Tensor('float32', data, [count, 3]) });
      expect([...y.dims]).toEqual([count, 2, 2]);
      expect([...(y.data as Float32Array).slice(-4)]).toEqual([
        3 * count - 2,
        3 * count - 1,
        3 * count - 2,
        3 * count - 1,
      ]);
    }
  });

  it('are refused where numbers depend on them', () => {
    const mean: Forward = (_, { x }) => ({ y: tf.mean(x as tf.Tensor, 0) });
    expect(() => exportOnnx(mean, { parameters: {}, inputs: rows, freeAxes: { x: ['rows'] } })).toThrow(
      'Mul depends on the lengths of rows: they cannot be free',
    );
  });
});

it('folds what is done channel by channel into the convolution before it, but not what the inputs do', async () => {
  const own = {
    weight: values(random, [5, 3, 2, 2]),
    scale: values(random, [5]),
    shift: values(random, [5]),
  };
  const images = values(random, [1, 4, 4, 3]);
  const wide = (x: tf.Tensor) => tf.reshape(x, [1, 5, 1, 1]);
  const count = async (foldNorms: boolean, byInput: boolean) => {
    const bytes = exportOnnx(
      ({ weight, scale, shift }, { x, by }) => {
        const image = tf.transpose(x as tf.Tensor4D, [0, 3, 1, 2]) as tf.Tensor4D;
        const filter = tf.transpose(weight as tf.Tensor4D, [2, 3, 1, 0]);
        const y = tf.conv2d(image, filter, 1, 0, 'NCHW');
        const factor = byInput ? tf.mul(scale as tf.Tensor, by as tf.Tensor) : (scale as tf.Tensor);
        return { y: tf.add(tf.mul(y, wide(factor)), wide(tf.sub(shift as tf.Tensor, factor))) };
      },
      { parameters: own, inputs: { x: images, by: scalar(1) }, foldNorms },
    );
    const session = await ort.InferenceSession.create(bytes);
    const feeds = { x: new ort.Tensor('float32', images.data as Float32Array, images.shape) };
    const given = byInput ? { ...feeds, by: new ort.Tensor('float32', [1], []) } : feeds;
    const { y } = await session.run(given);
    return { y: y.data as Float32Array, ops: decode(bytes).graph.node.map(({ opType }) => opType) };
  };
  const plain = await count(false, false);
  const folded = await count(true, false);
  const kept = await count(true, true);
  expect(plain.ops).toContain('Mul');
  expect(folded.ops.filter((op) => op === 'Mul' || op === 'Add' || op === 'Sub')).toEqual([]);
  expect(kept.ops).toContain('Mul');
  for (const { y } of [folded, kept])
    for (const [i, value] of y.entries()) expect(value).toBeCloseTo(plain.y[i], 4);
});
