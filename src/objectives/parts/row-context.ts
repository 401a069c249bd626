import * as tf from '@tensorflow/tfjs-core';
import { initializeAll, linearNet, type Net, running } from '../../encoders/net.ts';
import { branchAt } from '../../nn/layer.ts';
import { relu } from '../../nn/relu.ts';

/** Layers of a context network, and the channels inside of each. */
export interface RowContextOptions {
  readonly layers: number;
  readonly channels: number;
  readonly hidden: number;
}

/**
 * A network over a grid of patches, [R, C, B, channels] to the same shape, that sees at a place its own row and those above
 * it, nothing below: residual layers of a linear layer, one over a patch and both beside it, one over a patch and the one
 * above, and a linear layer again, with ReLU between them (a PixelCNN without masks, since whole rows are seen at once).
 */
export function rowContextNet({ layers, channels, hidden }: RowContextOptions): Net {
  const parts = {
    enter: linearNet({ inputs: channels, outputs: hidden }),
    across: linearNet({ inputs: 3 * hidden, outputs: hidden }),
    down: linearNet({ inputs: 2 * hidden, outputs: hidden }),
    leave: linearNet({ inputs: hidden, outputs: channels }),
  };
  const names = Array.from({ length: layers }, (_, layer) => `${layer}`);
  return {
    initialize: (random) => ({
      params: Object.fromEntries(
        names.map((name) => [name, initializeAll(random.fork(name), parts).params] as const),
      ),
      stats: {},
    }),
    apply: (params, stats, x, mode) => {
      let grid = x;
      for (const name of names) {
        const nets = running({ params: branchAt(params, name), stats: {} }, mode);
        const over = (part: keyof typeof parts, input: tf.Tensor) => {
          const [rows, columns, count, width] = input.shape as [number, number, number, number];
          const y = nets.of(part, parts[part], tf.reshape(input, [rows * columns * count, width]));
          return tf.reshape(y, [rows, columns, count, -1]);
        };
        const entered = relu(over('enter', grid));
        const beside = tf.concat([shifted(entered, 1, 1), entered, shifted(entered, 1, -1)], 3);
        const wide = relu(over('across', beside));
        const below = relu(over('down', tf.concat([shifted(wide, 0, 1), wide], 3)));
        grid = tf.add(grid, over('leave', below));
      }
      return { y: grid, stats };
    },
  };
}

/** A grid moved by one along an axis, towards its end (1) or its beginning (-1), with zeros where nothing comes from. */
function shifted(grid: tf.Tensor, axis: 0 | 1, by: 1 | -1): tf.Tensor {
  const shape = [...grid.shape];
  const begin = shape.map(() => 0);
  shape[axis] -= 1;
  if (by === -1) begin[axis] = 1;
  const kept = tf.slice(grid, begin, shape);
  const edge = tf.zeros(shape.map((side, i) => (i === axis ? 1 : side)));
  return tf.concat(by === 1 ? [edge, kept] : [kept, edge], axis);
}
