/** The element types that tensors have here; `bool` is held as bytes of 0 and 1. */
export type DType = 'float32' | 'int32' | 'bool';

/** A tensor in host memory: flat row-major data and its shape. Plain data, so it crosses to and from worker threads. */
export interface HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** The number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1);
}

/** A float32 tensor over `data`, which is kept, not copied. Throws if the shape does not hold it. */
export function float32(data: Float32Array | readonly number[], shape: readonly number[]): HostTensor {
  return checked({
    dtype: 'float32',
    shape,
    data: data instanceof Float32Array ? data : Float32Array.from(data),
  });
}

/** An int32 tensor over `data`, which is kept, not copied. Throws if the shape does not hold it. */
export function int32(data: Int32Array | readonly number[], shape: readonly number[]): HostTensor {
  return checked({ dtype: 'int32', shape, data: data instanceof Int32Array ? data : Int32Array.from(data) });
}

/** A scalar of float32, shape []. */
export function scalar(value: number): HostTensor {
  return float32([value], []);
}

/** Whether a tree's leaf is a host tensor. */
export function isHostTensor(value: unknown): value is HostTensor {
  return (
    typeof value === 'object' && value !== null && 'dtype' in value && 'shape' in value && 'data' in value
  );
}

function checked(tensor: HostTensor): HostTensor {
  if (tensor.data.length !== sizeOf(tensor.shape)) {
    throw new Error(
      `a tensor of shape [${tensor.shape}] holds ${sizeOf(tensor.shape)} values, ${tensor.data.length} were given`,
    );
  }
  return tensor;
}
