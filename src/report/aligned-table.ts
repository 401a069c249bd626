/** Rows of text as columns of equal width, numbers to the right, under a head. */
export function alignedTable(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length)),
  );
  const numeric = head.map(
    (_, column) =>
      rows.length > 0 && rows.every((row) => /^$|^-$|^[-+]?[\d.,]+(e[-+]\d+)?%?$/.test(row[column])),
  );
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, i) => (numeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  ')}`.trimEnd();
  return [head, ...rows].map(line).join('\n');
}
