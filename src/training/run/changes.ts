/** A value of a configuration that is another one when something goes on; both as JSON. */
export interface Change {
  readonly key: string;
  readonly before: string;
  readonly now: string;
}

/** Where two JSON values differ, by key path. */
export function changesOf(before: unknown, now: unknown, key = ''): Change[] {
  const branches = [before, now].every((value) => typeof value === 'object' && value !== null);
  if (branches && Array.isArray(before) === Array.isArray(now)) {
    const [a, b] = [before, now] as Array<Record<string, unknown>>;
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return keys.flatMap((inner) => changesOf(a[inner], b[inner], key === '' ? inner : `${key}.${inner}`));
  }
  if (Object.is(before, now)) return [];
  const shown = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 80));
  return [{ key, before: shown(before), now: shown(now) }];
}
