import type { Graph, GraphNode, Value } from '../graph.ts';
import { sizeOf } from '../host-tensor.ts';
import { binary, reshape, sameShape } from '../operations.ts';
import { affine, channelSums, fromBlocked, imageShape, indicator, type Target, toBlocked } from './emit.ts';
import { type Blocked, type Form, inMemory, type Product, single, type Term, type Test } from './forms.ts';
import { channelsOf, isWeights, type Layout } from './layouts.ts';
import { plus, times, type Vector } from './vectors.ts';
import type { Uses } from './weights.ts';

/** Brings values from one form into another, each no more than once. */
export class Blocker implements Target {
  readonly graph: Graph;
  readonly block: number;
  private readonly uses: Uses;
  private readonly state: ReadonlySet<Value>;
  private readonly forms = new Map<Value, Form>();
  /** Plain values that were brought into blocks. */
  private readonly entered = new Map<Value, Blocked[]>();
  private readonly collapsed = new Map<Blocked, Value>();
  private readonly sums = new Map<Value, Vector>();

  constructor(target: Target, uses: Uses, state: readonly Value[]) {
    this.graph = target.graph;
    this.block = target.block;
    this.uses = uses;
    this.state = new Set(state);
  }

  /** What stands for a value of the captured graph; itself, where nothing else does. */
  form(value: Value): Form {
    return this.forms.get(value) ?? { kind: 'plain', value };
  }

  set(value: Value, form: Form): void {
    // What is a sum of several terms would be summed up again at each use.
    const costly = form.kind === 'blocked' && form.terms.length > 1 && this.usesOf(value) > 1;
    this.forms.set(value, costly ? inMemory(form.layout, form.shape, this.raw(form)) : form);
  }

  consumersOf(value: Value): readonly GraphNode[] {
    return this.uses.consumers.get(value) ?? [];
  }

  /** How often a value is used, as a result too. */
  usesOf(value: Value): number {
    return this.consumersOf(value).length + (this.uses.results.has(value) ? 1 : 0);
  }

  /** A value in blocks in memory, as an image (see `imageShape`). */
  raw(form: Blocked): Value {
    const shape = imageShape(form.layout, this.block);
    const term = single(form);
    if (term !== undefined && term.factor === undefined) return reshape(this.graph, term.raw, shape);
    const known = this.collapsed.get(form);
    if (known !== undefined) return known;
    const value = affine(this, form.layout, form.terms, { shift: form.shift });
    this.collapsed.set(form, value);
    return value;
  }

  /** A value in public order. */
  plain(value: Value): Value {
    const form = this.form(value);
    if (form.kind === 'plain') return form.value;
    if (form.kind === 'blocked') return fromBlocked(this, this.raw(form), form.layout, form.shape);
    if (form.kind === 'product') {
      const [a, b] = [form.a, form.b].map((part) => this.plainOf(part));
      return binary(this.graph, 'Mul', a, b);
    }
    const x = this.plainOf(form.x);
    if (form.above === undefined) return binary(this.graph, 'Greater', x, this.graph.scalar(0), 'bool');
    return binary(this.graph, 'Equal', x, this.plainOf(form.above), 'bool');
  }

  private plainOf(form: Blocked): Value {
    return fromBlocked(this, this.raw(form), form.layout, form.shape);
  }

  /** Whether a value is part of the state, or a part of such a one. */
  isWeight(value: Value): boolean {
    const cut = value.node !== undefined && ['Slice', 'Reshape', 'Transpose'].includes(value.node.op);
    return this.state.has(value) || (cut && this.isWeight(value.node!.inputs[0]!));
  }

  /** A plain value brought into blocks. */
  enter(value: Value, layout: Layout, shape: readonly number[]): Blocked {
    return inMemory(layout, shape, toBlocked(this, value, layout));
  }

  /** A value in the blocks of a layout; one that lies otherwise is brought there. */
  blocked(value: Value, layout: Layout): Blocked {
    const known = this.inBlocks(value, layout.kind);
    if (known !== undefined) return known;
    const made = this.enter(this.plain(value), layout, value.shape);
    this.entered.set(value, [...(this.entered.get(value) ?? []), made]);
    return made;
  }

