import type { HostTensor } from '../engine/host-tensor.ts';
import { leavesOf, type Tree } from '../engine/tree.ts';
import { alignedTable } from './aligned-table.ts';

/** A checkpoint's tensors in words: count, values and bytes of every branch down to `depth` keys. */
export function describeState(state: Tree<HostTensor>, depth = 3): string {
  const branches = new Map<string, { tensors: number; values: number; sumOfSquares: number }>();
  for (const [path, { data }] of leavesOf(state)) {
    const name = path.split('/').slice(0, depth).join('/');
    const branch = branches.get(name) ?? { tensors: 0, values: 0, sumOfSquares: 0 };
    branch.tensors++;
    branch.values += data.length;
    for (let i = 0; i < data.length; i++) branch.sumOfSquares += data[i] * data[i];
    branches.set(name, branch);
  }
  const rows = [...branches].map(([name, { tensors, values, sumOfSquares }]) => [
    name,
    String(tensors),
    values.toLocaleString('en'),
    Math.sqrt(sumOfSquares / Math.max(1, values)).toExponential(2),
  ]);
  return alignedTable(['branch', 'tensors', 'values', 'root mean square'], rows);
}
