import { sizeOf } from './host-tensor.ts';

/**
 * Element types of values in a graph: those of tensors, the 64-bit integers that ONNX wants for shapes and indices, and double
 * precision, for what is to come out as in JavaScript.
 */
export type ValueType = 'float32' | 'int32' | 'bool' | 'int64' | 'float64';

/** The numbers that ONNX has for element types (onnx.proto3). */
export const elementTypes: { readonly [type in ValueType]: number } = {
  ...{ float32: 1, int32: 6, int64: 7, bool: 9, float64: 11 },
};

export type ConstantData = Float32Array | Int32Array | Uint8Array | BigInt64Array | Float64Array;

/** A graph inside of an operation, such as what a loop does each time: it sees its own inputs and what never changes. */
export interface Subgraph {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** A whole number, a text, whole numbers, or, where it says so, floating-point numbers, a tensor or a graph. */
export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | {
      readonly tensor: {
        readonly type: ValueType;
        readonly shape: readonly number[];
        readonly data: ConstantData;
      };
    }
  | { readonly graph: Subgraph };

export type Attributes = { readonly [name: string]: AttributeValue };

/** One ONNX operation of a graph. */
export interface GraphNode {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
  /** The part of the step that it belongs to, as profiles name it; empty where the step names none. */
  readonly part: string;
}

/** A tensor that a graph computes, takes in, or holds: its name, type and fixed shape. */
export interface Value {
  readonly name: string;
  readonly type: ValueType;
  readonly shape: readonly number[];
  /** The operation that makes it; undefined for inputs and constants. */
  readonly node?: GraphNode;
  /** What it holds, if that is known while capturing. */
  readonly data?: ConstantData;
  /** What a parameter holds: it is written with the graph, but operations do not look at it. */
  readonly initial?: ConstantData;
  /** The one number that all its elements are, if that is known while capturing. */
  readonly fill?: number;
}

/**
 * The domain of what is captured before it is settled how it is computed: gradients over windows (of convolutions and
 * poolings), sums of rows by number. ONNX has no such operations, or none that adds up rightly; a pass puts those that are
 * right and fastest on a device in their place.
 */
export const pendingDomain = 'pointpair.pending';

interface NodeOptions {
  readonly type: ValueType;
  readonly shape: readonly number[];
  readonly attributes?: Attributes;
  readonly domain?: string;
}

/** Constants with at most this many values are compared by value, so that equal ones are stored once. */
const sharedConstantSize = 64;

/**
 * An ONNX graph in the making. Operations that were asked for before, on the same values with the same attributes,
 * give the value that they gave then, so that nothing is computed twice.
 */
export class Graph {
  readonly inputs: Value[] = [];
  /** The part of the step that operations belong to that are appended from now on. */
  part = '';
  private readonly known = new Map<string, readonly Value[]>();
  /** What stands for restated inputs in the keys of operations: they have the names of what they were before. */
  private readonly restated = new Map<Value, string>();
  private count = 0;

  /** A value that is given at every run. */
  input(name: string, type: ValueType, shape: readonly number[]): Value {
    const value: Value = { name, type, shape };
    this.inputs.push(value);
    return value;
  }

  /** A value that an operation gives to the graph inside of it. */
  placeholder(type: ValueType, shape: readonly number[]): Value {
    return { name: this.nextName('given'), type, shape };
  }

  /** An input under another shape of its size: what it held before is not an input any more. */
  restate(input: Value, shape: readonly number[]): Value {
    const value: Value = { ...input, shape };
    this.restated.set(value, `${input.name} as [${shape}]`);
    this.inputs.splice(this.inputs.indexOf(input), 1, value);
    return value;
  }

  /** A value that is given with the graph, under a name of its own. */
  parameter(name: string, type: ValueType, shape: readonly number[], initial: ConstantData): Value {
    return { name, type, shape, initial };
  }

  /** A value that never changes. */
  constant(data: ConstantData, type: ValueType, shape: readonly number[]): Value {
    const fill =
      data.length > 0 && data.length <= sharedConstantSize && allEqual(data) ? Number(data[0]) : undefined;
    const make = (): Value => ({ name: this.nextName('constant'), type, shape, data, fill });
    if (data.length > sharedConstantSize) return make();
    return this.remember(`constant ${type} [${shape}] ${bytesKey(data)}`, () => [make()])[0];
  }

  /** A constant of one number everywhere. */
  fill(value: number, type: ValueType, shape: readonly number[]): Value {
    const size = sizeOf(shape);
    if (size <= sharedConstantSize) return this.constant(filledArray(value, type, size), type, shape);
    const data = filledArray(value, type, 1);
    return this.remember(`fill ${type} [${shape}] ${bytesKey(data)}`, () => {
      const outputs: Value[] = [];
      const attributes = { value: { tensor: { type, shape: [1], data } } };
      const node: GraphNode = {
        op: 'ConstantOfShape',
        domain: '',
        inputs: [this.shape(shape)],
        attributes,
        outputs,
        part: this.part,
      };
      outputs.push({ name: this.nextName('fill'), type, shape, node, fill: value });
      return outputs;
    })[0];
  }

