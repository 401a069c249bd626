import type { HostTensor } from '../host-tensor.ts';

/**
 * How the values of a tensor lie in blocks of channels, as ONNX Runtime's own convolutions want them, where `B` channels
 * of a pixel lie side by side:
 * - `image` (N, C, H, W) as N, C/B, H, W, B;
 * - `rows` (R, C), also (M, K, C) with R = M·K, as C/B, R, B;
 * - `weights` of a convolution (O, I, H, W) as O/B, I/B, H, W, B of I, B of O; with fewer than B inputs O/B, I, H, W, B;
 * - `matrix` (I, O), the weights of rows, as O/B, I/B, B of I, B of O.
 */
export type Layout =
  | {
      readonly kind: 'image';
      readonly batch: number;
      readonly channels: number;
      readonly height: number;
      readonly width: number;
    }
  | { readonly kind: 'rows'; readonly rows: number; readonly channels: number }
  | WeightLayout;

/** The layout of weights; `window` is height · width, 1 for a matrix. */
export interface WeightLayout {
  readonly kind: 'weights' | 'matrix';
  readonly outputs: number;
  readonly inputs: number;
  readonly window: number;
}

export function isWeights(layout: Layout): layout is WeightLayout {
  return layout.kind === 'weights' || layout.kind === 'matrix';
}

/** The number of channels; weights have none that anything could differ by. */
export function channelsOf(layout: Layout): number {
  return isWeights(layout) ? 0 : layout.channels;
}

/** How many inputs of a weight lie side by side: few inputs, such as colours, are not blocked. */
export function inputBlock({ inputs }: WeightLayout, block: number): number {
  return inputs % block === 0 ? block : 1;
}

/** Whether weights can lie in blocks. */
export function fitsBlocks({ kind, outputs, inputs }: WeightLayout, block: number): boolean {
  return outputs % block === 0 && (inputs % block === 0 || (kind === 'weights' && inputs < block));
}

/** Where in blocked order each value of weights in public order lies, called with both places for each value. */
function eachPlace(
  layout: WeightLayout,
  block: number,
  visit: (open: number, blocked: number) => void,
): void {
  const { kind, outputs, inputs, window } = layout;
  const inner = inputBlock(layout, block);
  const inputBlocks = inputs / inner;
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      const chunk = Math.floor(o / block) * inputBlocks + Math.floor(i / inner);
      const within = (i % inner) * block + (o % block);
      for (let w = 0; w < window; w++) {
        const open = kind === 'matrix' ? i * outputs + o : (o * inputs + i) * window + w;
        visit(open, (chunk * window + w) * inner * block + within);
      }
    }
  }
}

/** A tensor of the state that lies in blocks: its shape in public order, and the one that it is stored under. */
export interface StoredWeights {
  readonly layout: WeightLayout;
  readonly shape: readonly number[];
  readonly stored: readonly number[];
}

/** Weights in public order as they are stored. */
export function toBlocks(tensor: HostTensor, weights: StoredWeights, block: number): HostTensor {
  const data = tensor.data.slice();
  eachPlace(weights.layout, block, (open, blocked) => {
    data[blocked] = tensor.data[open];
  });
  return { ...tensor, data, shape: weights.stored };
}

/** Weights as they are stored in public order. */
export function fromBlocks(tensor: HostTensor, weights: StoredWeights, block: number): HostTensor {
  const data = tensor.data.slice();
  eachPlace(weights.layout, block, (open, blocked) => {
    data[open] = tensor.data[blocked];
  });
  return { ...tensor, data, shape: weights.shape };
}
