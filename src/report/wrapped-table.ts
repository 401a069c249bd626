import { alignedTable } from './aligned-table.ts';

/** No column is made narrower than this. */
const narrowest = 12;

/** Words in lines of at most `width` letters; a word that is longer has a line of its own, and line ends stay. */
export function wrapWords(text: string, width: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(' ')) {
      const longer = line === '' ? word : `${line} ${word}`;
      if (longer.length > width && line !== '') {
        lines.push(line);
        line = word;
      } else line = longer;
    }
    return [...lines, line];
  });
}

/** An aligned table of at most `width` letters a line, as far as words allow: the widest columns are wrapped. */
export function wrappedTable(
  head: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
  { width }: { readonly width: number },
): string {
  const cells = [head, ...rows];
  const widths = head.map((_, column) => longest(cells.flatMap((row) => row[column].split('\n'))));
  // Two letters before every column.
  const taken = () => widths.reduce((sum, each) => sum + each + 2, 0);
  while (taken() > width && Math.max(...widths) > narrowest) widths[widths.indexOf(Math.max(...widths))]--;
  const wrapped = cells.map((row) => {
    const lines = row.map((cell, column) => wrapWords(cell, widths[column]));
    const height = longest(lines);
    return Array.from({ length: height }, (_, i) => lines.map((each) => each[i] ?? ''));
  });
  const [first, ...others] = wrapped.flat();
  return alignedTable(first, others);
}

function longest(items: ReadonlyArray<{ readonly length: number }>): number {
  return Math.max(...items.map(({ length }) => length));
}
