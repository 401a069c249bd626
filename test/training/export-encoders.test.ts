import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import * as web from 'onnxruntime-web/wasm';
import protobuf from 'protobufjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeImages } from '../../src/encoders/encoders.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { mapTree, type Tree } from '../../src/engine/tree.ts';
import { branchAt, branchOrNone } from '../../src/nn/layer.ts';
import { parseRunConfig } from '../../src/training/config.ts';
import { exportEncoders } from '../../src/training/export-encoders.ts';
import { presetOf } from '../../src/training/presets.ts';
import { initialState } from '../../src/training/pretrain.ts';
import type { TrainedRun } from '../../src/training/run/model-state.ts';
import { distance, randomTensor, uploadTree, valuesOf } from '../nn/tensors.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'exported-'));
});
afterAll(() => rm(folder, { recursive: true }));

const Model = protobuf
  .parse(`
  syntax = "proto3";
  message Node { string op_type = 4; }
  message Graph { repeated Node node = 1; }
  message Entry { string key = 1; string value = 2; }
  message Model { Graph graph = 7; repeated Entry metadata_props = 14; }
`)
  .root.lookupType('Model');

interface Opened {
  readonly graph: { readonly node: ReadonlyArray<{ readonly opType: string }> };
  readonly metadataProps: ReadonlyArray<{ readonly key: string; readonly value: string }>;
}

const batchNorm = { eps: 1e-3, momentum: 0.1 };
const input = { width: 64, height: 32, colours: 'imagenet-bgr' } as const;
const encoders = {
  resnet: { depth: 18, width: 4, batchNorm, input },
  'small resnet': { depth: 50, width: 2, stem: 'small', batchNorm, input },
  vit: { kind: 'vit', width: 8, depth: 2, heads: 2, patch: 8, positions: 'learned', batchNorm, input },
  'vit with sine positions': {
    ...{ kind: 'vit', width: 8, depth: 1, heads: 2, patch: 8, positions: 'sine', batchNorm },
    input,
  },
  'lab-resnet': { kind: 'lab-resnet', depth: 18, width: 4, batchNorm, input },
  mobilenetv3: { kind: 'mobilenetv3', widthFactor: 0.1, batchNorm, input },
  regnety: {
    ...{ kind: 'regnety', depths: [1, 1, 1, 1], widths: [4, 8, 8, 8], groupWidth: 4, batchNorm },
    input,
  },
  reactnet: { kind: 'reactnet', width: 2, weights: 'real', batchNorm, input },
  'binary reactnet': { kind: 'reactnet', width: 2, weights: 'binary', batchNorm, input },
} as const;

/** A run whose encoder's statistics and norms are no identities. */
function runWith(image: unknown): TrainedRun {
  const { objectives, ...run } = presetOf('moco-v2-cifar')!;
  const config = parseRunConfig({ ...run, objectives, encoders: { image } }, { file: 'run' });
  const shaken = (leaf: HostTensor, path: string): HostTensor =>
    leaf.shape.length === 1 && leaf.dtype === 'float32'
      ? {
          ...leaf,
          data: Float32Array.from(leaf.data, (v, i) => v + 0.3 * Math.abs(Math.sin(i + path.length))),
        }
      : leaf;
  const state = mapTree(initialState(config, { frames: 8 }), shaken);
  return { config, data: { root: 'pictures' }, step: 7, checkpoint: 'run', state };
}

async function exported(name: keyof typeof encoders) {
  const run = runWith(encoders[name]);
  const [file] = await exportEncoders(run, join(folder, name), { batch: 1 });
  const bytes = await readFile(file);
  const opened = Model.toObject(Model.decode(bytes)) as Opened;
  return { run, bytes, session: await ort.InferenceSession.create(bytes), opened };
}

/** The maps of random pictures by the file, and how far they are from those by tfjs. */
async function farthest(
  { run, session }: Awaited<ReturnType<typeof exported>>,
  shape: readonly [number, number, number],
): Promise<number> {
  const images = randomTensor('images', [...shape, 3]);
  const part = (branch: Tree<HostTensor>) => uploadTree(branchOrNone(branch, 'imageEncoder'));
  const model = { params: part(branchAt(run.state, 'params')), stats: part(branchAt(run.state, 'stats')) };
  const expected = encodeImages(model, images, { encoder: run.config.encoders.image!, training: false })
    .features.c5!;
  const given = new ort.Tensor('float32', images.dataSync() as Float32Array, images.shape);
  const { image_features: found } = await session.run({ image: given });
  expect([...found.dims]).toEqual(expected.shape);
  const values = valuesOf(expected);
  return distance(found.data as Float32Array, values) / Math.max(1, ...values.map(Math.abs));
}

describe('an exported image encoder', () => {
  it.each(Object.keys(encoders) as Array<keyof typeof encoders>)('of %s takes any batch', async (name) => {
    const file = await exported(name);
    for (const batch of [1, 2, 5]) expect(await farthest(file, [batch, 32, 64])).toBeLessThan(1e-5);
  });

  it.each(['resnet', 'small resnet'] as const)(
    'of %s takes any multiples of 32 pixels, and has its batch norms in its convolutions',
    async (name) => {
      const file = await exported(name);
      for (const [height, width] of [
        [32, 32],
        [96, 64],
      ] as const)
        expect(await farthest(file, [2, height, width])).toBeLessThan(1e-5);
      const ops = new Set(file.opened.graph.node.map(({ opType }) => opType));
      expect([...ops].sort()).toEqual(
        name === 'resnet'
          ? ['Add', 'Conv', 'MaxPool', 'Relu', 'Transpose']
          : ['Add', 'Conv', 'Relu', 'Transpose'],
      );
    },
  );

  it.each(Object.keys(encoders) as Array<keyof typeof encoders>)(
    'of %s gives by the WebAssembly of onnxruntime-web what it gives by onnxruntime-node',
    async (name) => {
      const { bytes, session } = await exported(name);
      // One thread: more of them would outlive the test.
      web.env.wasm.numThreads = 1;
      const inPage = await web.InferenceSession.create(bytes, { executionProviders: ['wasm'] });
      const given = [
        'float32',
        randomTensor('images', [2, 32, 64, 3]).dataSync() as Float32Array,
        [2, 32, 64, 3],
      ] as const;
      const { image_features: expected } = await session.run({ image: new ort.Tensor(...given) });
      const { image_features: found } = await inPage.run({ image: new web.Tensor(...given) });
      await inPage.release();
      expect(found.dims).toEqual(expected.dims);
      const values = expected.data as Float32Array;
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      expect(distance(found.data as Float32Array, [...values]) / largest).toBeLessThan(1e-5);
    },
  );

  it('says what it takes and where it comes from', async () => {
    const { opened } = await exported('vit');
    expect(Object.fromEntries(opened.metadataProps.map(({ key, value }) => [key, value]))).toEqual({
      encoder: 'ViT of width 8, 2 blocks, 2 heads with patches of 8 pixels',
      layout: 'batch, height, width, channels',
      order: 'bgr',
      scale: '0 to 255',
      mean: '103.53, 116.28, 123.675',
      std: '1, 1, 1',
      canvas: '64 x 32 pixels',
      sizes: 'height and width: 32 and 64',
      stride: '8',
      output: 'image_features: batch, channels, height/8, width/8',
      source: 'pointpair: moco, step 7, on pictures',
    });
  });
});
