import type { Random } from '../../engine/random.ts';

/** The numbers of the rows of each class, in random order; a class's order depends on the seed and its own rows alone. */
export function shuffledByClass(labels: Int32Array, classes: number, random: Random): Int32Array[] {
  const members = Array.from({ length: classes }, (): number[] => []);
  for (let i = 0; i < labels.length; i++) members[labels[i]].push(i);
  return members.map((rows, label) =>
    random
      .fork('class', label)
      .permutation(rows.length)
      .map((at) => rows[at]),
  );
}

/** For each row the part, 0 to parts - 1, that it falls in: the rows of every class, and all rows, spread evenly over the parts. */
export function partsOf(
  labels: Int32Array,
  { classes, parts, random }: { readonly classes: number; readonly parts: number; readonly random: Random },
): Int32Array {
  const result = new Int32Array(labels.length);
  let next = 0;
  for (const rows of shuffledByClass(labels, classes, random)) {
    for (const row of rows) result[row] = next++ % parts;
  }
  return result;
}
