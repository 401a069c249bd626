import { expect } from 'vitest';
import { blockSize } from '../../src/engine/blocked/block-size.ts';
import { toBlocks } from '../../src/engine/blocked/layouts.ts';
import { capture, type Step } from '../../src/engine/capture.ts';
import { DeviceSession, runtime } from '../../src/engine/device.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { lower } from '../../src/engine/lower.ts';
import { encodeModel } from '../../src/engine/onnx-model.ts';
import { TableFeeds } from '../../src/engine/row-sums/table-feeds.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';

/** A step, and what it is run on. */
export interface Given {
  readonly step: Step;
  readonly state: Tree<HostTensor>;
  readonly batch: Tree<HostTensor>;
}

/** On one thread nothing happens at the same time: a second run is enough to see that it leaves nothing behind. */
const runsOn = (threads: number) => (threads === 1 ? 2 : 20);

/** What tests of equal bits say that they hold, on these numbers of threads. */
export function sameBits(threadCounts: readonly number[]): string {
  const times = threadCounts.reduce((sum, threads) => sum + runsOn(threads), 0);
  return `a training step gives the same bits ${times} times, on ${threadCounts.join(', ')} threads`;
}

/** The results of a step as the engine has them computed, and what they are computed from. */
async function modelOf({ step, state, batch }: Given) {
  const block = await blockSize();
  const { graph, tabled, stored, nextState, outputs } = lower(capture(step, state, batch), { block });
  const results = [...nextState, ...outputs].map(([, value], i) => ({ name: `result ${i}`, value }));
  const tables = await TableFeeds.open(graph, tabled);
  const leaves = new Map(leavesOf(batch));
  const given = new Map<string, HostTensor>(await tables.of(leaves));
  for (const [path, leaf] of leaves) given.set(`batch/${path}`, leaf);
  for (const [path, leaf] of leavesOf(state)) {
    const weights = stored.get(path);
    given.set(`state/${path}`, weights === undefined ? leaf : toBlocks(leaf, weights, block!));
  }
  await tables.release();
  return {
    model: encodeModel(graph, results),
    optimize: block === undefined ? 'all' : 'none',
    given,
  } as const;
}

/** How many of the runs on each number of threads give other bits than the very first run. */
export async function otherBits(work: Given, threadCounts: readonly number[]): Promise<string[]> {
  const { Tensor } = runtime();
  const { model, optimize, given } = await modelOf(work);
  let first: ReadonlyMap<string, Buffer> | undefined;
  const found: string[] = [];
  for (const threads of threadCounts) {
    const session = await DeviceSession.open(model, { device: 'cpu', threads, optimize });
    const feeds = Object.fromEntries(
      session.inputNames.map((name) => {
        const { dtype, data, shape } = given.get(name)!;
        return [name, new Tensor(dtype as 'float32', data as Float32Array, shape)];
      }),
    );
    const runs = runsOn(threads);
    let others = 0;
    for (let run = 0; run < runs; run++) {
      const results = Object.entries(await session.run(feeds)).map(([name, tensor]) => {
        const { buffer, byteOffset, byteLength } = tensor.data as Float32Array;
        return [name, Buffer.from(buffer, byteOffset, byteLength)] as const;
      });
      first ??= new Map(results);
      if (results.some(([name, bytes]) => !bytes.equals(first!.get(name)!))) others++;
    }
    if (others > 0) found.push(`${others} of ${runs} runs on ${threads} threads`);
    await session.release();
  }
  expect(first!.size).toBeGreaterThan(50);
  return found;
}
