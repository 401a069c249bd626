import { type Graph, type GraphNode, reachable, type Value } from '../graph.ts';
import { encodeModel, type ModelOutput } from '../onnx-model.ts';
import { collectiveNames, isCollective, rankNumberInput } from './collective-kernels.ts';
import { type Collective, type Departure, departures, type Group } from './groups.ts';

/** A part of a step that one model computes, between what ranks do together. */
export interface Segment {
  readonly model: Uint8Array;
  /** Whether the ranks of a process have it in common: it is run once for all of them. */
  readonly common: boolean;
  /** What it gives by name: a later segment's input, what a collective is given, or a result of the step. */
  readonly outputs: readonly SegmentOutput[];
  /** The places of the groups, among those of the step, that must have come back before it can begin. */
  readonly waitsFor: readonly number[];
  /** Inputs that are another value under another shape, by name: the runtime would copy what it is given to reshape it. */
  readonly views: ReadonlyMap<string, { readonly of: string; readonly shape: readonly number[] }>;
  /** Names of values that no later segment needs. */
  readonly lastUses: readonly string[];
}

/** A value that a segment gives, and where it goes. */
export interface SegmentOutput extends ModelOutput {
  readonly collective?: Collective;
  readonly result?: true;
}

/** One leg of a step: its segments, and the groups of collectives that leave after them. */
export interface Stage {
  readonly segments: readonly Segment[];
  readonly groups: readonly Group[];
}

/** What is known of a step that is to be cut. */
export interface CutOptions {
  /** Inputs that are the same on all ranks, beside what collectives give all of them. */
  readonly common: ReadonlySet<Value>;
  /** Whether a process has several ranks, so that what they have in common is worth a segment of its own. */
  readonly several: boolean;
}

/** The results that a step would give otherwise on each rank. */
export function ofOneRank(results: readonly ModelOutput[], common: ReadonlySet<Value>): string[] {
  const same = commonNodes(results, common);
  return results.filter(({ value }) => !same(value)).map(({ name }) => name);
}

/**
 * Cuts a step at its collectives. What only later stages need is left to them, so that a step never computes more than what the
 * other ranks wait for. What is cheaper to make twice than to keep (other shapes of the same values, constants) is made twice.
 *
 * Where a process has several ranks and cuts are few, nothing of a rank's own is kept between two stages but what it has sent: the
 * forward pass runs once more where gradients need it, and only one rank's values are in memory at a time (Gao et al. 2021).
 */
export function cut(graph: Graph, results: readonly ModelOutput[], options: CutOptions): Stage[] {
  const values = results.map(({ value }) => value);
  const again = options.several && waits(departures(values)) <= fewWaits;
  // What would be made again for each departure leaves in one.
  const legs = departures(values, { together: again });
  const groupOf = new Map<Value, number>();
  legs
    .flatMap(({ groups }) => groups)
    .forEach((group, i) => {
      for (const { output } of group) groupOf.set(output, i);
    });
  const { nodes } = reachable(values);
  const cheap = cheapNodes(nodes);
  const sent = new Set(legs.flatMap(({ collectives }) => collectives.map(({ input }) => input.node)));
  const same = commonNodes(results, options.common);
  const isKept = (node: GraphNode) => (again && !same(node.outputs[0]) ? sent.has(node) : !cheap.has(node));
  const parts: Array<Part> = [];
  const partOf = new Map<GraphNode, Part>();
  const stages = [...legs, { collectives: [], groups: [] }].map(({ collectives, groups }, i) => {
    const last = i === legs.length;
    const made = [true, false].map((common): Part => ({ common, outputs: [], given: new Map() }));
    const [shared, own] = made;
    const targets = last ? values : collectives.map(({ input }) => input);
    const known = {
      has: ({ node }: Value) => node !== undefined && (isCollective(node) || partOf.has(node)),
    };
    for (const node of reachable(targets, known).nodes)
      if (isKept(node)) partOf.set(node, options.several && same(node.outputs[0]) ? shared : own);
    const receiver = last && options.several ? shared : own;
    receiver.outputs.push(
      ...(last
        ? results.map((result) => ({ ...result, result: true as const }))
        : collectives.map((each) => ({
            name: `given/${each.output.name}`,
            value: each.input,
            collective: each,
          }))),
    );
    parts.push(...made);
    return { parts: made, groups };
  });
  for (const part of parts) findInputs(part, { parts: partOf, nodes });
  return stages.map(({ parts: made, groups }) => ({
    groups,
    segments: made
      .filter(({ outputs }) => outputs.length > 0)
      .map((part) => {
        const later = parts.slice(parts.indexOf(part) + 1).map(({ given }) => new Set(given.values()));
        const taken = [...new Set(part.given.values())];
        return {
          model: encodeModel(graph, part.outputs, { given: new Set(part.given.keys()) }),
          common: part.common,
          outputs: part.outputs,
          waitsFor: [...new Set(taken.flatMap((value) => groupOf.get(value) ?? []))],
          views: new Map(
            [...part.given]
              .filter(([value, of]) => value !== of)
              .map(([{ name, shape }, of]) => [name, { of: of.name, shape }]),
          ),
          lastUses: taken
            .filter((value) => !groupOf.has(value) && !later.some((each) => each.has(value)))
            .map(({ name }) => name),
        };
      }),
  }));
}

