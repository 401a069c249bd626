import type { Graph, Value } from '../graph.ts';
import { cast, reshape, transpose } from '../operations.ts';
import type { KernelAttributes, Lowering, Lowerings } from './lowering.ts';

type Method = 'bilinear' | 'nearest';

/** The weight of each old position (column) in each new one (row) along one axis, as tfjs places them. */
function resizingWeights(
  method: Method,
  from: number,
  to: number,
  attributes: KernelAttributes,
): Float32Array {
  const corners = attributes.alignCorners === true && to > 1 ? 1 : 0;
  const ratio = (from - corners) / (to - corners);
  const centers = attributes.halfPixelCenters === true;
  const weights = new Float32Array(to * from);
  const add = (row: number, column: number, weight: number) => {
    weights[row * from + Math.min(from - 1, Math.max(0, column))] += weight;
  };
  for (let row = 0; row < to; row++) {
    if (method === 'nearest') {
      const place = ratio * (centers ? row + 0.5 : row);
      add(row, attributes.alignCorners === true ? Math.round(place) : Math.floor(place), 1);
    } else {
      const place = centers ? ratio * (row + 0.5) - 0.5 : ratio * row;
      const before = Math.max(0, Math.floor(place));
      add(row, before, 1 - (place - before));
      add(row, Math.ceil(place), place - before);
    }
  }
  return weights;
}

/** Each row of `weights` [to, from] against an axis of length `from` of (batch, height, width, channels). */
function weightAxis(graph: Graph, x: Value, axis: 1 | 2, weights: Value): Value {
  const [batch, height, width, channels] = x.shape;
  const to = weights.shape[0];
  const stacked = axis === 1 ? [batch, height, width * channels] : [batch * height, width, channels];
  const product = graph.node('MatMul', [weights, reshape(graph, x, stacked)], {
    type: 'float32',
    shape: [stacked[0], to, stacked[2]],
  });
  return reshape(graph, product, axis === 1 ? [batch, to, width, channels] : [batch, height, to, channels]);
}

/** Resizing is linear in the image, row by row and column by column: two products, and their transposes for its gradient. */
function resizingBy(method: Method, direction: 'forward' | 'gradient'): Lowering {
  return ({ graph, inputs: { images, dy }, attributes }) => {
    const size = attributes.size as [number, number];
    const weightsOf = (axis: 1 | 2) => {
      const [from, to] = [images.shape[axis], size[axis - 1]];
      const weights = graph.constant(resizingWeights(method, from, to, attributes), 'float32', [to, from]);
      return direction === 'forward' ? weights : transpose(graph, weights, [1, 0]);
    };
    const x = cast(graph, direction === 'forward' ? images : dy, 'float32');
    const resized = weightAxis(graph, weightAxis(graph, x, 1, weightsOf(1)), 2, weightsOf(2));
    return method === 'nearest' ? cast(graph, resized, images.type) : resized;
  };
}

/** Kernels that resize images (batch, height, width, channels), and their gradients. */
export const resizing: Lowerings = {
  ResizeBilinear: resizingBy('bilinear', 'forward'),
  ResizeBilinearGrad: resizingBy('bilinear', 'gradient'),
  ResizeNearestNeighbor: resizingBy('nearest', 'forward'),
  ResizeNearestNeighborGrad: resizingBy('nearest', 'gradient'),
};
