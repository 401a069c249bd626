import { type BlockedStep, toBlocks } from './blocked/pass.ts';
import type { Captured } from './capture.ts';
import type { Device } from './device.ts';
import type { Graph, Value } from './graph.ts';
import { flatVectors } from './passes/flat-vectors.ts';
import { fusedProducts } from './passes/fused-products.ts';
import { toPlain } from './passes/plain.ts';
import { threadInvariant } from './passes/thread-invariant.ts';
import { type WithTables, withTables } from './row-sums/row-sums.ts';

/**
 * A captured step in operations that ONNX Runtime has; none of its state is in blocks where it has none. Its sums of rows
 * take tables that are made with each batch.
 */
export type Lowered = BlockedStep & Pick<WithTables, 'tabled'>;

/** Where a step is to run, and how. */
export interface LowerOptions {
  /** The channels of a block; without it in standard operations alone. */
  readonly block?: number;
  /** Default: `cpu`. */
  readonly device?: Device;
}

/**
 * Says a captured step in operations that ONNX Runtime has: in blocks of channels as far as it goes, and on the CPU so
 * that its numbers do not hang on the number of threads.
 */
export function lower(captured: Captured, { block, device = 'cpu' }: LowerOptions = {}): Lowered {
  const { tabled, ...step } = withTables(captured);
  const blocked = block === undefined ? { ...step, stored: new Map() } : toBlocks(step, block);
  const plain = rewritten(blocked, toPlain);
  if (device !== 'cpu') return { ...plain, tabled };
  const invariant = rewritten(plain, threadInvariant);
  if (block === undefined) return { ...invariant, tabled };
  return { ...rewritten(rewritten(invariant, flatVectors), fusedProducts), tabled };
}

/** A step whose results a pass has rewritten. */
function rewritten<Of extends Captured>(
  step: Of,
  pass: (graph: Graph, outputs: readonly Value[]) => (value: Value) => Value,
): Of {
  const { graph, nextState, outputs } = step;
  const now = pass(graph, [...nextState.values(), ...outputs.values()]);
  const each = (values: ReadonlyMap<string, Value>) =>
    new Map([...values].map(([path, value]) => [path, now(value)] as const));
  return { ...step, nextState: each(nextState), outputs: each(outputs) };
}