  /** A vector of int64, as ONNX wants shapes, axes and pads. */
  shape(values: readonly number[]): Value {
    return this.constant(BigInt64Array.from(values, BigInt), 'int64', [values.length]);
  }

  /** A number as a constant of shape []. */
  scalar(value: number, type: ValueType = 'float32'): Value {
    return this.constant(filledArray(value, type, 1), type, []);
  }

  /** An operation with one output. */
  node(op: string, inputs: readonly (Value | undefined)[], options: NodeOptions): Value {
    return this.nodes(op, inputs, { ...options, outputs: [options] })[0];
  }

  /** An operation with several outputs. */
  nodes(
    op: string,
    inputs: readonly (Value | undefined)[],
    options: {
      readonly outputs: ReadonlyArray<{ readonly type: ValueType; readonly shape: readonly number[] }>;
      readonly attributes?: Attributes;
      readonly domain?: string;
    },
  ): readonly Value[] {
    const attributes = options.attributes ?? {};
    const domain = options.domain ?? '';
    const key = `${domain}.${op} ${inputs.map((input) => this.keyOf(input)).join()} ${attributesKey(attributes)} ${options.outputs.map(({ type }) => type)}`;
    return this.remember(key, () => {
      const outputs: Value[] = [];
      const node: GraphNode = { op, domain, inputs, attributes, outputs, part: this.part };
      for (const { type, shape } of options.outputs)
        outputs.push({ name: this.nextName(op), type, shape, node });
      return outputs;
    });
  }

  private remember(key: string, make: () => readonly Value[]): readonly Value[] {
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.known.set(key, made);
    return made;
  }

  private keyOf(value: Value | undefined): string {
    return value === undefined ? '' : (this.restated.get(value) ?? value.name);
  }

  private nextName(stem: string): string {
    // Paths of a user's tensors are names as well: the colon keeps these apart from them.
    return `${stem}:${this.count++}`;
  }
}

/** Attributes as a text that only the same ones have; graphs inside of them by the names of their values. */
export function attributesKey(attributes: Attributes): string {
  const values = Object.values(attributes);
  if (values.length === 0) return '{}';
  if (!values.some((value) => typeof value === 'object' && 'graph' in value))
    return JSON.stringify(attributes);
  const names = (of: readonly Value[]) => of.map(({ name }) => name);
  return JSON.stringify(attributes, (key, value) =>
    key === 'graph' ? [names(value.inputs), names(value.outputs)] : value,
  );
}

/**
 * The operations that `outputs` need, each after those that it needs itself, and what is given with the graph among their inputs;
 * of what makes `given` values, none.
 */
export function reachable(
  outputs: readonly Value[],
  given?: { has(value: Value): boolean },
): { nodes: GraphNode[]; constants: Value[] } {
  const nodes: GraphNode[] = [];
  const constants: Value[] = [];
  const seen = new Set<GraphNode | Value>();
  // An explicit stack: graphs of training steps are deeper than the call stack.
  const stack: Array<{ value: Value; done: boolean }> = [...outputs]
    .reverse()
    .map((value) => ({ value, done: false }));
  while (stack.length > 0) {
    const { value, done } = stack.pop()!;
    const { node } = value;
    if (given?.has(value)) continue;
    if (node === undefined) {
      if ((value.data ?? value.initial) !== undefined && !seen.has(value)) constants.push(value);
      seen.add(value);
    } else if (done) {
      nodes.push(node);
    } else if (!seen.has(node)) {
      seen.add(node);
      stack.push({ value, done: true });
      for (const input of node.inputs) if (input !== undefined) stack.push({ value: input, done: false });
    }
  }
  return { nodes, constants };
}

/** An array of one number, in the storage of the type. */
function filledArray(value: number, type: ValueType, size: number): ConstantData {
  switch (type) {
    case 'float32':
      return new Float32Array(size).fill(value);
    case 'int32':
      return new Int32Array(size).fill(value);
    case 'bool':
      return new Uint8Array(size).fill(value === 0 ? 0 : 1);
    case 'int64':
      return new BigInt64Array(size).fill(BigInt(value));
    case 'float64':
      return new Float64Array(size).fill(value);
  }
}

/** The exact content of a short array, as a key: as numbers, 0 and -0 would look alike. */
function bytesKey(data: ConstantData): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
}

function allEqual(data: ConstantData): boolean {
  for (let i = 1; i < data.length; i++) if (!Object.is(data[i], data[0])) return false;
  return true;
}
