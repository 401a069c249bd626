/** One value of a configuration. */
export interface ConfigRow {
  /** Where it is, such as `optimizers.points.learningRate`. */
  readonly path: string;
  readonly value: string;
  /** The value in a second run's configuration, where that is another. */
  readonly other?: string;
}

/** The values of a configuration by dotted path; lists of plain values, and lists of such, stay in one piece. */
export function configRows(value: unknown, path = ''): ConfigRow[] {
  if (typeof value !== 'object' || value === null || isPlainList(value))
    return [{ path, value: textOf(value) }];
  const entries = Object.entries(value);
  if (entries.length === 0) return path === '' ? [] : [{ path, value: 'none' }];
  return entries.flatMap(([key, inner]) => configRows(inner, path === '' ? key : `${path}.${key}`));
}

/** The rows of two configurations: those that differ first, with both values. */
export function comparedRows(first: readonly ConfigRow[], second: readonly ConfigRow[]): ConfigRow[] {
  const [own, other] = [first, second].map((rows) => new Map(rows.map(({ path, value }) => [path, value])));
  const rows = [...new Set([...own.keys(), ...other.keys()])].map((path) => {
    const [a, b] = [own.get(path) ?? 'not there', other.get(path) ?? 'not there'];
    return { path, value: a, other: a === b ? undefined : b };
  });
  return [
    ...rows.filter(({ other }) => other !== undefined),
    ...rows.filter(({ other }) => other === undefined),
  ];
}

/** The rows that have every word of a search in their path or value, whatever the case. */
export function matchingRows(rows: readonly ConfigRow[], search: string): ConfigRow[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(({ path, value, other = '' }) => {
    const text = `${path} ${value} ${other}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function isPlainList(value: unknown): value is unknown[] {
  return (
    Array.isArray(value) &&
    value.every((item) => typeof item !== 'object' || item === null || isPlainList(item))
  );
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return 'none';
  if (!Array.isArray(value)) return String(value);
  if (value.length === 0) return 'none';
  return value.map((item) => (Array.isArray(item) ? `(${textOf(item)})` : textOf(item))).join(', ');
}
