import { InputError } from '../../engine/input-error.ts';

/** Frozen features: row i, `width` numbers from i·width on, belongs to item i. */
export interface Features {
  /** Row-major, [count · width]. */
  readonly rows: Float32Array;
  readonly count: number;
  readonly width: number;
}

/** Features whose items have a class each, from 0 to `classes` - 1. A selection may lack some of the classes. */
export interface LabelledFeatures extends Features {
  /** [count]. */
  readonly labels: Int32Array;
  readonly classes: number;
}

/**
 * Throws unless there is at least one row and all numbers are finite: RangeError for a wrong size, InputError that names the
 * row and column of a NaN or an infinity. `name` is what errors call the features.
 */
export function checkFeatures({ rows, count, width }: Features, name = 'features'): void {
  if (!Number.isInteger(count) || !Number.isInteger(width) || count < 1 || width < 1) {
    throw new RangeError(`${name}: ${count} rows of ${width} numbers; at least one of each is needed`);
  }
  if (rows.length !== count * width) {
    throw new RangeError(`${name}: ${rows.length} numbers are not ${count} rows of ${width}`);
  }
  const wrong = rows.findIndex((value) => !Number.isFinite(value));
  if (wrong === -1) return;
  throw new InputError({
    file: name,
    place: `row ${Math.floor(wrong / width)}, column ${wrong % width}`,
    expected: 'a finite number',
    found: String(rows[wrong]),
  });
}

/** As `checkFeatures`, and throws RangeError unless every row has a class below `classes`. */
export function checkLabelled(features: LabelledFeatures, name = 'features'): void {
  checkFeatures(features, name);
  const { labels, count, classes } = features;
  if (labels.length !== count) throw new RangeError(`${name}: ${labels.length} labels for ${count} rows`);
  const wrong = labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong === -1) return;
  throw new RangeError(`${name}: label ${labels[wrong]} of row ${wrong} is not one of ${classes} classes`);
}

/** Throws RangeError unless the rows of both are equally wide. */
export function checkSameWidth(train: Features, test: Features): void {
  if (train.width === test.width) return;
  throw new RangeError(`training rows have ${train.width} numbers, test rows ${test.width}`);
}

/** The given rows, in the given order, as features of their own. */
export function selectRows(features: LabelledFeatures, indices: ArrayLike<number>): LabelledFeatures {
  const { rows, width, labels, classes } = features;
  const count = indices.length;
  const selected = new Float32Array(count * width);
  const selectedLabels = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    selected.set(rows.subarray(indices[i] * width, (indices[i] + 1) * width), i * width);
    selectedLabels[i] = labels[indices[i]];
  }
  return { rows: selected, count, width, labels: selectedLabels, classes };
}

/** The rows at length one; a row of zeros stays one, and so has the cosine 0 with every other. */
export function normalizedRows({ rows, count, width }: Features): Features {
  const result = new Float32Array(rows.length);
  for (let i = 0; i < count; i++) {
    let square = 0;
    for (let k = i * width; k < (i + 1) * width; k++) square += rows[k] * rows[k];
    const scale = square === 0 ? 0 : 1 / Math.sqrt(square);
    for (let k = i * width; k < (i + 1) * width; k++) result[k] = rows[k] * scale;
  }
  return { rows: result, count, width };
}
