import { float32 } from '../src/engine/host-tensor.ts';
import { Random } from '../src/engine/random.ts';
import { AssignmentSolver } from '../src/matching/linear-sum-assignment.ts';
import { sinkhorn } from '../src/matching/sinkhorn.ts';
import { timed } from './alternate.ts';
import { compare } from './compare.ts';
import type { Row } from './measurement.ts';
import { Peer, type PeerPython } from './peer.ts';

/** How large the problems are. */
export interface MatchingBenchOptions {
  /** Rows and columns. */
  readonly size: number;
  readonly threads: number;
  readonly runs: number;
  readonly warmup: number;
  readonly python?: PeerPython;
}

/** Of the plan: the weight of the entropy as a part of the mean cost, and the rounds. */
const plan = { epsilonOfMean: 0.02, iterations: 100 };

/**
 * Assignments and entropic transport plans between as many rows as columns: costs that are distances between points and
 * the same points moved by noise in another order, as point pairs have them, and costs drawn uniformly. Ours in one thread.
 */
export async function benchMatching(options: MatchingBenchOptions): Promise<Row[]> {
  const { size } = options;
  const random = Random.fromSeed('matching bench');
  const uniform = Float32Array.from({ length: size * size }, () => random.uniform());
  const rows: Row[] = [];
  for (const [kind, cost] of Object.entries({ points: noisyDistances(random, size), uniform })) {
    rows.push(...(await costRows(kind, cost, options)));
  }
  return rows;
}

/** Distances between points in a box of a sweep's size, and the same in another order, each moved by about 0.1 m. */
function noisyDistances(random: Random, size: number): Float32Array {
  const from = Array.from({ length: size }, () => [
    random.uniform(0, 70),
    random.uniform(-40, 40),
    random.uniform(-3, 1),
  ]);
  const to = [...random.permutation(size)].map((i) => from[i].map((value) => random.normal(value, 0.1)));
  const cost = new Float32Array(size * size);
  from.forEach((a, i) => {
    to.forEach((b, j) => {
      cost[i * size + j] = Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
    });
  });
  return cost;
}

async function costRows(kind: string, cost: Float32Array, options: MatchingBenchOptions): Promise<Row[]> {
  const { size, threads, python } = options;
  const epsilon = (plan.epsilonOfMean * cost.reduce((sum, value) => sum + value, 0)) / cost.length;
  const { iterations } = plan;
  const peer = await Peer.startIfNamed({
    python,
    script: 'data_side.py',
    settings: { threads, epsilon, iterations },
    tensors: { cost: float32(cost, [size, size]) },
  });
  const costs = Float64Array.from(cost);
  const solver = new AssignmentSolver();
  const works = {
    assignment: () => solver.solve(costs, size, size),
    sinkhorn: () => sinkhorn(costs, size, size, { epsilon, iterations }),
  };
  try {
    const rows: Row[] = [];
    for (const [name, work] of Object.entries(works)) {
      const shape = `${size} x ${size}, ${kind}`;
      const compared = { name, shape, run: timed(work), peerWork: name, ownThreads: 1 };
      rows.push(...(await compare(compared, peer, options)));
    }
    return rows;
  } finally {
    peer?.stop();
  }
}
