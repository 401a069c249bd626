import type { BackendValues, DataType, TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { ConstantData, Graph, Value, ValueType } from './graph.ts';
import { sizeOf } from './host-tensor.ts';

/** The name under which the backend is registered with tfjs. */
export const captureBackendName = 'capture';

/** The value of a traced tensor was asked for while its step was captured, when there are no values yet. */
export class TracedReadError extends Error {
  override readonly name = 'TracedReadError';

  constructor(value: Value) {
    const source =
      value.node === undefined ? `the input '${value.name}'` : `the output of '${value.node.op}'`;
    super(
      `a step that is being compiled reads ${source}, shape [${value.shape}] (by data(), dataSync(), array() or print()): ` +
        'there are no values yet; return the tensor from the step and read it there',
    );
  }
}

interface Entry {
  readonly value: Value;
  references: number;
}

/** A tfjs backend that computes nothing: each tensor stands for a value of an ONNX graph. */
export class CaptureBackend extends tf.KernelBackend {
  private readonly entries = new tf.DataStorage<Entry>(this, tf.engine());
  private current: Graph | undefined;
  private refused: TracedReadError | undefined;

  /** The graph that is being captured. */
  get graph(): Graph {
    if (this.current === undefined) throw new Error('the capture backend is used outside of a capture');
    return this.current;
  }

  /** Runs `body` with `graph` as the one that operations are appended to. */
  capture<Result>(graph: Graph, body: () => Result): Result {
    if (this.current !== undefined) throw new Error('a step is captured inside of another capture');
    this.current = graph;
    this.refused = undefined;
    try {
      const result = body();
      if (this.refused !== undefined) throw this.refused;
      return result;
    } finally {
      this.current = undefined;
    }
  }

  /** The value that a tensor stands for. */
  valueOfTensor(tensor: { readonly dataId: object }): Value {
    return this.entries.get(tensor.dataId).value;
  }

  /** A new tensor that stands for a value. */
  tensorInfo(value: Value): TensorInfo {
    const dataId = {};
    this.entries.set(dataId, { value, references: 1 });
    return { dataId, shape: [...value.shape], dtype: value.type as DataType };
  }

  override write(values: BackendValues, shape: number[], dtype: DataType): object {
    return this.tensorInfo(this.constantOf(values, shape, dtype)).dataId;
  }

  override move(
    dataId: object,
    values: BackendValues,
    shape: number[],
    dtype: DataType,
    references: number,
  ): void {
    this.entries.set(dataId, { value: this.constantOf(values, shape, dtype), references });
  }

  private constantOf(values: BackendValues | null, shape: number[], dtype: DataType): Value {
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
      throw new Error(
        `a captured step uses a tensor of type ${dtype}; float32, int32 and bool can be captured`,
      );
    }
    const storage = { float32: Float32Array, int32: Int32Array, bool: Uint8Array }[dtype];
    const source = (values ?? new storage(sizeOf(shape))) as ArrayLike<number>;
    return this.graph.constant(storage.from(source) as ConstantData, dtype as ValueType, shape);
  }

  override readSync(dataId: object): BackendValues {
    const { value } = this.entries.get(dataId);
    if (value.data !== undefined && value.type !== 'int64')
      return value.data as Float32Array | Int32Array | Uint8Array;
    throw new TracedReadError(value);
  }

  override async read(dataId: object): Promise<BackendValues> {
    try {
      return this.readSync(dataId);
    } catch (error) {
      // A step does not wait for anything: the capture throws in its stead, and the promise stays open.
      this.refused ??= error as TracedReadError;
      return new Promise(() => {});
    }
  }

  override refCount(dataId: object): number {
    return this.entries.has(dataId) ? this.entries.get(dataId).references : 0;
  }

  override incRef(dataId: object): void {
    this.entries.get(dataId).references++;
  }

  override disposeData(dataId: object, force = false): boolean {
    if (!this.entries.has(dataId)) return true;
    const entry = this.entries.get(dataId);
    entry.references--;
    if (!force && entry.references > 0) return false;
    this.entries.delete(dataId);
    return true;
  }

  override numDataIds(): number {
    return this.entries.numDataIds();
  }

  override memory() {
    return { unreliable: true, reasons: ['captured tensors hold no memory'] };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {}
}
