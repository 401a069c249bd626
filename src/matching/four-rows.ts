/** `four-rows.wat` as WebAssembly, in base64: where they differ, the test of this file says what it has to be. */
export const assembled =
  'AGFzbQEAAAABCAFgBH9/f38AAg8BA2VudgZtZW1vcnkCAAEDAwIAAAcSAghtdWx0aXBseQAAA2FkZAABCvMCAssBAgR/BXsgACAB' +
  'aiEEIAQgAWohBSAFIAFqIQYDQCACIAdq/QAEACEIIAkgACAHav0ABAAgCP3yAf3wASEJIAogBCAHav0ABAAgCP3yAf3wASEKIAsg' +
  'BSAHav0ABAAgCP3yAf3wASELIAwgBiAHav0ABAAgCP3yAf3wASEMIAdBEGohByAHIAFJDQALIAMgCf0hACAJ/SEBoDkDACADIAr9' +
  'IQAgCv0hAaA5AwggAyAL/SEAIAv9IQGgOQMQIAMgDP0hACAM/SEBoDkDGAujAQIFfwR7IAAgAWohBCAEIAFqIQUgBSABaiEGIAP9' +
  'CgMAIQkgA/0KAwghCiAD/QoDECELIAP9CgMYIQwDQCACIAdqIQggCCAI/QAEACAAIAdq/QAEACAJ/fIBIAQgB2r9AAQAIAr98gH9' +
  '8AEgBSAHav0ABAAgC/3yASAGIAdq/QAEACAM/fIB/fAB/fAB/fAB/QsEACAHQRBqIQcgByABSQ0ACws=';

/** What is needed of it; Node's types leave it out. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => Memory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly env: { readonly memory: Memory } },
  ) => { readonly exports: unknown };
};

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

interface Kernels {
  multiply(rowAddress: number, rowBytes: number, vectorAddress: number, sumsAddress: number): void;
  add(rowAddress: number, rowBytes: number, vectorAddress: number, factorsAddress: number): void;
}

let loaded: { readonly memory: Memory; readonly kernels: Kernels } | undefined;

/** The kernels and the memory that they work in, which all callers of a thread share. */
function load(): NonNullable<typeof loaded> {
  if (loaded === undefined) {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const bytes = Uint8Array.from(atob(assembled), (character) => character.charCodeAt(0));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
    loaded = { memory, kernels: exports as Kernels };
  }
  return loaded;
}

/** A matrix of doubles and two vectors as long as its rows, for products of four rows at a time. */
export interface FourRowMatrix {
  /** Row-major, in rows of `stride` numbers; zeros to begin with, and so they stay behind the last column and the last row. */
  readonly matrix: Float64Array;
  readonly stride: number;
  readonly vectors: readonly [Float64Array, Float64Array];
  /** The results or factors of the four rows in hand. */
  readonly four: Float64Array;
  /** Writes to `four` the products of one of the vectors with the row `first`, a multiple of 4, and the three behind it. */
  multiply(first: number, vector: Float64Array): void;
  /** Adds those rows, each times its number in `four`, to one of the vectors. */
  add(first: number, vector: Float64Array): void;
}

/**
 * A matrix of zeros, in memory that is kept and used again: what the same thread was given before is lost. Throws RangeError
 * above 4 GiB.
 */
export function fourRowMatrix(rows: number, columns: number): FourRowMatrix {
  const { memory, kernels } = load();
  const stride = 2 * Math.ceil(columns / 2);
  const size = 4 * Math.ceil(rows / 4) * stride;
  const count = size + 2 * stride + 4;
  const missing = Math.ceil((8 * count - memory.buffer.byteLength) / 2 ** 16);
  if (missing > 0) memory.grow(missing);
  const numbers = new Float64Array(memory.buffer, 0, count).fill(0);
  const vectorAt = (at: number) => numbers.subarray(at, at + columns);
  const four = numbers.subarray(count - 4);
  return {
    matrix: numbers.subarray(0, size),
    stride,
    vectors: [vectorAt(size), vectorAt(size + stride)],
    four,
    multiply: (first, vector) =>
      kernels.multiply(8 * first * stride, 8 * stride, vector.byteOffset, four.byteOffset),
    add: (first, vector) => kernels.add(8 * first * stride, 8 * stride, vector.byteOffset, four.byteOffset),
  };
}
