import * as tf from '@tensorflow/tfjs-core';

/**
 * What a function gives for each of several lists of operands, all of a list of one shape. With `joinVectors` it is computed
 * once for all vectors, side by side: a step has hundreds of them, and an operation on one costs more to call than to compute.
 * That is the same where the function is elementwise on vectors.
 */
export function mapOperands<Operands extends readonly tf.Tensor[]>(
  lists: readonly Operands[],
  compute: (...operands: Operands) => readonly tf.Tensor[],
  { joinVectors }: { readonly joinVectors: boolean },
): ReadonlyArray<readonly tf.Tensor[]> {
  const vectors = joinVectors ? lists.filter(([{ rank }]) => rank === 1) : [];
  if (vectors.length < 2) return lists.map((operands) => compute(...operands));
  const joined = vectors[0].map((_, i) => tf.concat(vectors.map((operands) => operands[i])));
  const sizes = vectors.map(([{ size }]) => size);
  const parts = compute(...(joined as unknown as Operands)).map((whole) => tf.split(whole, sizes));
  const at = new Map(vectors.map((operands, i) => [operands, i]));
  return lists.map((operands) => {
    const i = at.get(operands);
    return i === undefined ? compute(...operands) : parts.map((part) => part[i]);
  });
}
