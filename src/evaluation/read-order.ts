import { InputError } from '../engine/input-error.ts';
import { AssignmentSolver } from '../matching/linear-sum-assignment.ts';

/** What the logits of a clip mean: that a frame comes right after another, or that two are neighbours in time. */
export interface ReadOrderOptions {
  readonly direction?: 'forward' | 'either';
}

/**
 * The order of n frames from logits [n, n] (row-major; at i, j that j comes right after i; the diagonal does not count): the
 * frames one after the other whose transitions are the most probable together, each row's probabilities being the softmax over
 * the other frames. With `either` a transition counts both ways, and of the two ways round the one is given that begins with the
 * smaller number: compare it with the true order in both directions.
 *
 * The chain comes from the Hungarian algorithm: every frame is assigned the one that follows it, a node before the first and
 * after the last included. An assignment may fall into cycles; then the transitions of its smallest cycle are forbidden one
 * after the other and the best of what comes out is taken, which is the best chain of all. Meant for up to about ten frames.
 * Throws InputError for a wrong number of logits, and for such that are not finite.
 *
 * @example
 * // Frame 2 comes right after frame 0, and frame 1 after frame 2.
 * readOrder([0, 1, 5, 1, 0, 2, 1, 5, 0], 3); // [0, 2, 1]
 */
export function readOrder(
  logits: ArrayLike<number>,
  frames: number,
  { direction = 'forward' }: ReadOrderOptions = {},
): Int32Array {
  checkLogits(logits, frames);
  if (frames < 2) return Int32Array.from({ length: frames }, (_, i) => i);
  const forward = transitionCosts(logits, frames);
  const cost =
    direction === 'forward'
      ? forward
      : forward.map((value, at) => value + forward[(at % frames) * frames + Math.floor(at / frames)]);
  const chain = bestChain(cost, frames);
  return direction === 'either' && chain[0] > chain[frames - 1] ? chain.reverse() : chain;
}

/** -log of the softmax over the other frames, [n, n]. */
function transitionCosts(logits: ArrayLike<number>, frames: number): Float64Array {
  const cost = new Float64Array(frames * frames);
  for (let i = 0; i < frames; i++) {
    const others = Array.from({ length: frames }, (_, j) => j).filter((j) => j !== i);
    const highest = Math.max(...others.map((j) => logits[i * frames + j]));
    const total = others.reduce((sum, j) => sum + Math.exp(logits[i * frames + j] - highest), 0);
    for (const j of others) cost[i * frames + j] = Math.log(total) + highest - logits[i * frames + j];
  }
  return cost;
}

/** The order of all frames with the least sum of `cost` from each to the next. */
function bestChain(cost: Float64Array, frames: number): Int32Array {
  const nodes = frames + 1;
  const forbidden = 1 + 2 * cost.reduce((sum, value) => sum + value, 0);
  // The last node comes before the first frame and after the last one, at no cost.
  const tour = Float64Array.from({ length: nodes * nodes }, (_, at) => {
    const [from, to] = [Math.floor(at / nodes), at % nodes];
    if (from === to) return forbidden;
    return from === frames || to === frames ? 0 : cost[from * frames + to];
  });
  const solver = new AssignmentSolver();
  let best: { readonly next: Int32Array; readonly cost: number } = {
    next: new Int32Array(),
    cost: forbidden,
  };
  const search = (costs: Float64Array): void => {
    const found = solver.solve(costs, nodes, nodes);
    if (found.cost >= best.cost) return;
    const cycle = smallestCycle(found.columnOfRow);
    if (cycle.length === nodes) {
      best = { next: found.columnOfRow, cost: found.cost };
      return;
    }
    for (const node of cycle) {
      const without = costs.slice();
      without[node * nodes + found.columnOfRow[node]] = forbidden;
      search(without);
    }
  };
  search(tour);
  return Int32Array.from(cycleFrom(best.next, frames).slice(1));
}

function smallestCycle(next: Int32Array): number[] {
  const cycles = Array.from(next, (_, node) => cycleFrom(next, node));
  return cycles.reduce((least, cycle) => (cycle.length < least.length ? cycle : least));
}

function cycleFrom(next: Int32Array, start: number): number[] {
  const cycle = [start];
  for (let node = next[start]; node !== start; node = next[node]) cycle.push(node);
  return cycle;
}

function checkLogits(logits: ArrayLike<number>, frames: number): void {
  if (logits.length !== frames * frames)
    throw new InputError({
      file: 'logits of an order',
      expected: `${frames} x ${frames} = ${frames * frames} numbers`,
      found: `${logits.length}`,
    });
  for (let at = 0; at < logits.length; at++)
    if (!Number.isFinite(logits[at]) && Math.floor(at / frames) !== at % frames)
      throw new InputError({
        file: 'logits of an order',
        place: `row ${Math.floor(at / frames)}, column ${at % frames}`,
        expected: 'a finite number',
        found: `${logits[at]}`,
      });
}
