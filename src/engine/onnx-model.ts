import protobuf from 'protobufjs/minimal.js';
import type { AttributeValue, ConstantData, Graph, GraphNode, Value, ValueType } from './graph.ts';
import { elementTypes, reachable } from './graph.ts';

/** Field numbers and enumerations are those of onnx.proto3 (ONNX IR version 9). */
const irVersion = 9;
const opsetVersion = 18;
const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7 } as const;

type Writer = protobuf.Writer;

const lengthDelimited = 2;

/** Writes a nested message as field `number`. */
function message(writer: Writer, number: number, write: (writer: Writer) => void): void {
  writer.uint32((number << 3) | lengthDelimited).fork();
  write(writer);
  writer.ldelim();
}

function text(writer: Writer, number: number, value: string): void {
  writer.uint32((number << 3) | lengthDelimited).string(value);
}

function integer(writer: Writer, number: number, value: number): void {
  writer.uint32(number << 3).int64(value);
}

function bytesOf(data: ConstantData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function writeTensor(
  writer: Writer,
  name: string,
  type: ValueType,
  shape: readonly number[],
  data: ConstantData,
) {
  for (const length of shape) integer(writer, 1, length);
  integer(writer, 2, elementTypes[type]);
  text(writer, 8, name);
  writer.uint32((9 << 3) | lengthDelimited).bytes(bytesOf(data));
}

function writeAttribute(
  writer: Writer,
  { name, value, scope }: { readonly name: string; readonly value: AttributeValue; readonly scope: string },
): void {
  text(writer, 1, name);
  if (typeof value === 'number') {
    integer(writer, 3, value);
    integer(writer, 20, attributeTypes.int);
  } else if (typeof value === 'string') {
    text(writer, 4, value);
    integer(writer, 20, attributeTypes.string);
  } else if ('float' in value) {
    writer.uint32((2 << 3) | 5).float(value.float);
    integer(writer, 20, attributeTypes.float);
  } else if ('floats' in value) {
    for (const item of value.floats) writer.uint32((7 << 3) | 5).float(item);
    integer(writer, 20, attributeTypes.floats);
  } else if ('tensor' in value) {
    const { type, shape, data } = value.tensor;
    message(writer, 5, (tensor) => writeTensor(tensor, '', type, shape, data));
    integer(writer, 20, attributeTypes.tensor);
  } else if ('graph' in value) {
    const { inputs, outputs } = value.graph;
    // Names of the graphs inside of a graph must differ from its own.
    const named = outputs.map((output, i) => ({ name: `${scope}/outputs/${i}`, value: output }));
    message(writer, 6, (inner) => writeGraph(inner, { inputs, outputs: named, scope: `${scope}/` }));
    integer(writer, 20, attributeTypes.graph);
  } else {
    for (const item of value) integer(writer, 8, item);
    integer(writer, 20, attributeTypes.ints);
  }
}

function writeNode(writer: Writer, node: GraphNode, nameOf: (value: Value | undefined) => string): void {
  for (const input of node.inputs) text(writer, 1, nameOf(input));
  for (const output of node.outputs) text(writer, 2, nameOf(output));
  if (node.part !== '') text(writer, 3, `${node.part}/${node.outputs[0].name}`);
  text(writer, 4, node.op);
  if (node.domain !== '') text(writer, 7, node.domain);
  for (const [name, value] of Object.entries(node.attributes)) {
    const scope = nameOf(node.outputs[0]);
    message(writer, 5, (attribute) => writeAttribute(attribute, { name, value, scope }));
  }
}

function writeValueInfo(writer: Writer, name: string, type: ValueType, shape: readonly Dimension[]): void {
  text(writer, 1, name);
  message(writer, 2, (typeProto) => {
    message(typeProto, 1, (tensorType) => {
      integer(tensorType, 1, elementTypes[type]);
      message(tensorType, 2, (shapeProto) => {
        for (const length of shape) {
          message(shapeProto, 1, (dimension) => {
            if (typeof length === 'number') integer(dimension, 1, length);
            else text(dimension, 2, length);
          });
        }
      });
    });
  });
}

/** The length of an axis, or the name of one that is free. */
export type Dimension = number | string;

/** What a model has beside its graph. */
export interface ModelExtras {
  /** Texts by name, for whoever opens the file. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** The axes of inputs and outputs where they are not those that were captured. */
  readonly dimensionsOf?: (value: Value) => readonly Dimension[];
  /** Results of operations that are inputs of the model, under their names: what makes them is not in it. */
  readonly given?: ReadonlySet<Value>;
}

/** An output of a model: the value, and the name that it gets there. */
export interface ModelOutput {
  readonly name: string;
  readonly value: Value;
}

/** Writes a graph with the operations that its outputs need; `scope` is put before the names of its values. */
function writeGraph(
  writer: Writer,
  options: {
    readonly inputs: readonly Value[];
    readonly outputs: readonly ModelOutput[];
    readonly given?: ReadonlySet<Value>;
    readonly dimensionsOf?: (value: Value) => readonly Dimension[];
    readonly scope?: string;
  },
): void {
  const { inputs, outputs, given = new Set(), dimensionsOf = ({ shape }) => shape, scope = '' } = options;
  const { nodes, constants } = reachable(
    outputs.map(({ value }) => value),
    given,
  );
  const names = new Map<Value, string>();
  const copies: ModelOutput[] = [];
  for (const output of outputs) {
    // A value that is no operation's result, or has its name already, is given out as a copy.
    if (output.value.node === undefined || given.has(output.value) || names.has(output.value))
      copies.push(output);
    else names.set(output.value, output.name);
  }
  const nameOf = (value: Value | undefined) =>
    value === undefined ? '' : (names.get(value) ?? `${scope}${value.name}`);
  for (const node of nodes) message(writer, 1, (inner) => writeNode(inner, node, nameOf));
  for (const { name, value } of copies) {
    message(writer, 1, (inner) => {
      text(inner, 1, nameOf(value));
      text(inner, 2, name);
      text(inner, 4, 'Identity');
    });
  }
  text(writer, 2, 'pointpair');
  for (const constant of constants) {
    const { type, shape, data, initial } = constant;
    message(writer, 5, (tensor) => writeTensor(tensor, nameOf(constant), type, shape, (data ?? initial)!));
  }
  for (const input of inputs) {
    message(writer, 11, (info) => writeValueInfo(info, nameOf(input), input.type, dimensionsOf(input)));
  }
  for (const { name, value } of outputs) {
    message(writer, 12, (info) => writeValueInfo(info, name, value.type, dimensionsOf(value)));
  }
}

/**
 * A graph as the bytes of an ONNX model (opset 18), with those operations alone that the outputs need.
 * Inputs of the graph that no output needs are left out of the model.
 */
export function encodeModel(
  graph: Graph,
  outputs: readonly ModelOutput[],
  { metadata = {}, dimensionsOf, given = new Set() }: ModelExtras = {},
): Uint8Array {
  const { nodes } = reachable(
    outputs.map(({ value }) => value),
    given,
  );
  const domains = new Set(nodes.map((node) => node.domain).filter((domain) => domain !== ''));
  const used = new Set([...nodes.flatMap((node) => node.inputs), ...outputs.map(({ value }) => value)]);
  const inputs = [...graph.inputs, ...given].filter((each) => used.has(each));
  const model = protobuf.Writer.create();
  integer(model, 1, irVersion);
  text(model, 2, 'pointpair');
  message(model, 7, (writer) => writeGraph(writer, { inputs, outputs, given, dimensionsOf }));
  message(model, 8, (opset) => integer(opset, 2, opsetVersion));
  for (const domain of domains) {
    message(model, 8, (opset) => {
      text(opset, 1, domain);
      integer(opset, 2, 1);
    });
  }
  for (const [key, value] of Object.entries(metadata)) {
    message(model, 14, (entry) => {
      text(entry, 1, key);
      text(entry, 2, value);
    });
  }
  return model.finish();
}
