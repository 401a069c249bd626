import type { StoredWeights } from './blocked/layouts.ts';
import type { Captured } from './capture.ts';
import type { ModelOutput } from './onnx-model.ts';

/** Which tensors of a state lie in blocks of `block` channels. */
export interface StateLayout {
  readonly block: number;
  readonly stored: ReadonlyMap<string, StoredWeights>;
}

/** Whether a state lies as a step wants it to: that of another step may have other tensors in blocks. */
export function sameLayout(a: StateLayout, b: StateLayout): boolean {
  if (a === b) return true;
  const key = ({ block, stored }: StateLayout) => JSON.stringify([stored.size > 0 ? block : 0, ...stored]);
  return key(a) === key(b);
}

/** The paths of the next state that are not handed on as they were given. */
export function changedPaths({ state, nextState }: Captured): string[] {
  return [...nextState].filter(([path, value]) => state.get(path) !== value).map(([path]) => path);
}

/** The outputs of a step's model: `next/…` what it changes of its state, then `outputs/…`. Throws where there is nothing. */
export function modelOutputs(captured: Captured): ModelOutput[] {
  const { nextState, outputs } = captured;
  const results = [
    ...changedPaths(captured).map((path) => ({ name: `next/${path}`, value: nextState.get(path)! })),
    ...[...outputs].map(([path, value]) => ({ name: `outputs/${path}`, value })),
  ];
  if (results.length > 0) return results;
  throw new Error('a compiled step neither changes its state nor gives any output');
}
