import { type GraphNode, reachable, type Value } from '../graph.ts';
import { sizeOf } from '../host-tensor.ts';
import { type collectiveNames, isCollective } from './collective-kernels.ts';

/** One thing that ranks do together in a step. */
export interface Collective {
  readonly op: (typeof collectiveNames)['sum' | 'gather' | 'ownSum'];
  /** What each rank gives, and what comes of it. */
  readonly input: Value;
  readonly output: Value;
}

/** Collectives that travel together. */
export type Group = readonly Collective[];

/** What is computed and sent in one go: first what `collectives` are given, then the groups that are complete with it leave. */
export interface Departure {
  readonly collectives: readonly Collective[];
  readonly groups: readonly Group[];
}

/** Sums that only the end of a step needs travel in flat buckets of about this many bytes. */
const BUCKET_BYTES = 25e6;

interface Placed extends Collective {
  /** How many collectives lead to it, one after another; and how long the way of operations to it is. */
  readonly level: number;
  readonly depth: number;
  readonly late: boolean;
}

/**
 * The collectives that `results` need, in the order in which a step comes to them. Those that do not depend on one another
 * go together. Late ones are computed level by level, while what the step waits for travels, and leave when their bucket is full;
 * or, with `together`, all at the end at once.
 */
export function departures(
  results: readonly Value[],
  { together = false }: { readonly together?: boolean } = {},
): Departure[] {
  const placed = placedCollectives(results);
  const bucketBytes = together ? Number.POSITIVE_INFINITY : BUCKET_BYTES;
  const highest = Math.max(-1, ...placed.map(({ level }) => level));
  const list: Departure[] = [];
  let bucket: Collective[] = [];
  let bytes = 0;
  const leave = (): Group[] => {
    const group = bucket;
    [bucket, bytes] = [[], 0];
    return group.length === 0 ? [] : [group];
  };
  for (let level = 0; level <= highest; level++) {
    const here = placed.filter((each) => (each.late && together ? highest : each.level) === level);
    const now = here.filter(({ late }) => !late);
    if (now.length > 0) list.push({ collectives: now, groups: [now] });
    // Those of later layers are there first.
    const later = here.filter(({ late }) => late).sort((a, b) => a.depth - b.depth);
    let collectives: Collective[] = [];
    for (const each of later) {
      const size = 4 * sizeOf(each.input.shape);
      if (bytes > 0 && bytes + size > bucketBytes) {
        list.push({ collectives, groups: leave() });
        collectives = [];
      }
      collectives.push(each);
      bucket.push(each);
      bytes += size;
    }
    const last = level === highest ? leave() : [];
    if (collectives.length > 0 || last.length > 0) list.push({ collectives, groups: last });
  }
  return list;
}

function placedCollectives(results: readonly Value[]): Placed[] {
  const { nodes } = reachable(results);
  const inputs = nodes.filter(isCollective).map((node) => node.inputs[0]!);
  const leading = new Set(reachable(inputs).nodes);
  const level = new Map<GraphNode, number>();
  const depth = new Map<GraphNode, number>();
  const placed: Placed[] = [];
  for (const node of nodes) {
    const highest = (of: ReadonlyMap<GraphNode, number>) =>
      Math.max(0, ...node.inputs.map((input) => (input?.node === undefined ? 0 : of.get(input.node)!)));
    depth.set(node, highest(depth) + 1);
    if (!isCollective(node)) {
      level.set(node, highest(level));
      continue;
    }
    // What another collective needs cannot be late.
    const late = node.attributes.late === 1 && !leading.has(node);
    placed.push({
      op: node.op as Collective['op'],
      input: node.inputs[0]!,
      output: node.outputs[0],
      level: highest(level),
      depth: highest(depth),
      late,
    });
    level.set(node, late ? Number.POSITIVE_INFINITY : highest(level) + 1);
  }
  return placed;
}
