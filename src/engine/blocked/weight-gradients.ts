import type { Value } from '../graph.ts';
import type { WindowAxis } from '../kernels/windows.ts';
import { pad, reduce, reshape, slice, transpose } from '../operations.ts';
import { asImage, blockedImages, convolve, swapped, type Target, taken, unblocked } from './emit.ts';
import { inputBlock, type WeightLayout } from './layouts.ts';

/** A convolution whose weights' gradient is asked for. */
interface WeightGradientOptions {
  readonly layout: WeightLayout;
  readonly axes: readonly WindowAxis[];
  readonly batch: number;
}

/**
 * The gradient of a convolution's weights in blocks: a convolution over the batch, in which channels and images change
 * places and the output's gradient is the kernel. `x` is (N, C, H, W) in blocks, or plain where it has fewer channels than
 * a block. Undefined where that does not go.
 */
export function weightGradient(
  target: Target,
  x: Value,
  dy: Value,
  options: WeightGradientOptions,
): Value | undefined {
  const { graph, block } = target;
  const { layout, axes, batch } = options;
  const { outputs, inputs, window } = layout;
  const [rows, columns] = axes;
  const places = batch * rows.output * columns.output;
  if (
    window === 1 &&
    inputs % block === 0 &&
    places % block === 0 &&
    axes.every(({ before, input, output, stride }) => before === 0 && output === Math.ceil(input / stride))
  ) {
    const image = subsampled(target, x, axes, [batch, inputs, rows.input, columns.input]);
    const [merged, gradient] = [image, dy].map((value, i) =>
      swapped(graph, value, batch, (i === 0 ? inputs : outputs) / block),
    );
    return matrixGradient(target, merged, gradient, { rows: places, inputs, outputs });
  }
  const padded = axes.map(({ input, before, after }) => before + input + Math.max(0, after));
  const exact = axes.every(
    ({ output, stride, dilation, size }, i) => dilation === 1 && padded[i] - (output - 1) * stride === size,
  );
  if (!exact) return undefined;
  const images = imagesByChannel(target, x, { inputs, batch, axes, padded });
  const beside = inputBlock(layout, block);
  const gradient = batch % block === 0 ? byBlocks : inRounds;
  // (inputs / beside, outputs / block, window · beside, block): the order of weights but for the first two.
  const results = gradient(target, images, dy, { ...options, beside });
  return reshape(graph, swapped(graph, results, inputs / beside, outputs / block), [outputs, inputs, window]);
}

/** Only those pixels that windows of one pixel look at. */
function subsampled(target: Target, x: Value, axes: readonly WindowAxis[], shape: readonly number[]): Value {
  if (axes.every(({ input, output }) => input === output)) return x;
  return taken(target, reshape(target.graph, x, shape), {
    shape: [...shape.slice(0, 2), ...axes.map(({ output }) => output)],
    offsets: [0, 0],
    strides: axes.map(({ stride }) => stride),
  });
}

/**
 * Images with their border, in which channels and images have changed places: (inputs / block, N, height, width · block).
 * A block's channels of a pixel are so many columns: windows reach over them by their dilation, and results are longer
 * rows, of which the runtime's kernel makes several at a time. Few inputs are images of their own: (inputs, N, height, width).
 */
function imagesByChannel(
  target: Target,
  x: Value,
  options: {
    readonly inputs: number;
    readonly batch: number;
    readonly axes: readonly WindowAxis[];
    readonly padded: readonly number[];
  },
): Value {
  const { graph, block } = target;
  const { inputs, batch, axes, padded } = options;
  const shape = [batch, inputs, ...axes.map(({ input }) => input)];
  const borders = axes.map(({ before, after }) => [before, Math.max(0, after)] as const);
  if (inputs < block) {
    const images = transpose(graph, reshape(graph, x, shape), [1, 0, 2, 3]);
    return pad(graph, images, [[0, 0], [0, 0], ...borders], 0);
  }
  const image = reshape(graph, x, shape);
  const bordered = borders.every(([before, after]) => before === 0 && after === 0)
    ? image
    : taken(target, image, {
        shape: [batch, inputs, ...padded],
        offsets: borders.map(([before]) => -before),
      });
  const [height, width] = padded;
  const byBlock = swapped(graph, bordered, batch, inputs / block);
  return reshape(graph, byBlock, [inputs / block, batch, height, width * block]);
}

/** How `weightGradient` goes on with images by channel. */
interface OverBatchOptions extends WeightGradientOptions {
  /** Inputs that lie side by side at a pixel. */
  readonly beside: number;
}

