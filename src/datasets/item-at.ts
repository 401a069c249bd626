/** The item at an index. Throws RangeError for an index that is none. */
export function itemAt<T>(items: readonly T[], index: number): T {
  if (Number.isInteger(index) && index >= 0 && index < items.length) return items[index];
  throw new RangeError(`frame ${index} of ${items.length}`);
}
