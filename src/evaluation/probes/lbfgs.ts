/** A function's value and its gradient at a point. */
export interface Evaluation {
  readonly value: number;
  readonly gradient: Float64Array;
}

export interface MinimizeOptions {
  /** Stops where no number of the gradient is larger. */
  readonly tolerance: number;
  readonly mostSteps: number;
  /** An estimate of the inverse second derivatives times a vector; the identity by default. It must be symmetric and positive. */
  readonly precondition?: (vector: Float64Array) => Float64Array;
}

/** Where a search ended. */
export interface Minimum extends Evaluation {
  readonly point: Float64Array;
  readonly steps: number;
  /** False where the most steps were made, or no smaller value was found, before the gradient was small enough. */
  readonly converged: boolean;
}

interface Turn {
  readonly step: Float64Array;
  readonly change: Float64Array;
  readonly inner: number;
}

const MEMORY = 10;
/** A rise by this share of the value is rounding. */
const ROUNDING = 1e-14;

/**
 * The minimum of a smooth convex function by L-BFGS with the last ten steps, each found by halving (or less, where a parabola
 * says so) until the value falls enough. With a good `precondition` a dozen steps do. Deterministic.
 * Nocedal and Wright, Numerical Optimization, algorithm 7.4.
 */
export function minimize(
  evaluate: (point: Float64Array) => Evaluation,
  start: Float64Array,
  options: MinimizeOptions,
): Minimum {
  const { tolerance, mostSteps } = options;
  const precondition = options.precondition ?? ((vector: Float64Array) => vector.slice());
  const turns: Turn[] = [];
  let point = start;
  let { value, gradient } = evaluate(point);
  for (let steps = 0; ; steps++) {
    const converged = gradient.every((slope) => Math.abs(slope) <= tolerance);
    if (converged || steps === mostSteps) return { point, value, gradient, steps, converged };
    const direction = directionOf(gradient, turns, precondition);
    const next = search(evaluate, { point, value, direction, slope: dot(gradient, direction) });
    if (next === undefined) return { point, value, gradient, steps, converged };
    const step = difference(next.point, point);
    const change = difference(next.gradient, gradient);
    const inner = dot(step, change);
    if (inner > 0) turns.push({ step, change, inner });
    if (turns.length > MEMORY) turns.shift();
    ({ point, value, gradient } = next);
  }
}

/** Minus the gradient times the estimate of the inverse second derivatives that the last steps give. */
function directionOf(
  gradient: Float64Array,
  turns: readonly Turn[],
  precondition: (vector: Float64Array) => Float64Array,
): Float64Array {
  const direction = gradient.map((slope) => -slope);
  const shares = new Float64Array(turns.length);
  for (let k = turns.length - 1; k >= 0; k--) {
    const { step, change, inner } = turns[k];
    shares[k] = dot(step, direction) / inner;
    add(direction, -shares[k], change);
  }
  const result = precondition(direction);
  const last = turns.at(-1);
  if (last !== undefined) {
    const scale = last.inner / dot(last.change, precondition(last.change));
    for (let i = 0; i < result.length; i++) result[i] *= scale;
  }
  for (const [k, { step, change, inner }] of turns.entries()) {
    add(result, shares[k] - dot(change, result) / inner, step);
  }
  return result;
}

/** The first point along a direction, from a whole step down, where the value has fallen by enough (Armijo's rule). */
function search(
  evaluate: (point: Float64Array) => Evaluation,
  from: {
    readonly point: Float64Array;
    readonly value: number;
    readonly direction: Float64Array;
    readonly slope: number;
  },
): (Evaluation & { readonly point: Float64Array }) | undefined {
  const { direction, slope, value } = from;
  let length = 1;
  for (let attempt = 0; attempt < 40; attempt++) {
    const point = from.point.slice();
    add(point, length, direction);
    const next = evaluate(point);
    if (next.value <= value + 1e-4 * length * slope + ROUNDING * Math.abs(value)) return { point, ...next };
    const parabola = (-slope * length * length) / (2 * (next.value - value - length * slope));
    length = parabola > 0.1 * length && parabola < 0.5 * length ? parabola : 0.5 * length;
  }
  return undefined;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function add(to: Float64Array, share: number, vector: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] += share * vector[i];
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value - b[i]);
}
