import { Random } from '../../../src/engine/random.ts';

/** Lengths of sums: none, fewer than ranks, odd ones, those that go whole to all ranks and those that are cut. */
export const lengths = [0, 1, 2, 5, 1000, 5461, 5462, 20_001, 60_007] as const;

/** The values of a rank for the sum of so many: of all magnitudes, so that another order of adding has other bits. */
export function valuesOf(rank: number, length: number): Float32Array {
  const random = Random.fromSeed(`rank ${rank} of ${length}`);
  return Float32Array.from({ length }, () => random.normal() * 10 ** random.integer(6));
}

/** ((r0 + r1) + r2) + … in single precision, written out. */
export function sumInOrder(arrays: readonly Float32Array[]): Float32Array {
  return arrays[0].map((first, i) => {
    let sum = first;
    for (let r = 1; r < arrays.length; r++) sum = Math.fround(sum + arrays[r][i]);
    return sum;
  });
}

/** Bytes that rank 0 sends. */
export function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7) % 251);
}

export const broadcastLengths = [0, 1, 200_003] as const;
