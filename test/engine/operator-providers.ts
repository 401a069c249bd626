import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** An operator of a compiled step: the execution provider that ran it, the types of its inputs, and how many of them there are in a step. */
export interface PlacedOperator {
  readonly provider: string;
  readonly operator: string;
  readonly types: string;
  readonly count: number;
}

interface TraceEvent {
  readonly name: string;
  readonly cat: string;
  readonly args?: {
    readonly provider?: string;
    readonly op_name?: string;
    readonly input_type_shape?: ReadonlyArray<Readonly<Record<string, unknown>>>;
  };
}

/** Where the operators of a step ran, from the trace that `compile` writes with `profileTo`, sorted by provider and name. */
export async function operatorProviders(profileTo: string): Promise<PlacedOperator[]> {
  const begin = basename(profileTo);
  const files = (await readdir(dirname(profileTo))).filter((name) => name.startsWith(begin));
  if (files.length !== 1) throw new Error(`${profileTo}*: expected one trace, found ${files.length}`);
  const events = JSON.parse(await readFile(join(dirname(profileTo), files[0]), 'utf8')) as TraceEvent[];
  const nodes = new Map<string, Set<string>>();
  for (const { cat, name, args } of events) {
    if (cat !== 'Node' || args?.provider === undefined) continue;
    const types = (args.input_type_shape ?? []).flatMap((input) => Object.keys(input)).join(', ');
    const key = [args.provider.replace('ExecutionProvider', ''), args.op_name, types].join('\t');
    if (!nodes.has(key)) nodes.set(key, new Set());
    // A step that ran more than once has each of its nodes in the trace as often.
    nodes.get(key)!.add(name);
  }
  return [...nodes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, names]) => {
      const [provider, operator, types] = key.split('\t');
      return { provider, operator, types, count: names.size };
    });
}
