import type { Graph, GraphNode, Value } from '../graph.ts';
import type { WindowAxis } from '../kernels/windows.ts';
import { axesOfWindows } from '../kernels/windows.ts';
import { binary, cast, concat, pad, reshape, slice } from '../operations.ts';

/**
 * Images as (images · channels, height, width, channels of a block): a block is one channel in ONNX's own layout, and as
 * many as a vector holds in the blocked one, so that the same operations serve both.
 */
type Planes = Value;

const rowAxis = 1;
const columnAxis = 2;

/** Images (batch, channels, height, width), whose channels lie in blocks of `block`, as planes. */
function planesOf(graph: Graph, image: Value, block: number): Planes {
  const [batch, channels, height, width] = image.shape;
  return reshape(graph, image, [(batch * channels) / block, height, width, block]);
}

/** What lies at one place in each window of an axis. */
function elementsAt(graph: Graph, x: Planes, axis: number, place: number, windows: WindowAxis): Planes {
  const only = (value: number, other: number) => x.shape.map((_, i) => (i === axis ? value : other));
  const size = x.shape.map((length, i) => (i === axis ? windows.output : length));
  return slice(graph, x, only(place, 0), size, only(windows.stride, 1));
}

/** x with the border that the windows of an axis reach, and without what none of them reaches. */
function bordered(graph: Graph, x: Planes, axis: number, windows: WindowAxis, border: number): Planes {
  const { before, after, input } = windows;
  const along = (pair: readonly [number, number]) =>
    x.shape.map((_, i): readonly [number, number] => (i === axis ? pair : [0, 0]));
  const used = x.shape.map((length, i) => (i === axis ? input + Math.min(0, after) : length));
  const begin = x.shape.map(() => 0);
  return pad(graph, slice(graph, x, begin, used), along([before, Math.max(0, after)]), border);
}

/**
 * Adds the shares of each place of the windows up where `elementsAt` finds the place, and cuts the border off: places
 * that are a stride apart fall on the same pixels, and the sums of each of these classes are then interleaved.
 */
function scattered(graph: Graph, shares: readonly Planes[], axis: number, windows: WindowAxis): Planes {
  const { stride, input, before, output } = windows;
  const steps = Math.max(
    Math.ceil((before + input) / stride),
    output + Math.ceil(shares.length / stride) - 1,
  );
  const classes = Array.from({ length: stride }, (_, first) => {
    let sum: Planes | undefined;
    for (let place = first; place < shares.length; place += stride) {
      const shift = (place - first) / stride;
      const around = shares[place].shape.map((_, i): readonly [number, number] =>
        i === axis ? [shift, steps - shift - output] : [0, 0],
      );
      const placed = pad(graph, shares[place], around, 0);
      sum = sum === undefined ? placed : binary(graph, 'Add', sum, placed);
    }
    const shape = shares[0].shape.map((length, i) => (i === axis ? steps : length));
    const { type } = shares[0];
    const column = [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)];
    return reshape(graph, sum ?? graph.fill(0, type, shape), column);
  });
  const joined = concat(graph, classes, axis + 1);
  const apart = shares[0].shape.map((length, i) => (i === axis ? steps * classes.length : length));
  const size = apart.map((length, i) => (i === axis ? input : length));
  const begin = apart.map((_, i) => (i === axis ? before : 0));
  return slice(graph, reshape(graph, joined, apart), begin, size);
}

/** Shares `dy` out to the first of the largest candidates. */
function toLargest(graph: Graph, dy: Planes, candidates: readonly Planes[], largest: Planes): Planes[] {
  let rest = dy;
  return candidates.map((candidate, i) => {
    if (i === candidates.length - 1) return rest;
    const chosen = cast(graph, binary(graph, 'Equal', candidate, largest, 'bool'), 'float32');
    const share = binary(graph, 'Mul', rest, chosen);
    rest = binary(graph, 'Sub', rest, share);
    return share;
  });
}

/**
 * The gradient of max pooling, for the first of the largest elements of each window, row by row: the maxima of the
 * windows' rows are found again first, then the gradient is handed to one row of each window, and there to one element.
 */
export function maxPoolGradient(
  graph: Graph,
  { attributes, outputs: [dx] }: GraphNode,
  [dy, x, y]: readonly Value[],
  block = 1,
): Value {
  const [rows, columns] = axesOfWindows(attributes, x, y);
  const lowest = Number.NEGATIVE_INFINITY;
  const image = bordered(graph, planesOf(graph, x, block), columnAxis, columns, lowest);
  const inRow = Array.from({ length: columns.size }, (_, place) =>
    elementsAt(graph, image, columnAxis, place, columns),
  );
  const highest = inRow.reduce((a, b) => binary(graph, 'Max', a, b));
  const lines = bordered(graph, highest, rowAxis, rows, lowest);
  const inColumn = Array.from({ length: rows.size }, (_, place) =>
    elementsAt(graph, lines, rowAxis, place, rows),
  );
  const [gradient, maxima] = [dy, y].map((value) => planesOf(graph, value, block));
  const byRow = scattered(graph, toLargest(graph, gradient, inColumn, maxima), rowAxis, rows);
  const planes = scattered(graph, toLargest(graph, byRow, inRow, highest), columnAxis, columns);
  return reshape(graph, planes, dx.shape);
}

/** The gradient of average pooling; tfjs divides by the whole window in the gradient, also where it reaches over the border. */
export function averagePoolGradient(
  graph: Graph,
  { attributes, outputs: [dx] }: GraphNode,
  [dy]: readonly Value[],
): Value {
  const [rows, columns] = axesOfWindows(attributes, dx, dy);
  const even = binary(graph, 'Mul', planesOf(graph, dy, 1), graph.scalar(1 / (rows.size * columns.size)));
  const everywhere = (value: Value, { size }: WindowAxis) => new Array<Value>(size).fill(value);
  const lines = scattered(graph, everywhere(even, rows), rowAxis, rows);
  return reshape(graph, scattered(graph, everywhere(lines, columns), columnAxis, columns), dx.shape);
}
