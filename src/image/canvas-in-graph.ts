import type { Graph, Value } from '../engine/graph.ts';
import { type HandMade, handMade } from '../engine/hand-made.ts';
import type { ImageSize } from './image-view.ts';
import type { ImageNormalization } from './normalize-image.ts';

/** A picture on a canvas, in a graph. */
export interface CanvasInGraph {
  /** float32 [1, height, width, 3], normalised, zeros beside the picture. */
  readonly canvas: Value;
  /** From the picture's pixels to the canvas's: x' = scale·x + offset; float64 []. */
  readonly scaleX: Value;
  readonly offsetX: Value;
  readonly scaleY: Value;
  readonly offsetY: Value;
  /** The picture's size, float64 []. */
  readonly width: Value;
  readonly height: Value;
}

/** Weights of pixels, and numbers between the two passes, are whole numbers of these fractions, as in `resample`. */
const WEIGHT = 2 ** 14;
const BETWEEN = 2 ** 8;
/** The sides of a picture, about, where they are not known. */
export const PICTURE = { width: 1237, height: 373 };

/**
 * What `fitToCanvas`, `resample` and `normalizeImage` make of a picture float32 [height, width, 3] (RGB, 0 to 255) of any size, to the
 * same levels: sums of whole numbers below 2^24 are exact in single precision, whatever their order.
 */
export function canvasInGraph(
  graph: Graph,
  picture: Value,
  { canvas, normalization }: { readonly canvas: ImageSize; readonly normalization: ImageNormalization },
): CanvasInGraph {
  const h = handMade(graph);
  const side = (axis: number) => h.shaped(h.part(h.lengths(picture), 0, axis, axis + 1), []); // int64 []
  const [rows, columns] = [side(0), side(1)];
  const [height, width] = [h.cast(rows, 'float64'), h.cast(columns, 'float64')];
  const fit = h.min(h.div(double(graph, canvas.width), width), h.div(double(graph, canvas.height), height));
  const scaled = (length: Value) => h.max(rounded(h, h.mul(length, fit)), 1);
  const [toWidth, toHeight] = [scaled(width), scaled(height)];
  const across = weightsOf(graph, {
    from: columns,
    to: toWidth,
    length: canvas.width,
    placeholder: PICTURE.width,
  });
  const down = weightsOf(graph, {
    from: rows,
    to: toHeight,
    length: canvas.height,
    placeholder: PICTURE.height,
  });
  const levels = resampled(graph, picture, { across, down, canvas });
  const inside = h.and(
    h.less(double(graph, canvas.height, [canvas.height, 1]), toHeight),
    h.less(double(graph, canvas.width, [1, canvas.width]), toWidth),
  );
  const shown = h.where(inside, normalized(graph, levels, normalization), 0);
  const [scaleX, scaleY] = [h.div(toWidth, width), h.div(toHeight, height)];
  const offset = (scale: Value) => h.div(h.sub(scale, 1), 2);
  const shape = [1, canvas.height, canvas.width, 3];
  return {
    canvas: h.shaped(h.turned(shown, [1, 2, 0]), shape),
    ...{ scaleX, offsetX: offset(scaleX), scaleY, offsetY: offset(scaleY) },
    ...{ width, height },
  };
}

/** A number as float64 [], or, with a shape of as many, the numbers below it. */
function double(graph: Graph, value: number, shape?: readonly number[]): Value {
  if (shape === undefined) return graph.scalar(value, 'float64');
  return graph.constant(
    Float64Array.from({ length: value }, (_, i) => i),
    'float64',
    shape,
  );
}

/** Rounded as by `Math.round`. */
function rounded({ floor, add }: HandMade, x: Value): Value {
  return floor(add(x, 0.5));
}

/**
 * How much each of `from` pixels along an axis counts in each of `length` new ones, of which `to` are the picture's: float32
 * [length, from], whole numbers that sum to `WEIGHT`, zeros beyond the picture.
 */
function weightsOf(
  graph: Graph,
  options: {
    readonly from: Value;
    readonly to: Value;
    readonly length: number;
    readonly placeholder: number;
  },
): Value {
  const { from, to, length, placeholder } = options;
  const h = handMade(graph);
  const scale = h.div(h.cast(from, 'float64'), to);
  const stretch = h.max(scale, 1);
  const numbers = double(graph, length, [length, 1]);
  const centers = h.sub(h.mul(h.add(numbers, 0.5), scale), 0.5);
  const begin = h.max(h.add(h.floor(h.sub(centers, stretch)), 1), 0);
  const end = h.ceil(h.add(centers, stretch));
  const places = h.upTo(from, placeholder); // int64 [from]
  const t = h.cast(h.shaped(places, [1, -1], placeholder), 'float64');
  const counts = h.and(h.and(h.atLeast(t, begin), h.less(t, end)), h.less(numbers, to));
  const distance = h.div(h.abs(h.sub(t, centers)), stretch);
  const exact = h.where(counts, h.sub(h.mul(distance, -1), -1), 0);
  const total = h.sum(exact, 1);
  const share = h.div(exact, h.where(h.equal(total, 0), graph.scalar(1, 'float64'), total));
  const whole = rounded(h, h.mul(share, WEIGHT));
  // What rounding left over goes to the heaviest.
  const left = h.mul(h.sub(h.sum(whole, 1), WEIGHT), -1);
  const heaviest = h.and(counts, h.equal(h.shaped(places, [1, -1], placeholder), h.largestAt(exact, 1)));
  return h.cast(h.add(whole, h.where(heaviest, left, 0)), 'float32');
}

/** The picture's levels on the canvas, int32 [3, height, width]. */
function resampled(
  graph: Graph,
  picture: Value,
  { across, down, canvas }: { readonly across: Value; readonly down: Value; readonly canvas: ImageSize },
): Value {
  const h = handMade(graph);
  const { width, height } = canvas;
  const planes = h.turned(picture, [2, 0, 1]);
  const narrow = h.product(planes, h.turned(across, [1, 0]), [3, PICTURE.height, width]);
  const fixed = h.floor(h.div(narrow, WEIGHT / BETWEEN));
  // In two halves, so that no sum leaves the whole numbers of single precision.
  const high = h.floor(h.div(fixed, BETWEEN));
  const low = h.sub(fixed, h.mul(high, BETWEEN));
  const [a, b] = [high, low].map((half) => h.cast(h.product(down, half, [3, height, width]), 'int32'));
  const total = h.add(h.mul(a, BETWEEN), h.add(b, (WEIGHT * BETWEEN) / 2));
  return h.min(h.max(h.div(total, WEIGHT * BETWEEN), 0), 255);
}

/** (level - mean) / std for levels int32 [3, height, width] of RGB, in the order that is wanted: float32 of the same shape. */
function normalized(graph: Graph, levels: Value, { mean, std, order }: ImageNormalization): Value {
  const h = handMade(graph);
  const table = mean.flatMap((m, channel) =>
    Array.from({ length: 256 }, (_, level) => (level - m) / std[channel]),
  );
  const ordered = order === 'rgb' ? levels : h.taken(levels, graph.shape([2, 1, 0]), 0);
  const begin = h.numbers([0, 256, 512], 'int32', [3, 1, 1]);
  return h.taken(h.numbers(table, 'float32', [768]), h.add(ordered, begin));
}
