import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { imageEncoderNet } from '../../src/encoders/encoders.ts';
import type { PictureSize } from '../../src/encoders/image-kind.ts';
import type { ImageEncoderConfig } from '../../src/encoders/image-kinds.ts';
import { describeTaken, fromLibrary, toLibrary } from '../../src/encoders/library-weights.ts';
import { float32, type HostTensor, sizeOf } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { distance, uploadTree, valuesOf } from '../nn/tensors.ts';

/** Made by golden/make-weights.py with torchvision and timm. */
const golden = JSON.parse(readFileSync(new URL('golden/weights.json', import.meta.url), 'utf8')) as {
  readonly [name: string]: {
    readonly python: readonly string[];
    readonly tensors: ReadonlyArray<readonly [name: string, shape: readonly number[]]>;
    readonly features: readonly number[];
  };
};

const batchNorm = { eps: 1e-5, momentum: 0.1 };
type Encoder = ImageEncoderConfig & { readonly input: PictureSize };
const vit = {
  ...({ kind: 'vit', width: 8, depth: 2, heads: 2, patch: 4, positions: 'learned' } as const),
  batchNorm,
};
const encoders: { readonly [name: string]: Encoder } = {
  resnet18: { depth: 18, width: 64, batchNorm, input: { width: 32, height: 32 } },
  'resnet18-timm-small-stem': {
    ...{ depth: 18, width: 64, stem: 'small', batchNorm: { eps: 1e-3, momentum: 0.1 } },
    input: { width: 32, height: 32 },
  },
  'narrow-resnet18': {
    ...{ depth: 18, width: 4, batchNorm: { eps: 1e-3, momentum: 0.1 } },
    input: { width: 40, height: 33 },
  },
  'narrow-resnet50-small-stem': {
    ...{ depth: 50, width: 2, stem: 'small', batchNorm },
    input: { width: 16, height: 12 },
  },
  'regnety-timm': { kind: 'regnety', size: '400mf', batchNorm, input: { width: 32, height: 32 } },
  'regnety-timm-small-stem': {
    ...{ kind: 'regnety', size: '200mf', stem: 'small', batchNorm },
    input: { width: 32, height: 32 },
  },
  'narrow-regnety': {
    ...{ kind: 'regnety', depths: [1, 2, 1, 1], widths: [4, 8, 12, 16], groupWidth: 4, stemWidth: 6 },
    ...{ batchNorm: { eps: 1e-3, momentum: 0.1 }, input: { width: 64, height: 40 } },
  },
  'narrow-regnety-small-stem': {
    ...{ kind: 'regnety', depths: [1, 1, 1, 2], widths: [8, 8, 16, 16], groupWidth: 8, stemWidth: 8 },
    ...{ stem: 'small', batchNorm, input: { width: 12, height: 16 } },
  },
  'vit-timm': { ...vit, input: { width: 12, height: 8 } },
  'vit-torchvision': { ...vit, input: { width: 8, height: 8 } },
};

const libraryOf = (name: string) => (name.includes('timm') ? 'timm' : 'torchvision');
const begun = (encoder: Encoder) => imageEncoderNet(encoder).initialize(Random.fromSeed(0));

/** The script's tensors of a network. */
function tensorsOf(name: string): Map<string, HostTensor> {
  return new Map(
    golden[name].tensors.map(([key, shape], place) => {
      const scale = /^(fc|heads)\./.test(key) ? 0 : 0.3;
      const start = shape.length === 1 && key.endsWith('weight') ? 1 : 0;
      const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
        const number = scale * Math.sin(place + 0.7 * i);
        return key.endsWith('running_var') ? 1 + Math.abs(number) : start + number;
      });
      return [key, float32(data, shape)];
    }),
  );
}

function picture({ width, height }: PictureSize): tf.Tensor {
  const data = Float32Array.from({ length: 3 * width * height }, (_, i) => Math.sin(0.5 + 0.7 * i));
  return tf.transpose(tf.tensor(data, [1, 3, height, width]), [0, 2, 3, 1]);
}