  /**
   * A value in blocks of a kind, where it is in them or was brought there before: the gradient of weights may be taken for
   * rows, and rows for weights, which lie otherwise. What they are and their shape say all of a layout.
   */
  inBlocks(value: Value, kind: Layout['kind']): Blocked | undefined {
    const form = this.form(value);
    const known = [form, ...(this.entered.get(value) ?? [])];
    return known.find((each): each is Blocked => each.kind === 'blocked' && each.layout.kind === kind);
  }

  /** Σ over everything but the channels, [C]. */
  channelSums(form: Blocked | Product): Vector {
    if (form.kind === 'blocked') return this.sumOf(form.layout, form.terms, form.shift);
    const { graph } = this;
    const a = this.fewTerms(form.a);
    const b = form.b === form.a ? a : this.fewTerms(form.b);
    const { layout } = a;
    const [left, right] = [a.terms[0], b.terms[0]];
    // (f·x + s)·(g·y + t) = fg·xy + ft·x + gs·y + st
    const factor = times(graph, left.factor, right.factor);
    let sum = times(graph, channelSums(this, layout, left.raw, right.raw), factor)!;
    const mixed: Array<readonly [Term, Vector | undefined]> = [
      [left, b.shift],
      [right, a.shift],
    ];
    for (const [{ raw, factor: own }, shift] of mixed) {
      if (shift === undefined) continue;
      sum = plus(graph, sum, times(graph, times(graph, this.rawSums(layout, raw), own), shift))!;
    }
    if (a.shift !== undefined && b.shift !== undefined) {
      const count = graph.scalar(this.count(layout));
      sum = plus(graph, sum, times(graph, times(graph, a.shift, b.shift), count))!;
    }
    // Rounding may leave a sum of squares a little below 0.
    return form.a === form.b ? binary(graph, 'Max', sum, graph.scalar(0)) : sum;
  }

  private fewTerms(form: Blocked): Blocked {
    return form.terms.length === 1 ? form : inMemory(form.layout, form.shape, this.raw(form));
  }

  private sumOf(layout: Layout, terms: readonly Term[], shift: Vector | undefined): Vector {
    const { graph } = this;
    let sum = shift === undefined ? undefined : times(graph, shift, graph.scalar(this.count(layout)));
    for (const { raw, factor } of terms)
      sum = plus(graph, sum, times(graph, this.rawSums(layout, raw), factor));
    return sum!;
  }

  /** The number of values of a channel. */
  private count(layout: Layout): number {
    const shape = imageShape(layout, this.block);
    return sizeOf(shape) / shape[1];
  }

  private rawSums(layout: Layout, raw: Value): Vector {
    const key = reshape(this.graph, raw, imageShape(layout, this.block));
    const known = this.sums.get(key);
    if (known !== undefined) return known;
    const sum = channelSums(this, layout, key);
    this.sums.set(key, sum);
    return sum;
  }

  /** max(x, 0). */
  relu({ layout, shape, terms, shift }: Blocked): Blocked {
    return inMemory(layout, shape, affine(this, layout, terms, { shift, relu: true }));
  }

  /** 1 where a test holds and 0 elsewhere. */
  indicator({ x, above }: Test): Blocked {
    const { graph } = this;
    if (above === undefined) return inMemory(x.layout, x.shape, indicator(this, this.raw(x), { atZero: 0 }));
    const difference = this.overGroups('Sub', x, above);
    return inMemory(
      x.layout,
      x.shape,
      reshape(graph, indicator(this, difference, { atZero: 1 }), imageShape(x.layout, this.block)),
    );
  }

  /** An operation number by number on rows (M, K, C) and rows (M, 1, C), as (C/B, M, K, B). */
  overGroups(op: string, a: Blocked, b: Blocked): Value {
    const channels = a.shape[2];
    const grouped = (form: Blocked) =>
      reshape(this.graph, this.raw(form), [channels / this.block, form.shape[0], form.shape[1], this.block]);
    return binary(this.graph, op, grouped(a), grouped(b));
  }

  /** Whether a product is summed over everything but the channels, and used for nothing else. */
  onlySummed(value: Value, layout: Layout): boolean {
    const consumers = this.consumersOf(value);
    return (
      !isWeights(layout) &&
      consumers.length > 0 &&
      consumers.every(
        (node) => node.op === 'ReduceSum' && sizeOf(node.outputs[0].shape) === channelsOf(layout),
      )
    );
  }
}

/** Whether two values in blocks have the same numbers side by side. */
export function aligned(a: Blocked, b: Blocked): boolean {
  return sameShape(a.shape, b.shape) && a.layout.kind === b.layout.kind;
}
