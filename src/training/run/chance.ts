/** How many values of a loss, the last tenth of them, say where it ends. */
export function endLength(values: readonly number[]): number {
  return Math.ceil(values.length / 10);
}

/** The mean of the last tenth of a loss's values, which it is said to end at. */
export function endOf(values: readonly number[]): number {
  const last = values.slice(-endLength(values));
  return last.reduce((sum, value) => sum + value, 0) / last.length;
}

/** How far below the value it has when nothing is learned a loss has to end, 2 % of that value; where it is 0, of what the loss began at. */
export function marginOf(values: readonly number[], chance: number): number {
  return 0.02 * (Math.abs(chance) || Math.abs(values[0]) || 1);
}

/** Whether a loss ends, over the last tenth of its values, within the margin of the value it has when nothing is learned, or is worse. */
export function endsAtChance(values: readonly number[], chance: number): boolean {
  return values.length > 0 && endOf(values) >= chance - marginOf(values, chance);
}

/** What the end of a loss is a mean of: `the mean of the last 8 steps`. */
export function endInWords(values: readonly number[]): string {
  const length = endLength(values);
  return length === 1 ? 'the last step' : `the mean of the last ${length} steps`;
}
