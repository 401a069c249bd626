import * as ort from 'onnxruntime-web/wasm';
import {
  float32,
  type HostTensor,
  leavesOf,
  openStep,
  type Tree,
  treeOf,
} from '../../../exports/engine/web.ts';

/** The leaves of a tree as JSON has them: all of them are float32. */
export type PlainLeaves = ReadonlyArray<readonly [path: string, shape: number[], data: number[]]>;

/** What training in the page gave. */
export interface Trained {
  readonly losses: readonly number[];
  readonly state: PlainLeaves;
  readonly runsMs: number;
}

const hostTree = (leaves: PlainLeaves) =>
  treeOf(leaves.map(([path, shape, data]) => [path, float32(data, shape)] as const));

/** Fetches a model and trains with it, all runs on one batch. */
export async function train(
  url: string,
  state: PlainLeaves,
  batch: PlainLeaves,
  runs: number,
): Promise<Trained> {
  const model = new Uint8Array(await (await fetch(url)).arrayBuffer());
  const step = await openStep<Tree<HostTensor>, Tree<HostTensor>, { loss: HostTensor }>(ort, model, {
    executionProviders: ['wasm'],
  });
  const begun = performance.now();
  let result = await step.run(hostTree(state), hostTree(batch));
  const losses = [result.outputs.loss.data[0]];
  while (losses.length < runs) {
    result = await step.run(result.state, hostTree(batch));
    losses.push(result.outputs.loss.data[0]);
  }
  const runsMs = performance.now() - begun;
  const after = leavesOf(await result.state.read());
  await step.dispose();
  return {
    losses,
    state: after.map(([path, { shape, data }]) => [path, [...shape], [...data]]),
    runsMs,
  };
}

// One thread: more of them need a page that is isolated from others.
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = '/';
Object.assign(globalThis, { train });
