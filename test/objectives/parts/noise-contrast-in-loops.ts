import { dot } from '../tiny-image-run.ts';

type Rows = ReadonlyArray<readonly number[]>;

/** Noise-contrastive estimation in loops and float64, on rows as they are; `z` is estimated where it is not given. */
export function noiseContrastInLoops(
  x: Rows,
  bank: Rows,
  rows: Rows,
  options: { readonly temperature: number; readonly eps: number; readonly z?: number },
): { readonly loss: number; readonly z: number } {
  const [candidates, negatives] = [bank.length, rows[0].length - 1];
  const exps = x.map((row, i) => rows[i].map((j) => Math.exp(dot(row, bank[j]) / options.temperature)));
  const all = exps.flat();
  const z = options.z ?? (all.reduce((sum, value) => sum + value, 0) / all.length) * candidates;
  const noise = negatives / candidates;
  const losses = exps.map(([right, ...others]) => {
    const found = Math.log(right / z / (right / z + noise + options.eps));
    return -others.reduce((sum, other) => sum + Math.log(noise / (other / z + noise + options.eps)), found);
  });
  return { loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length, z };
}

/** The softmax over a whole bank in loops and float64. */
export function softmaxInLoops(x: Rows, bank: Rows, index: readonly number[], tau: number): number {
  const losses = x.map((row, i) => {
    const logits = bank.map((other) => dot(row, other) / tau);
    return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - logits[index[i]]), 0));
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