describe('weights for a library', () => {
  it.each(Object.keys(golden))('are those of its %s, as the lines of Python make it', (name) => {
    const encoder = encoders[name];
    const { tensors, python } = toLibrary(encoder, begun(encoder), libraryOf(name));
    expect(python).toEqual(golden[name].python);
    const sorted = (list: ReadonlyArray<readonly [string, readonly number[]]>) =>
      [...list].map(([key, shape]) => `${key} [${shape}]`).sort();
    expect(sorted(tensors.map(([key, { shape }]) => [key, shape] as const))).toEqual(
      sorted(golden[name].tensors),
    );
  });

  it.each(Object.keys(golden).filter((name) => golden[name].features !== undefined))(
    'of %s come back as they were, and give its features',
    (name) => {
      const encoder = encoders[name];
      const given = tensorsOf(name);
      const { model, weights } = fromLibrary(encoder, begun(encoder), given, { file: 'w.safetensors' });
      expect(weights.library).toBe(libraryOf(name));
      expect(weights.missing).toEqual([]);
      const { tensors } = toLibrary(encoder, model, libraryOf(name));
      for (const [key, { data }] of tensors) expect(distance(data, given.get(key)!.data), key).toBe(0);
      const row = imageEncoderNet(encoder).apply(
        uploadTree(model.params),
        uploadTree(model.stats),
        picture(encoder.input),
        { training: false },
      ).y;
      const largest = Math.max(1, ...golden[name].features.map(Math.abs));
      expect(distance(valuesOf(row), golden[name].features) / largest).toBeLessThan(1e-5);
    },
  );

  it('have sine positions as numbers', () => {
    const encoder: Encoder = { ...vit, positions: 'sine' as const, input: { width: 8, height: 8 } };
    const { tensors } = toLibrary(encoder, begun(encoder), 'timm');
    const { shape, data } = new Map(tensors).get('pos_embed')!;
    expect(shape).toEqual([1, 5, 8]);
    // The class token has none; the first patch is at row 0 and column 0: sines 0, cosines 1.
    expect([...data.slice(0, 16)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1]);
  });

  it('are refused where a library has no such network', () => {
    const narrow = encoders['narrow-resnet18'];
    expect(() => toLibrary(narrow, begun(narrow), 'timm')).toThrow(
      "encoders.image.width: expected a width of 64, as timm's ResNets have; --names torchvision says how one of another width is made, found 4",
    );
    const wide = encoders['vit-timm'];
    expect(() => toLibrary(wide, begun(wide), 'torchvision')).toThrow(/a square canvas.*12 x 8 pixels/);
  });
});

describe('weights from a library', () => {
  const encoder = { ...vit, input: { width: 12, height: 8 } };
  const file = 'w.safetensors';
  const take = (tensors: ReadonlyMap<string, HostTensor>, into: Encoder = encoder) =>
    fromLibrary(into, begun(into), tensors, { file });

  it('are told: what was taken, what was left and why, what is drawn at random', () => {
    const given = tensorsOf('vit-timm');
    given.delete('norm.bias');
    given.set('head.weight', float32([0], [1]));
    given.set('dist_token', float32([0], [1]));
    const { weights } = take(given, { ...encoder, positions: 'sine' as const });
    expect(describeTaken(weights, { file }).split('\n')).toEqual([
      "begins with w.safetensors, by timm's names:",
      '  imageEncoder: 28 tensors taken',
      '  pos_embed left: fixed here, by the configuration',
      '  head.weight left: a classifier, which encoders here have none of',
      '  dist_token left: a ViT of width 8, 2 blocks, 2 heads with patches of 4 pixels has no such tensor here',
      '  norm/bias not in the file: drawn at random',
    ]);
  });

  it('of another shape are an error that names both', () => {
    const given = tensorsOf('vit-timm');
    given.set('blocks.1.mlp.fc1.weight', float32(new Float32Array(16 * 8), [16, 8]));
    expect(() => take(given)).toThrow(
      'w.safetensors: tensor blocks.1.mlp.fc1.weight: expected float32 [32,8], as blocks/1/mlp/fc1/weight of a ViT of width 8, 2 blocks, 2 heads with patches of 4 pixels here, found float32 [16,8]',
    );
  });

  it('under names that nothing has are an error', () => {
    expect(() => take(new Map([['module.x', float32([0], [1])]]))).toThrow(
      /expected weights of a ViT .* under the names of torchvision or timm, such as '.+', found 1 tensors, such as 'module.x'/,
    );
  });
});
