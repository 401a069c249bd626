import { type BlockedStep, toBlocks } from './blocked/pass.ts';
import type { Captured } from './capture.ts';
import type { Value } from './graph.ts';
import { toPlain } from './passes/plain.ts';
import { type WithTables, withTables } from './row-sums/row-sums.ts';

/**
 * A captured step in operations that ONNX Runtime has; none of its state is in blocks where it has none. Its sums of rows
 * take tables that are made with each batch.
 */
export type Lowered = BlockedStep & Pick<WithTables, 'tabled'>;

/**
 * Says a captured step in operations that ONNX Runtime has: in blocks of `block` channels as far as it goes, or, without
 * `block`, in standard operations alone.
 */
export function lower(captured: Captured, block?: number): Lowered {
  const tabled = withTables(captured);
  const step = block === undefined ? { ...tabled, stored: new Map() } : toBlocks(tabled, block);
  const now = toPlain(step.graph, [...step.nextState.values(), ...step.outputs.values()]);
  const each = (values: ReadonlyMap<string, Value>) =>
    new Map([...values].map(([path, value]) => [path, now(value)] as const));
  return { ...step, tabled: tabled.tabled, nextState: each(step.nextState), outputs: each(step.outputs) };
}
