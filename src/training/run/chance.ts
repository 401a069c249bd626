/** How many values of a loss, the last tenth of them, say where it ends. */
export function endLength(values: readonly number[]): number {
  return Math.ceil(values.length / 10);
}

/** The mean of the last tenth of a loss's values, which it is said to end at. */
export function endOf(values: readonly number[]): number {
  const last = values.slice(-endLength(values));
  return last.reduce((sum, value) => sum + value, 0) / last.length;
}

/** What the end of a loss is a mean of: `the mean of the last 8 steps`. */
export function endInWords(values: readonly number[]): string {
  const length = endLength(values);
  return length === 1 ? 'the last step' : `the mean of the last ${length} steps`;
}

/** Whether a loss ends, over the last tenth of its values, within 2 % of the value it has when nothing is learned, or is worse. */
export function endsAtChance(values: readonly number[], chance: number): boolean {
  if (values.length === 0) return false;
  // Where the value is 0, what the loss began at is the measure.
  const scale = Math.abs(chance) || Math.abs(values[0]) || 1;
  return endOf(values) >= chance - 0.02 * scale;
}
