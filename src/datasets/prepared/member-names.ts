/** So long are the made names of moments, cameras and sequences at most, so that together they fit in the head of a tar. */
const LONGEST = { moment: 48, camera: 24, sequence: 120 } as const;

/**
 * Names of files for what is called so, in the same order: letters, digits, `_` and `-` stay, all else is `_`, and where two
 * would be the same but for capitals, or one is cut because it is too long, `_` and its place from 0 is added. No name has a point, so that
 * what is before the first point of a member tells its moment.
 */
export function fileNamesOf(names: readonly string[], kind: keyof typeof LONGEST): readonly string[] {
  const taken = new Set<string>();
  return names.map((name, place) => {
    const plain = name.replace(/[^A-Za-z0-9_-]/g, '_');
    const isWhole = plain !== '' && plain.length <= LONGEST[kind] && !taken.has(plain.toLowerCase());
    let made = isWhole ? plain : `${plain.slice(0, LONGEST[kind] - 10)}_${place}`;
    while (taken.has(made.toLowerCase())) made += '_';
    taken.add(made.toLowerCase());
    return made;
  });
}

/** The name of a shard's file: its sequence, and its place in it. */
export function shardName(sequence: string, place: number): string {
  return `${sequence}-${String(place).padStart(5, '0')}.tar`;
}
