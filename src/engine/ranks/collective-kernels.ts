import type { Graph, GraphNode, Value } from '../graph.ts';
import type { Lowering, Lowerings } from '../kernels/lowering.ts';

/** The domain of what ranks do together in a captured graph: a step is cut there, no runtime ever sees it. */
export const ranksDomain = 'pointpair.ranks';

/** The names of collectives, as tfjs kernels and as operations of a graph. */
export const collectiveNames = {
  sum: 'RanksSum',
  gather: 'RanksGather',
  ownSum: 'RanksOwnSum',
  number: 'RankNumber',
} as const;

/** The name of the input that has a rank's number, where a step asks for it. */
export const rankNumberInput = 'ranks/number';

function collective(graph: Graph, op: string, x: Value, rows: number | undefined, late: boolean): Value {
  const shape = rows === undefined ? x.shape : [rows, ...x.shape.slice(1)];
  return graph.node(op, [x], {
    domain: ranksDomain,
    type: x.type,
    shape,
    attributes: { late: late ? 1 : 0 },
  });
}

const sum: Lowering = ({ graph, inputs: { x }, attributes }) => {
  if (x.type !== 'float32') throw new Error(`a sum over ranks is of float32, not of ${x.type}`);
  return collective(graph, collectiveNames.sum, x, undefined, attributes.late === true);
};

/** Rows that become `times` as many. */
function overRows(op: string, times: (size: number) => number): Lowering {
  return ({ graph, inputs: { x }, attributes }) => {
    if (x.shape.length === 0 || (x.type !== 'float32' && x.type !== 'int32'))
      throw new Error(`rows of all ranks are float32 or int32 of [b, …], not ${x.type} [${x.shape}]`);
    return collective(graph, op, x, x.shape[0] * times(Number(attributes.size)), attributes.late === true);
  };
}

/** How collectives are captured. */
export const collectives: Lowerings = {
  [collectiveNames.sum]: sum,
  [collectiveNames.gather]: overRows(collectiveNames.gather, (size) => size),
  [collectiveNames.ownSum]: overRows(collectiveNames.ownSum, (size) => 1 / size),
  [collectiveNames.number]: ({ graph }) =>
    graph.inputs.find(({ name }) => name === rankNumberInput) ?? graph.input(rankNumberInput, 'int32', []),
};

/** Whether an operation is one that ranks do together. */
export function isCollective({ domain }: GraphNode): boolean {
  return domain === ranksDomain;
}
