import type { Graph, Value, ValueType } from '../graph.ts';
import { binary, cast, unary } from '../operations.ts';
import type { Lowering, LoweringContext, Lowerings } from './lowering.ts';

const one = (graph: Graph, like: Value) => graph.scalar(1, like.type);

/** tfjs's kernel is ONNX's operation of the same meaning. */
function same(op: string): Lowering {
  return ({ graph, inputs }) => unary(graph, op, inputs.x);
}

/** As `same`, for operations that tfjs computes in floating point whatever comes in. */
function floating(op: string): Lowering {
  return ({ graph, inputs }) => unary(graph, op, cast(graph, inputs.x, 'float32'));
}

/** Two operands under tfjs's names `a` and `b`; bytes of truth count as whole numbers. */
function arithmetic(op: string): Lowering {
  return ({ graph, inputs }) => {
    const [a, b] = numbers(graph, inputs);
    return binary(graph, op, a, b);
  };
}

function comparison(op: string): Lowering {
  return ({ graph, inputs }) => {
    const [a, b] = numbers(graph, inputs);
    return binary(graph, op, a, b, 'bool');
  };
}

function logical(op: string): Lowering {
  return ({ graph, inputs }) =>
    binary(graph, op, cast(graph, inputs.a, 'bool'), cast(graph, inputs.b, 'bool'));
}

function numbers(graph: Graph, { a, b }: LoweringContext['inputs']): [Value, Value] {
  const type: ValueType = a.type === 'float32' || b.type === 'float32' ? 'float32' : 'int32';
  return [cast(graph, a, type), cast(graph, b, type)];
}

/** Division that rounds down to whole numbers, whatever comes in; ONNX's own rounds towards zero. */
const floorDivide: Lowering = ({ graph, inputs }) => {
  const [a, b] = numbers(graph, inputs);
  const quotient = binary(graph, 'Div', a, b);
  if (a.type === 'float32') return cast(graph, unary(graph, 'Floor', quotient), 'int32');
  const remainder = binary(graph, 'Sub', a, binary(graph, 'Mul', quotient, b));
  const { shape } = quotient;
  const positive = graph.node('Mod', [a, b], { type: 'int32', shape, attributes: { fmod: 0 } });
  const exact = binary(graph, 'Equal', remainder, positive, 'bool');
  return binary(graph, 'Sub', quotient, cast(graph, unary(graph, 'Not', exact), 'int32'));
};

/** The remainder with the divisor's sign. */
const modulo: Lowering = ({ graph, inputs }) => {
  const [a, b] = numbers(graph, inputs);
  const shape = binary(graph, 'Add', a, b).shape;
  if (a.type === 'int32') return graph.node('Mod', [a, b], { type: 'int32', shape, attributes: { fmod: 0 } });
  const remainder = graph.node('Mod', [a, b], { type: 'float32', shape, attributes: { fmod: 1 } });
  const shifted = graph.node('Mod', [binary(graph, 'Add', remainder, b), b], {
    type: 'float32',
    shape,
    attributes: { fmod: 1 },
  });
  const zero = graph.scalar(0);
  const sameSign = binary(
    graph,
    'Equal',
    binary(graph, 'Less', a, zero, 'bool'),
    binary(graph, 'Less', b, zero, 'bool'),
    'bool',
  );
  return graph.node('Where', [sameSign, remainder, shifted], { type: 'float32', shape });
};

/** 1 where x > 0 and `alpha` elsewhere; tfjs keeps NaN, which is `alpha` here: a comparison and a cast are all it costs. */
const step: Lowering = ({ graph, inputs: { x }, attributes }) => {
  const { type, shape } = x;
  const positive = binary(graph, 'Greater', x, graph.scalar(0, type), 'bool');
  const alpha = Number(attributes.alpha ?? 0);
  if (alpha === 0) return cast(graph, positive, type);
  return graph.node('Where', [positive, one(graph, x), graph.scalar(alpha, type)], { type, shape });
};

const select: Lowering = ({ graph, inputs: { condition, t, e } }) => {
  // ONNX Runtime chooses among numbers only.
  const [a, b] = numbers(graph, { a: t, b: e });
  const chosen = graph.node('Where', [cast(graph, condition, 'bool'), a, b], {
    type: a.type,
    shape: t.shape,
  });
  return cast(graph, chosen, t.type === e.type ? t.type : a.type);
};

const finite: Lowering = ({ graph, inputs: { x } }) => {
  const infinite = graph.node('IsInf', [x], { type: 'bool', shape: x.shape });
  const nan = graph.node('IsNaN', [x], { type: 'bool', shape: x.shape });
  return unary(graph, 'Not', binary(graph, 'Or', infinite, nan));
};

/** Clips by comparing, which, other than ONNX's Clip in places, lets NaN through. */
function clip(graph: Graph, x: Value, low: number, high: number): Value {
  return binary(graph, 'Min', binary(graph, 'Max', x, graph.scalar(low, x.type)), graph.scalar(high, x.type));
}

/** x above 0, alpha · (e^x − 1) below. ONNX's own operation rounds otherwise at the end of what a thread computes. */
function elu(graph: Graph, x: Value, alpha = 1): Value {
  const zero = graph.scalar(0);
  const below = binary(graph, 'Sub', unary(graph, 'Exp', binary(graph, 'Min', x, zero)), one(graph, x));
  return binary(
    graph,
    'Add',
    binary(graph, 'Max', x, zero),
    binary(graph, 'Mul', below, graph.scalar(alpha)),
  );
}

