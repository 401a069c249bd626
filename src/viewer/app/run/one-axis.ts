/** The values of a curve; undefined where it has no place there but another curve of the chart has. */
export type CurveValues = ReadonlyArray<number | undefined>;

/** The places of several curves on one axis, in order and each once; those of a single one as they are. */
export function oneAxis(axes: ReadonlyArray<readonly number[]>): readonly number[] {
  if (axes.length === 1) return axes[0];
  return [...new Set(axes.flat())].sort((a, b) => a - b);
}

/** The values of a curve over its own places, put where these are on the common axis. */
export function onAxis(
  axis: readonly number[],
  x: readonly number[],
  values: readonly number[],
): CurveValues {
  if (axis === x) return values;
  const put: Array<number | undefined> = Array.from({ length: axis.length }, () => undefined);
  let at = 0;
  for (let i = 0; i < x.length; i++) {
    while (at < axis.length && axis[at] < x[i]) at++;
    if (axis[at] === x[i]) put[at] = values[i];
  }
  return put;
}

/** The value at an index, or the one before it where there is none; NaN at the beginning. */
export function valueAt(values: CurveValues, index: number): number {
  for (let i = index; i >= 0; i--) {
    const value = values[i];
    if (value !== undefined) return value;
  }
  return Number.NaN;
}
