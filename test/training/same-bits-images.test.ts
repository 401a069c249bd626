import { describe, expect, it } from 'vitest';
import type { RunConfig } from '../../src/training/config.ts';
import { firstSteps, tinyImageRun, tinyView } from '../objectives/tiny-image-run.ts';
import { type Given, otherBits, sameBits } from './other-bits.ts';

const view = { ...tinyView, width: 16, height: 16 };
const batchSize = 8;
/** Fewer than other tests have: most of the time goes into opening these large graphs. */
const threadCounts = [1, 2, 8];

/** The options in which each system differs from its preset: views of 16 pixels, and memories that a few batches fill. */
const systems: { readonly [preset: string]: { readonly [option: string]: unknown } } = {
  'moco-v2-cifar': { query: view, key: view, queue: 32 },
  'simclr-cifar': { view },
  'byol-cifar': { first: view, second: view },
  'simsiam-cifar': { view },
  // Gathers its queue in the first step, and trains its prototypes.
  'swav-cifar': { crops: { ...view, copies: 2 }, queue: { size: 16, from: 0 }, frozenUntil: 0 },
  'dino-cifar': {
    first: view,
    second: view,
    small: { ...view, width: 8, height: 8, copies: 2 },
    outputs: 32,
    frozenUntil: 0,
  },
  'seed-cifar': { view, queue: 32 },
  'seer-cifar': { crops: { ...view, copies: 2 }, frozenUntil: 0 },
  // Of a ReActNet with binary weights.
  's2-bnn-cifar-binary': { view },
  'exemplar-cifar': { dropout: 0.5 },
  'colorization-cifar': { view: { ...view, jitter: undefined } },
  'context-encoder-cifar': { view: { ...view, jitter: undefined } },
  'instdisc-cifar': { view, negatives: 64 },
  'invaspread-cifar': { view },
  'moco-v3-cifar': { first: view, second: view },
  'cmc-cifar': { view, negatives: 64 },
  'relative-patch-cifar': {},
  'cpc-cifar': { view, patches: { size: 4, stride: 3 } },
};

function given(preset: string): Given {
  const image = tinyImageRun(preset, systems[preset]).encoders.image!;
  const wider = image.kind === 'regnety' ? { widths: [8, 8, 16, 16] } : { width: 8 };
  const encoders = { image: { ...image, ...wider, batchNorm: { eps: 1e-5, momentum: 0.1 } } };
  const run = tinyImageRun(preset, systems[preset], { batchSize, encoders } as unknown as Partial<RunConfig>);
  const { step, state, batches } = firstSteps(run, {
    frames: 24,
    pictures: [[3, 1, 4, 15, 9, 2, 6, 5]],
  });
  return { step, state, batch: batches[0] };
}

const batchNorm = { eps: 1e-5, momentum: 0.1 };
/** Image encoders of other kinds than the ResNet. */
const kinds = {
  'a vision transformer': { kind: 'vit', width: 32, depth: 2, heads: 4, patch: 4, positions: 'learned' },
  'a MobileNetV3': { kind: 'mobilenetv3', widthFactor: 0.25, stem: 'small' },
  'a RegNetY': {
    ...{ kind: 'regnety', stem: 'small', groupWidth: 8, stemWidth: 8 },
    ...{ depths: [1, 1, 1, 1], widths: [8, 16, 16, 24] },
  },
} as const;

/** MoCo v2 on an image encoder of that kind. */
function givenKind(name: keyof typeof kinds): Given {
  const { input } = tinyImageRun('moco-v2-cifar', {}).encoders.image!;
  const image = { ...kinds[name], batchNorm, input };
  const changes = { batchSize, encoders: { image } } as unknown as Partial<RunConfig>;
  const run = tinyImageRun('moco-v2-cifar', systems['moco-v2-cifar'], changes);
  const pictures = [[3, 1, 4, 15, 9, 2, 6, 5]];
  const { step, state, batches } = firstSteps(run, { frames: 24, pictures });
  return { step, state, batch: batches[0] };
}

describe(`${sameBits(threadCounts)}, with all that image systems remember`, () => {
  it.each(Object.keys(systems))('%s', { timeout: 240_000 }, async (preset) => {
    expect(await otherBits(given(preset), threadCounts)).toEqual([]);
  });

  it.each(Object.keys(kinds) as Array<keyof typeof kinds>)('%s', { timeout: 240_000 }, async (name) => {
    expect(await otherBits(givenKind(name), threadCounts)).toEqual([]);
  });
});