/** log(1 + x), exact for small x too: x · log(y) / (y − 1) with y = 1 + x as it was rounded. */
function logOfOneMore(graph: Graph, x: Value): Value {
  const [more, { shape }] = [binary(graph, 'Add', x, one(graph, x)), x];
  const added = binary(graph, 'Sub', more, one(graph, x));
  const lost = binary(graph, 'Equal', added, graph.scalar(0), 'bool');
  const divisor = graph.node('Where', [lost, one(graph, x), added], { type: 'float32', shape });
  const scaled = binary(graph, 'Mul', unary(graph, 'Log', more), binary(graph, 'Div', x, divisor));
  return graph.node('Where', [lost, x, scaled], { type: 'float32', shape });
}

/** log(1 + e^x) as max(x, 0) + log(1 + e^−|x|). ONNX's own operation rounds otherwise at the end of what a thread computes. */
function softplus(graph: Graph, x: Value): Value {
  const small = unary(graph, 'Exp', unary(graph, 'Neg', unary(graph, 'Abs', x)));
  return binary(graph, 'Add', binary(graph, 'Max', x, graph.scalar(0)), logOfOneMore(graph, small));
}

/** Kernels that work element by element. */
export const elementwise: Lowerings = {
  Abs: same('Abs'),
  Acos: floating('Acos'),
  Acosh: floating('Acosh'),
  Asin: floating('Asin'),
  Asinh: floating('Asinh'),
  Atan: floating('Atan'),
  Atanh: floating('Atanh'),
  Ceil: same('Ceil'),
  Cos: floating('Cos'),
  Cosh: floating('Cosh'),
  Elu: ({ graph, inputs }) => elu(graph, cast(graph, inputs.x, 'float32')),
  Erf: floating('Erf'),
  Exp: floating('Exp'),
  // dy · (1 where y ≥ 0, y + 1 elsewhere), where y is what Elu gave.
  EluGrad: ({ graph, inputs: { dy, y } }) =>
    binary(graph, 'Mul', dy, binary(graph, 'Add', clip(graph, y, -1, 0), one(graph, y))),
  Floor: same('Floor'),
  Log: floating('Log'),
  LogicalNot: ({ graph, inputs }) => unary(graph, 'Not', cast(graph, inputs.x, 'bool')),
  Neg: same('Neg'),
  Reciprocal: floating('Reciprocal'),
  Relu: ({ graph, inputs: { x } }) =>
    x.type === 'float32' ? unary(graph, 'Relu', x) : binary(graph, 'Max', x, graph.scalar(0, x.type)),
  Relu6: ({ graph, inputs: { x } }) => clip(graph, x, 0, 6),
  Round: floating('Round'),
  Selu: ({ graph, inputs }) =>
    binary(graph, 'Mul', elu(graph, cast(graph, inputs.x, 'float32'), 1.6732632), graph.scalar(1.0507009)),
  Sigmoid: floating('Sigmoid'),
  Sign: same('Sign'),
  Sin: floating('Sin'),
  Sinh: floating('Sinh'),
  Softplus: ({ graph, inputs }) => softplus(graph, cast(graph, inputs.x, 'float32')),
  Sqrt: floating('Sqrt'),
  Tan: floating('Tan'),
  Tanh: floating('Tanh'),
  Rsqrt: ({ graph, inputs }) =>
    unary(graph, 'Reciprocal', unary(graph, 'Sqrt', cast(graph, inputs.x, 'float32'))),
  Square: ({ graph, inputs: { x } }) => binary(graph, 'Mul', x, x),
  Expm1: ({ graph, inputs: { x } }) => binary(graph, 'Sub', unary(graph, 'Exp', x), one(graph, x)),
  Log1p: ({ graph, inputs }) => logOfOneMore(graph, cast(graph, inputs.x, 'float32')),
  IsNan: ({ graph, inputs: { x } }) => graph.node('IsNaN', [x], { type: 'bool', shape: x.shape }),
  IsInf: ({ graph, inputs: { x } }) => graph.node('IsInf', [x], { type: 'bool', shape: x.shape }),
  IsFinite: finite,
  Step: step,
  ClipByValue: ({ graph, inputs: { x }, attributes }) =>
    clip(graph, x, Number(attributes.clipValueMin), Number(attributes.clipValueMax)),
  LeakyRelu: ({ graph, inputs: { x }, attributes }) =>
    unary(graph, 'LeakyRelu', x, { alpha: { float: Number(attributes.alpha) } }),
  Prelu: ({ graph, inputs: { x, alpha } }) =>
    graph.node('PRelu', [x, alpha], { type: x.type, shape: x.shape }),
  Add: arithmetic('Add'),
  Sub: arithmetic('Sub'),
  Multiply: arithmetic('Mul'),
  Maximum: arithmetic('Max'),
  Minimum: arithmetic('Min'),
  Pow: arithmetic('Pow'),
  RealDiv: ({ graph, inputs: { a, b } }) =>
    binary(graph, 'Div', cast(graph, a, 'float32'), cast(graph, b, 'float32')),
  FloorDiv: floorDivide,
  Mod: modulo,
  SquaredDifference: ({ graph, inputs }) => {
    const [a, b] = numbers(graph, inputs);
    const difference = binary(graph, 'Sub', a, b);
    return binary(graph, 'Mul', difference, difference);
  },
  AddN: ({ graph, inputs }) => Object.values(inputs).reduce((sum, term) => binary(graph, 'Add', sum, term)),
  Equal: comparison('Equal'),
  NotEqual: (context) => unary(context.graph, 'Not', comparison('Equal')(context) as Value),
  Greater: comparison('Greater'),
  GreaterEqual: comparison('GreaterOrEqual'),
  Less: comparison('Less'),
  LessEqual: comparison('LessOrEqual'),
  LogicalAnd: logical('And'),
  LogicalOr: logical('Or'),
  Select: select,
};
