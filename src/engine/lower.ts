import { type BlockedStep, toBlocks } from './blocked/pass.ts';
import type { Captured } from './capture.ts';
import type { Value } from './graph.ts';
import { toPlain } from './passes/plain.ts';

/** A captured step in operations that ONNX Runtime has; none of its state is in blocks where it has none. */
export type Lowered = BlockedStep;

/**
 * Says a captured step in operations that ONNX Runtime has: in blocks of `block` channels as far as it goes, or, without
 * `block`, in standard operations alone.
 */
export function lower(captured: Captured, block?: number): Lowered {
  const step = block === undefined ? { ...captured, stored: new Map() } : toBlocks(captured, block);
  const now = toPlain(step.graph, [...step.nextState.values(), ...step.outputs.values()]);
  const each = (values: ReadonlyMap<string, Value>) =>
    new Map([...values].map(([path, value]) => [path, now(value)] as const));
  return { ...step, nextState: each(step.nextState), outputs: each(step.outputs) };
}
