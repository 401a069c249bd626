import { float32, type HostTensor, sizeOf } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';

/** Which fan scales a kaiming initialiser, and the slope of the leaky ReLU that follows (0 for a ReLU). */
export interface KaimingOptions {
  readonly fan?: 'in' | 'out';
  readonly negativeSlope?: number;
}

/** The fans of a weight: of a linear layer [inputs, outputs], or of a convolution [outputs, inputs, …kernel]. */
export function fansOf(shape: readonly number[]): { readonly in: number; readonly out: number } {
  if (shape.length < 2)
    throw new Error(`a weight of shape [${shape}] has no fans: two dimensions are needed`);
  if (shape.length === 2) return { in: shape[0], out: shape[1] };
  const field = sizeOf(shape.slice(2));
  return { in: shape[1] * field, out: shape[0] * field };
}

/** Every element the same. */
export function constant(shape: readonly number[], value: number): HostTensor {
  return float32(new Float32Array(sizeOf(shape)).fill(value), shape);
}

/** Uniform in [−bound, bound). */
export function uniform(random: Random, shape: readonly number[], bound: number): HostTensor {
  return fill(shape, () => random.uniform(-bound, bound));
}

/** Normal with the given deviation and mean 0 (Box-Muller, both numbers of each pair). */
export function normal(random: Random, shape: readonly number[], deviation: number): HostTensor {
  const data = new Float32Array(sizeOf(shape));
  for (let i = 0; i < data.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - random.uniform()));
    const angle = 2 * Math.PI * random.uniform();
    data[i] = radius * Math.cos(angle);
    // Past the end of an odd number of elements, this writes nothing.
    data[i + 1] = radius * Math.sin(angle);
  }
  return float32(data, shape);
}

/** Normal with variance gain²/fan, gain² = 2/(1 + slope²) (He et al. 2015; PyTorch's kaiming_normal_). */
export function kaimingNormal(
  random: Random,
  shape: readonly number[],
  options: KaimingOptions = {},
): HostTensor {
  return normal(random, shape, kaimingDeviation(shape, options));
}

/** Uniform with variance gain²/fan, so in ±gain·√(3/fan) (PyTorch's kaiming_uniform_). */
export function kaimingUniform(
  random: Random,
  shape: readonly number[],
  options: KaimingOptions = {},
): HostTensor {
  return uniform(random, shape, Math.sqrt(3) * kaimingDeviation(shape, options));
}

/** Uniform in ±gain·√(6/(fanIn + fanOut)) (Glorot and Bengio 2010). */
export function xavierUniform(random: Random, shape: readonly number[], gain = 1): HostTensor {
  const fans = fansOf(shape);
  return uniform(random, shape, gain * Math.sqrt(6 / (fans.in + fans.out)));
}

/** Normal with mean 0, drawn again where it lies beyond `limit` deviations (2 where it is not given, at least 0.1). */
export function truncatedNormal(
  random: Random,
  shape: readonly number[],
  options: { readonly deviation: number; readonly limit?: number },
): HostTensor {
  const { deviation, limit = 2 } = options;
  if (!(limit >= 0.1)) throw new Error(`a normal distribution cannot be cut at ${limit} deviations`);
  return fill(shape, () => {
    let value = random.normal();
    while (Math.abs(value) > limit) value = random.normal();
    return deviation * value;
  });
}

function kaimingDeviation(shape: readonly number[], options: KaimingOptions): number {
  const slope = options.negativeSlope ?? 0;
  return Math.sqrt(2 / (1 + slope * slope) / fansOf(shape)[options.fan ?? 'in']);
}

function fill(shape: readonly number[], draw: () => number): HostTensor {
  const data = new Float32Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = draw();
  return float32(data, shape);
}
