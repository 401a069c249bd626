import { availableParallelism, cpus } from 'node:os';
import { runtime } from '../src/engine/device.ts';
import { alignedTable } from '../src/report/aligned-table.ts';
import { advantage, type Row } from './measurement.ts';

/** What a bench ran on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly onnxruntime: string;
}

/** What a bench measured, and where; `ratios` are theirs to ours, above 1 where ours is better. */
export interface BenchResult {
  readonly machine: Machine;
  readonly rows: readonly Row[];
  readonly ratios: ReadonlyArray<{
    readonly name: string;
    readonly shape: string;
    readonly by: string;
    readonly ratio: number;
  }>;
}

/** The rows with the machine that they were measured on, and a ratio for every row of ours that has one of a peer beside it. */
export function resultOf(rows: readonly Row[]): BenchResult {
  const ours = new Map(rows.filter(isOurs).map((row) => [keyOf(row), row]));
  const ratios = rows.flatMap((row) => {
    const own = isOurs(row) ? undefined : ours.get(keyOf(row));
    if (own === undefined) return [];
    const { name, shape, by } = row;
    return [{ name, shape, by, ratio: advantage(own, row) }];
  });
  return { machine: thisMachine(), rows, ratios };
}

/** The name that rows of our own work carry. */
export const ourselves = 'pointpair';

/** A result as aligned text: the machine, the rows, and how we compare with each peer. */
export function formatResult({ machine, rows, ratios }: BenchResult): string {
  const { cpu, cores, node, onnxruntime } = machine;
  const table = alignedTable(
    ['name', 'shape', 'by', 'threads', 'median', 'q1', 'q3', 'unit', 'runs', 'warm-up'],
    rows.map((row) => [
      row.name,
      row.shape,
      row.by,
      String(row.threads),
      ...[row.median, ...row.quartiles].map(significant),
      row.unit,
      String(row.runs),
      String(row.warmup),
    ]),
  );
  const compared = ratios.map(
    ({ name, shape, by, ratio }) => `  ${ratio.toFixed(2)}  ${name}, ${shape}: ${by} / ${ourselves}`,
  );
  return [
    `${cpu}, ${cores} cores, node ${node}, onnxruntime ${onnxruntime}`,
    table,
    ...(compared.length === 0 ? [] : ['', 'Ratios of medians, above 1 where ours is better:', ...compared]),
  ].join('\n');
}

function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    node: process.versions.node,
    onnxruntime: runtime().env.versions.common,
  };
}

function isOurs({ by }: Row): boolean {
  return by === ourselves;
}

function keyOf({ name, shape, unit }: Row): string {
  return [name, shape, unit].join('\n');
}

/** Four significant digits, without an exponent. */
function significant(value: number): string {
  const digits = 3 - Math.floor(Math.log10(Math.abs(value) || 1));
  return value.toFixed(Math.max(0, Math.min(digits, 4)));
}
