import type { Value } from '../graph.ts';
import type { WindowAxis } from '../kernels/windows.ts';
import { binary } from '../operations.ts';
import { interleaved, type Target, taken } from './emit.ts';

/**
 * The gradient of the max pooling of an image (N, C, H, W) in blocks that has no number below 0, correct wherever the
 * image is above 0: elsewhere what comes before it, a ReLU, has no gradient. So zeros may stand for the border. Each place
 * of the windows in turn takes what no earlier one has taken, if it holds the maximum.
 */
export function maxPoolGradientAboveZero(
  target: Target,
  { dy, x, y }: { readonly dy: Value; readonly x: Value; readonly y: Value },
  [rows, columns]: readonly WindowAxis[],
): Value {
  const { graph } = target;
  const strides = [rows.stride, columns.stride];
  const negative = graph.node('Neg', [y], { type: 'float32', shape: y.shape });
  let rest = dy;
  const shares = Array.from({ length: rows.size }, (_, row) =>
    Array.from({ length: columns.size }, (_, column) => {
      const offsets = [row - rows.before, column - columns.before];
      const chosen = taken(target, x, {
        shape: y.shape,
        offsets,
        strides,
        sum: negative,
        activation: 'reached',
      });
      const share = binary(graph, 'Mul', rest, chosen);
      rest = binary(graph, 'Sub', rest, share);
      return share;
    }),
  );
  const [, , height, width] = x.shape;
  const part = [...x.shape.slice(0, 2), Math.ceil(height / rows.stride), Math.ceil(width / columns.stride)];
  const classes = Array.from({ length: rows.stride }, (_, a) =>
    Array.from({ length: columns.stride }, (_, b) => {
      let sum: Value | undefined;
      for (const [row, down] of reaching(rows, a)) {
        for (const [column, across] of reaching(columns, b)) {
          sum = taken(target, shares[row][column], { shape: part, offsets: [down, across], sum });
        }
      }
      return sum ?? graph.fill(0, 'float32', part);
    }),
  );
  return interleaved(target, classes, x.shape);
}

/** The places of windows that fall on the pixels of a class, and how many windows further on each of them does so. */
function reaching(
  { size, stride, before }: WindowAxis,
  phase: number,
): Array<readonly [place: number, offset: number]> {
  return Array.from(
    { length: size },
    (_, place) => [place, (phase + before - place) / stride] as const,
  ).filter(([, offset]) => Number.isInteger(offset));
}
