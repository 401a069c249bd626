import type { HostTensor } from '../engine/host-tensor.ts';
import { leavesOf, type Tree } from '../engine/tree.ts';
import { listCheckpoints } from '../training/checkpoint.ts';
import { readRunConfig } from '../training/model-state.ts';
import { readMetrics } from '../training/run-folder.ts';
import { alignedTable } from './aligned-table.ts';

/** A run in words: what it was told, how far it is, its losses first, last and when nothing is learned, its checkpoints. */
export async function describeRun(folder: string): Promise<string> {
  const { config, data } = await readRunConfig(folder);
  const { header, lines } = await readMetrics(folder);
  const checkpoints = await listCheckpoints(folder);
  const parts = [
    `${config.objective} on ${data.root}${data.imageSet === undefined ? '' : ` (${data.imageSet})`}: batch ${config.batchSize}, ` +
      `ResNet-${config.simipu.imageEncoder.depth} on ${config.simipu.image.width} x ${config.simipu.image.height}, ${config.simipu.points.count} points`,
  ];
  const [first, last] = [lines[0], lines[lines.length - 1]];
  if (last === undefined) parts.push('no step done yet');
  else {
    const show = (value: number | null | undefined) => (value == null ? '-' : value.toFixed(3));
    const terms = Object.keys(last.loss).map((name) => [
      name,
      show(first.loss[name]),
      show(last.loss[name]),
      show(header?.chance[name]),
    ]);
    const metrics = Object.keys(last.metric ?? {}).map((name) => [
      name,
      show(first.metric?.[name]),
      show(last.metric?.[name]),
      '',
    ]);
    parts.push(`${last.step} steps, ${(last.epoch ?? 0).toFixed(1)} epochs`);
    parts.push(alignedTable(['', 'first', 'last', 'nothing learned'], [...terms, ...metrics]));
  }
  parts.push(
    checkpoints.length === 0
      ? 'no checkpoints'
      : `checkpoints at steps ${checkpoints.map(({ step }) => step).join(', ')}`,
  );
  return parts.join('\n');
}

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
