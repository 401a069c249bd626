import type { Graph, Value } from '../graph.ts';
import type { Layout } from './layouts.ts';
import { plus, times, type Vector } from './vectors.ts';

/** A value in blocks that is in memory, under any shape of its size; times a factor. */
export interface Term {
  readonly raw: Value;
  readonly factor?: Vector;
}

/**
 * A value in blocks that need not be in memory yet: Σ factor · raw + shift, with a factor and a shift a channel.
 * Scaling, shifting and adding cost nothing until somebody needs the numbers.
 */
export interface Blocked {
  readonly kind: 'blocked';
  readonly layout: Layout;
  /** The shape that the model sees. */
  readonly shape: readonly number[];
  readonly terms: readonly Term[];
  readonly shift?: Vector;
}

/** The product of two values in blocks that is only summed up: then the sums follow from those of the terms. */
export interface Product {
  readonly kind: 'product';
  readonly a: Blocked;
  readonly b: Blocked;
}

/** Where x > 0 (`above` undefined), or where x reaches `above`, its maximum over neighbours; cast to a number mostly. */
export interface Test {
  readonly kind: 'test';
  readonly x: Blocked;
  readonly above?: Blocked;
}

/** A value in its public order. */
export interface Plain {
  readonly kind: 'plain';
  readonly value: Value;
}

/** What stands for a value of the captured graph. */
export type Form = Plain | Blocked | Product | Test;

/** A value in blocks that is in memory. */
export function inMemory(layout: Layout, shape: readonly number[], raw: Value, factor?: Vector): Blocked {
  return { kind: 'blocked', layout, shape, terms: [{ raw, factor }] };
}

/** The raw value and its factor, where a form is no more than that. */
export function single({ terms, shift }: Blocked): Term | undefined {
  return terms.length === 1 && shift === undefined ? terms[0] : undefined;
}

/** factor · x + shift. */
export function scaled(graph: Graph, x: Blocked, factor?: Vector, shift?: Vector): Blocked {
  return {
    ...x,
    terms: x.terms.map((term) => ({ raw: term.raw, factor: times(graph, term.factor, factor) })),
    shift: plus(graph, x.shift === undefined ? undefined : times(graph, x.shift, factor), shift),
  };
}

/** a + b, under the shape of a. */
export function added(graph: Graph, a: Blocked, b: Blocked): Blocked {
  const terms = [...a.terms];
  for (const term of b.terms) {
    const i = terms.findIndex(({ raw }) => raw === term.raw);
    const one = graph.scalar(1);
    if (i < 0) terms.push(term);
    else terms[i] = { raw: term.raw, factor: plus(graph, terms[i].factor ?? one, term.factor ?? one) };
  }
  return { ...a, terms, shift: plus(graph, a.shift, b.shift) };
}