/** How often a step may wait for the other ranks so that it is worth to compute again instead of to keep. */
const fewWaits = 3;

/** How often a step has to wait for the other ranks, before its end. */
function waits(legs: readonly Departure[]): number {
  return legs.filter(({ collectives, groups }) => groups.length > 0 && groups[0] === collectives).length;
}

interface Part {
  readonly common: boolean;
  readonly outputs: SegmentOutput[];
  /** The inputs that its model has beside the step's, and the value that each is, under whatever shape. */
  readonly given: Map<Value, Value>;
}

/** Finds what a part takes from others, and has them give it. */
function findInputs(
  part: Part,
  { parts, nodes }: { readonly parts: ReadonlyMap<GraphNode, Part>; readonly nodes: readonly GraphNode[] },
): void {
  const foreign = {
    has: (value: Value) => {
      const whole = unshaped(value, parts);
      const { node } = whole;
      const fixed = (whole.data ?? whole.initial) !== undefined;
      if (node === undefined ? whole === value || fixed : isOwn(node)) return false;
      part.given.set(value, whole);
      const maker = node && parts.get(node);
      const { name } = whole;
      if (maker && !maker.outputs.some((output) => output.value === whole && output.name === name))
        maker.outputs.push({ name, value: whole });
      return true;
    },
  };
  const isOwn = (node: GraphNode) => {
    const maker = parts.get(node);
    return !isCollective(node) && (maker === undefined || maker === part);
  };
  const own = nodes.filter((node) => parts.get(node) === part).flatMap(({ outputs }) => outputs);
  reachable([...part.outputs.map(({ value }) => value), ...own], foreign);
}

/** What a value is under another shape, as far as no part makes that shape. */
function unshaped(value: Value, parts: ReadonlyMap<GraphNode, Part>): Value {
  const { node } = value;
  if (node?.op !== 'Reshape' || parts.has(node)) return value;
  return unshaped(node.inputs[0]!, parts);
}

const cheapOps = new Set('Reshape Expand Identity ConstantOfShape'.split(' '));

/** Operations that are made wherever they are needed: that cost next to nothing, are on constants alone, or give indices. */
function cheapNodes(nodes: readonly GraphNode[]): ReadonlySet<GraphNode> {
  const cheap = new Set<GraphNode>();
  const constant = new Set<GraphNode>();
  for (const node of nodes) {
    const fixed = node.inputs.every(
      (input) =>
        input === undefined ||
        (input.node === undefined ? (input.data ?? input.initial) !== undefined : constant.has(input.node)),
    );
    if (fixed && !isCollective(node)) constant.add(node);
    // 64-bit indices are no tensors of ours: they do not cross a cut.
    const indices = node.outputs.some(({ type }) => type === 'int64');
    if (constant.has(node) || cheapOps.has(node.op) || indices) cheap.add(node);
  }
  return cheap;
}

/** Tells values that are the same on all ranks, given the inputs that are. */
function commonNodes(results: readonly ModelOutput[], inputs: ReadonlySet<Value>): (value: Value) => boolean {
  const common = new Set<GraphNode>();
  const same = (value: Value | undefined): boolean => {
    if (value === undefined) return true;
    if (value.node !== undefined) return common.has(value.node);
    return (
      (value.data ?? value.initial) !== undefined || (inputs.has(value) && value.name !== rankNumberInput)
    );
  };
  for (const node of reachable(results.map(({ value }) => value)).nodes) {
    const forAll = isCollective(node) ? node.op !== collectiveNames.ownSum : node.inputs.every(same);
    if (forAll) common.add(node);
  }
  return same;
}
