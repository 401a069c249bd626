import { dot, unit } from './tiny-image-run.ts';

/** Rows of numbers. */
export type Rows = ReadonlyArray<readonly number[]>;

/** How rows are assigned to prototypes. */
export interface Rounds {
  readonly epsilon: number;
  readonly iterations: number;
}

/** The prototypes of the golden values. */
export const goldenPrototypes: Rows = [
  [-3, 4, 2, 0],
  [1, -1, -3, 4],
  [-4, 3, 1, -1],
  [0, -2, -4, 3],
  [4, 2, 0, -2],
  [-1, -3, 4, 2],
];

/** The scores of rows and prototypes, both normalised first. */
export function scoresOf(rows: Rows, centres: Rows): number[][] {
  return rows.map((row) => centres.map((centre) => dot(unit(row), unit(centre))));
}

/** The softmax of a row. */
export function softmax(row: readonly number[]): number[] {
  const highest = Math.max(...row);
  const exps = row.map((value) => Math.exp(value - highest));
  const sum = exps.reduce((total, value) => total + value, 0);
  return exps.map((value) => value / sum);
}

/** The papers' Sinkhorn in loops and float64: exp(scores/ε), prototypes to 1/K, samples to 1/R, and samples to 1 at the end. */
export function restatedCodes(scores: Rows, { epsilon, iterations }: Rounds): number[][] {
  const [rows, columns] = [scores.length, scores[0].length];
  let codes = scores.map((row) => row.map((score) => Math.exp(score / epsilon)));
  for (let i = 0; i < iterations; i++) {
    const masses = codes[0].map((_, k) => codes.reduce((sum, row) => sum + row[k], 0));
    codes = codes.map((row) => row.map((value, k) => value / (masses[k] * columns)));
    codes = codes.map((row) => row.map((value) => value / (row.reduce((a, b) => a + b, 0) * rows)));
  }
  return codes.map((row) => row.map((value) => value / row.reduce((a, b) => a + b, 0)));
}

/** The papers' loss in loops: -Σ q·ln p, averaged over pictures, over the other crops, and over the crops with codes. */
export function restatedLoss(scores: readonly Rows[], codes: readonly Rows[], temperature: number): number {
  let loss = 0;
  codes.forEach((code, i) => {
    scores.forEach((crop, v) => {
      if (v === i) return;
      crop.forEach((row, n) => {
        const p = softmax(row.map((score) => score / temperature));
        const entropy = -p.reduce((sum, value, k) => sum + code[n][k] * Math.log(value), 0);
        loss += entropy / (crop.length * (scores.length - 1) * codes.length);
      });
    });
  });
  return loss;
}
