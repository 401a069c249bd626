import type { LabelledFeatures } from '../../../src/evaluation/probes/features.ts';

/** Features of whole numbers from a linear congruential generator; golden/make-linear.py draws the same. */
export function drawnFeatures(
  seed: number,
  { count, width, classes }: { readonly count: number; readonly width: number; readonly classes: number },
): LabelledFeatures {
  let state = seed;
  const draw = () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state >>> 16;
  };
  const rows = new Float32Array(count * width);
  const labels = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    labels[i] = draw() % classes;
    for (let k = 0; k < width; k++) {
      rows[i * width + k] = (draw() % 1000) + (k % classes === labels[i] ? 300 : 0) + 50 * (k % 3);
    }
  }
  return { rows, count, width, labels, classes };
}

/** Labelled features written out. */
export function written(
  rows: ReadonlyArray<readonly number[]>,
  labels: readonly number[],
  classes: number,
): LabelledFeatures {
  return {
    rows: Float32Array.from(rows.flat()),
    count: rows.length,
    width: rows[0].length,
    labels: Int32Array.from(labels),
    classes,
  };
}

/** The first rows, `at` of them, and the others. */
export function split(
  { rows, count, width, labels, classes }: LabelledFeatures,
  at: number,
): readonly [LabelledFeatures, LabelledFeatures] {
  return [
    { rows: rows.slice(0, at * width), count: at, width, labels: labels.slice(0, at), classes },
    { rows: rows.slice(at * width), count: count - at, width, labels: labels.slice(at), classes },
  ];
}
