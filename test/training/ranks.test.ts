import { describe, expect, it } from 'vitest';
import { compile } from '../../src/engine/compile.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { compileRanks } from '../../src/engine/ranks/compile-ranks.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import type { BatchNormScope } from '../../src/nn/batch-norm.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { sameOnAllRanks, trainStep } from '../../src/training/train-step.ts';
import { firstSteps, imageBatch, tinyImageRun, tinyView } from '../objectives/tiny-image-run.ts';

type State = Tree<HostTensor>;

/** Steps over a whole batch, and the same over batches of each rank. */
interface Given {
  readonly step: (batchNorm?: BatchNormScope) => ReturnType<typeof trainStep>;
  readonly state: State;
  readonly whole: readonly State[];
  readonly shares: ReadonlyArray<readonly State[]>;
}

const BATCH = 8;

/** Two steps of a system on pictures, for so many ranks. */
function onPictures(
  preset: string,
  options: { readonly [option: string]: unknown },
  ranks: number,
): Given {
  const config = tinyImageRun(preset, options, { batchSize: BATCH });
  const pictures = [0, BATCH].map((first) => Array.from({ length: BATCH }, (_, i) => first + i));
  const { pretraining, groups, state, batches } = firstSteps(config, { frames: 16, pictures });
  const own = BATCH / ranks;
  const shareOf: RunConfig = { ...config, batchSize: own };
  const shares = pictures.map((indices, draw) =>
    Array.from({ length: ranks }, (_, r) => ({
      ...batches[draw],
      data: imageBatch(shareOf, indices.slice(r * own, (r + 1) * own), draw),
    })),
  );
  return { step: (batchNorm) => trainStep(pretraining, groups, { batchNorm }), state, whole: batches, shares };
}

async function inOnePiece({ step, state, whole }: Given, options: object = {}) {
  const compiled = await compile(step(), { state, batch: whole[0], threads: 1, ...options });
  let now: Parameters<typeof compiled.run>[0] = state;
  const outputs: State[] = [];
  for (const batch of whole) {
    const result = await compiled.run(now, batch);
    outputs.push(result.outputs);
    now = result.state;
  }
  const end = await (now as { read(): Promise<State> }).read();
  await compiled.dispose();
  return { outputs, state: end };
}

async function inPieces({ step, state, shares }: Given, batchNorm?: BatchNormScope) {
  const options = { state, batch: shares[0][0], sameBatch: sameOnAllRanks, pieces: shares[0].length };
  const compiled = await compileRanks(step(batchNorm), { ...options, threads: 1 });
  let now: Parameters<typeof compiled.run>[0] = state;
  const outputs: State[] = [];
  for (const batches of shares) {
    const result = await compiled.run(now, batches);
    outputs.push(result.outputs);
    now = result.state;
  }
  const end = await (now as { read(): Promise<State> }).read();
  await compiled.dispose();
  return { outputs, state: end };
}

/** The greatest difference of leaves of two trees, relative to the length of the leaf as a vector; and where. */
function farthest(one: State, other: State) {
  const found = new Map(leavesOf(other));
  let worst = { path: '', difference: 0 };
  for (const [path, { data }] of leavesOf(one)) {
    const others = found.get(path)!.data;
    let [apart, length] = [0, 0];
    data.forEach((value: number, i: number) => {
      apart += (value - others[i]) ** 2;
      length += value ** 2;
    });
    const difference = apart === 0 ? 0 : Math.sqrt(apart / Math.max(length, 1e-6));
    if (!(difference <= worst.difference)) worst = { path, difference };
  }
  return worst;
}

describe.each([
  ['simclr-cifar', {}],
  ['moco-v2-cifar', { query: tinyView, key: tinyView, queue: 32 }],
  ['swav-cifar', { queue: { size: 16, from: 0 } }],
  ['simsiam-cifar', {}],
  ['byol-cifar', {}],
] as const)('%s', (preset, options) => {
  it.each([2])('computes over %d ranks what it computes on one', async (ranks) => {
    const given = onPictures(preset, options, ranks);
    const [one, several] = [await inOnePiece(given), await inPieces(given)];
    const other = await inOnePiece(given, { blocked: false });
    console.log('control', farthest(one.state, other.state), one.outputs.map((each, i) => farthest(each, other.outputs[i])));
    console.log(preset, ranks, farthest(one.state, several.state), one.outputs.map((each, i) => farthest(each, several.outputs[i])));
    one.outputs.forEach((each, i) => { expect(farthest(each, several.outputs[i]).difference).toBeLessThan(1e-6) });
    expect(farthest(one.state, several.state).difference).toBeLessThan(1e-6);
  });
});
