import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { decompressLz4, decompressLz4Raw, decompressSnappy, decompressZstd } from 'hyparquet-compressors';

/** Makes `length` bytes of the compressed ones. Throws for bytes that are damaged. */
export type Decompress = (compressed: Uint8Array, length: number) => Uint8Array;

/** By the names of Parquet's codecs. BROTLI and GZIP are Node's own, which are several times as fast as those in JavaScript. */
export const decompressors: { readonly [codec: string]: Decompress | undefined } = {
  UNCOMPRESSED: (bytes) => bytes,
  // With room for one more byte than there are, the whole is one piece, and nothing is joined.
  BROTLI: (bytes, length) =>
    brotliDecompressSync(bytes, { chunkSize: roomFor(length), maxOutputLength: roomFor(length) }),
  GZIP: (bytes, length) =>
    gunzipSync(bytes, { chunkSize: roomFor(length), maxOutputLength: roomFor(length) }),
  SNAPPY: decompressSnappy,
  ZSTD: (bytes) => decompressZstd(bytes),
  LZ4: decompressLz4,
  LZ4_RAW: decompressLz4Raw,
};

function roomFor(length: number): number {
  return Math.max(64, length + 1);
}