/** A convolution over some images as channels: (inputs / beside, outputs, window's height, window's width · beside). */
function overImages(
  target: Target,
  images: Value,
  filter: Value,
  options: OverBatchOptions & { readonly groups?: number; readonly sum?: Value },
): Value {
  const { layout, axes, beside, groups = 1, sum } = options;
  const [rows, columns] = axes;
  return convolve(target, images, filter, {
    shape: [layout.inputs / beside, groups * layout.outputs, rows.size, columns.size * beside],
    kernel: [rows.output, columns.output],
    dilations: [rows.stride, columns.stride * beside],
    group: groups,
    sum,
  });
}

/** Where a convolution over the batch has fewer rows of results than that, the images are parted for the threads. */
const enoughRows = 12;

/** Images of whole blocks: one convolution in blocks of images, where there are few results over groups of them. */
function byBlocks(target: Target, images: Value, dy: Value, options: OverBatchOptions): Value {
  const { graph, block } = target;
  const { layout, axes, batch, beside } = options;
  const { outputs, inputs } = layout;
  const [rows, columns] = axes;
  // The runtime shares out rows of at most four blocks of outputs.
  const shared = (inputs / beside) * Math.ceil(outputs / (4 * block)) * rows.size;
  let groups = 1;
  while (shared * groups < enoughRows && batch % (2 * groups * block) === 0) groups *= 2;
  const each = batch / groups;
  const byOutput = transpose(
    graph,
    reshape(graph, dy, [groups, each, outputs / block, rows.output * columns.output * block]),
    [0, 2, 1, 3],
  );
  const parts = [(groups * outputs) / block, each / block, block, rows.output * columns.output, block];
  const kernels = transpose(graph, reshape(graph, byOutput, parts), [0, 1, 3, 2, 4]);
  const filter = reshape(graph, kernels, [groups * outputs, each, rows.output, columns.output]);
  const sums = overImages(target, blockedImages(target, images), filter, { ...options, groups });
  if (groups === 1) return sums;
  const shape = [inputs / beside, groups, outputs * rows.size * columns.size * beside];
  return reduce(graph, 'ReduceSum', reshape(graph, sums, shape), [1]);
}

/** Fewer images than a block has channels are taken as they lie; more of them in several rounds, which add up. */
function inRounds(target: Target, images: Value, dy: Value, options: OverBatchOptions): Value {
  const { graph, block } = target;
  const { layout, axes, batch } = options;
  const [rows, columns] = axes;
  const blocks = layout.outputs / block;
  const kernels = reshape(graph, swapped(graph, dy, batch, blocks), [
    blocks,
    batch,
    rows.output,
    columns.output * block,
  ]);
  const round = Array.from({ length: block - 1 }, (_, i) => block - 1 - i).find(
    (count) => batch % count === 0,
  )!;
  const some = (value: Value, first: number) => {
    const [count, , ...rest] = value.shape;
    return slice(graph, value, [0, first, 0, 0], [count, round, ...rest]);
  };
  let sum: Value | undefined;
  for (let first = 0; first < batch; first += round) {
    const filter = reshape(graph, some(kernels, first), [layout.outputs, round, rows.output, columns.output]);
    sum = overImages(target, some(images, first), filter, { ...options, sum });
  }
  return sum!;
}

/**
 * xᵀ·dy for rows in blocks, x (R, I) and dy (R, O), in the blocks of a matrix: a convolution of one pixel over the rows as
 * channels, of which dy is the weights as it lies, and the image is x with its blocks turned over. R is a multiple of the
 * block.
 */
export function matrixGradient(
  target: Target,
  x: Value,
  dy: Value,
  { rows, inputs, outputs }: { readonly rows: number; readonly inputs: number; readonly outputs: number },
): Value {
  const { graph, block } = target;
  const [rowBlocks, inputBlocks] = [rows / block, inputs / block];
  const turned = unblocked(target, reshape(graph, x, [inputBlocks * rowBlocks, block, block, 1]));
  const [height, width] = asImage(inputs, 32);
  const image = reshape(graph, swapped(graph, turned, inputBlocks, rowBlocks), [1, rows, height, width]);
  const gradient = convolve(target, image, reshape(graph, dy, [outputs, rows, 1, 1]), {
    shape: [1, outputs, height, width],
    kernel: [1, 1],
  });
  return reshape(graph, gradient, [inputs, outputs]);
}
