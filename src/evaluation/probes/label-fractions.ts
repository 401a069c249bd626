import { Random } from '../../engine/random.ts';
import { shuffledByClass } from './folds.ts';

/** A share of the labelled rows. */
export interface LabelFraction {
  readonly fraction: number;
  /** Row numbers, rising. */
  readonly indices: Int32Array;
}

/**
 * Seeded choices of a share of the rows of every class, at least one of each that occurs: 1, 10 and 100 % by default.
 * They are nested: with one seed a smaller share lies inside of a larger one, in this call or another. Throws RangeError for a
 * share that is not above 0 and at most 1, or a label that is not below `classes`.
 */
export function labelFractions(
  labels: Int32Array,
  options: { readonly classes: number; readonly seed: number; readonly fractions?: readonly number[] },
): LabelFraction[] {
  const { classes, seed, fractions = [0.01, 0.1, 1] } = options;
  const wrong = labels.find((label) => label < 0 || label >= classes);
  if (wrong !== undefined) throw new RangeError(`label ${wrong} is not one of ${classes} classes`);
  const rowsOfClasses = shuffledByClass(labels, classes, Random.fromSeed(seed).fork('label fractions'));
  return fractions.map((fraction) => {
    if (!(fraction > 0 && fraction <= 1)) {
      throw new RangeError(`a share of the labels is above 0 and at most 1, found ${fraction}`);
    }
    const chosen = rowsOfClasses.flatMap((rows) => [
      // The first of an order that does not depend on the share.
      ...rows.subarray(0, rows.length === 0 ? 0 : Math.max(1, Math.round(fraction * rows.length))),
    ]);
    return { fraction, indices: Int32Array.from(chosen).sort() };
  });
}
