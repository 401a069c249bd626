import { z } from 'zod';
import { InputError } from '../engine/input-error.ts';

/** A value held against a schema. Throws an InputError that names the key, and the nearest known one to an unknown key. */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  { file }: { readonly file: string },
): z.infer<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { issues } = result.error;
  // A misspelt key also lacks under its right name; what is written there says more than what is not.
  const unknown = issues.find((issue) => issue.code === 'unrecognized_keys');
  if (unknown !== undefined) {
    throw unknownKey(
      file,
      [...unknown.path, unknown.keys[0]].join('.'),
      Object.keys(fieldsAt(schema, value, unknown.path)),
    );
  }
  const { path, message } = issues[0];
  const expected = /\bexpected (.+?)(?:, received .*)?$/i.exec(message)?.[1] ?? message;
  const place = path.length === 0 ? undefined : path.join('.');
  throw new InputError({ file, place, expected, found: JSON.stringify(at(value, path)) ?? 'nothing' });
}

/** What a run notes beside its configuration, in one object: what it learned from, and what it began with. */
const BESIDE = ['data', 'from', 'begins'] as const;

/** What a run's `config.json` holds: its configuration, and what is noted beside that. */
export function notedParts(noted: { readonly [key: string]: unknown }): {
  readonly config: { readonly [key: string]: unknown };
  readonly beside: { readonly [key in (typeof BESIDE)[number]]?: unknown };
} {
  const isBeside = ([key]: readonly [string, unknown]) => (BESIDE as readonly string[]).includes(key);
  const entries = Object.entries(noted);
  return {
    config: Object.fromEntries(entries.filter((entry) => !isBeside(entry))),
    beside: Object.fromEntries(entries.filter(isBeside)),
  };
}

/**
 * A configuration that a run has noted, with options that have come since as they are by default; what is noted beside it stays. One that does not fit the
 * schema is given back as it is.
 */
export function withDefaults<Noted extends { readonly [key: string]: unknown }>(
  schema: z.ZodType,
  noted: Noted,
): Noted {
  const { config, beside } = notedParts(noted);
  const { data: whole, success } = schema.safeParse(config);
  return success ? ({ ...(whole as object), ...beside } as unknown as Noted) : noted;
}

/**
 * A configuration with settings of the form `key.path=value` applied; values are JSON, or else text.
 * Optional keys may be set too. A branch that is not there yet begins as `absent` gives it for its path, else empty.
 * Throws an InputError with the nearest known key for one that the schema does not know.
 */
export function applySettingsTo<Schema extends z.ZodType>(
  schema: Schema,
  config: z.infer<Schema>,
  settings: readonly string[],
  { absent }: { readonly absent?: (path: readonly string[]) => unknown } = {},
): z.infer<Schema> {
  const changed = copyOf(config);
  for (const setting of settings) {
    const equals = setting.indexOf('=');
    if (equals < 1)
      throw new InputError({ file: '--set', expected: 'key.path=value', found: `'${setting}'` });
    const keys = setting.slice(0, equals).split('.');
    let branch = changed as { [key: string]: unknown };
    keys.forEach((key, depth) => {
      const known = fieldsAt(schema, changed, keys.slice(0, depth));
      if (!Object.hasOwn(known, key))
        throw unknownKey('--set', keys.slice(0, depth + 1).join('.'), Object.keys(known));
      if (depth === keys.length - 1) branch[key] = parseValue(setting.slice(equals + 1));
      else {
        if (typeof branch[key] !== 'object' || branch[key] === null)
          branch[key] = copyOf(absent?.(keys.slice(0, depth + 1)) ?? {});
        branch = branch[key] as { [key: string]: unknown };
      }
    });
  }
  return parseConfig(schema, changed, { file: '--set' });
}

type Fields = { readonly [key: string]: z.core.$ZodType };

/** The keys that a schema knows at a path of a value, with the schema of each. */
function fieldsAt(schema: z.core.$ZodType, value: unknown, path: readonly PropertyKey[]): Fields {
  let fields = fieldsOf(schema, value);
  path.forEach((key, depth) => {
    const inner = Object.hasOwn(fields, key) ? fields[String(key)] : undefined;
    fields = inner === undefined ? {} : fieldsOf(inner, at(value, path.slice(0, depth + 1)));
  });
  return fields;
}

function fieldsOf(schema: z.core.$ZodType, value: unknown): Fields {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return fieldsOf(schema.unwrap(), value);
  if (schema instanceof z.ZodObject) return schema.shape;
  if (schema instanceof z.ZodArray) {
    const items: readonly unknown[] = Array.isArray(value) ? value : [];
    return Object.fromEntries(items.map((_, i) => [i, schema.element]));
  }
  if (schema instanceof z.ZodTuple) return Object.fromEntries(schema.def.items.entries());
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const key = schema.def.discriminator;
    const options = schema.options as readonly z.ZodObject[];
    return options.find(({ shape }) => z.safeParse(shape[key], at(value, [key])).success)?.shape ?? {};
  }
  return {};
}

/** The error for a key that does not exist, beside those that do. */
export function unknownKey(file: string, key: string, known: readonly string[]): InputError {
  const name = key.slice(key.lastIndexOf('.') + 1);
  const expected = known.length === 0 ? 'no key here' : oneOf(name, known);
  return new InputError({ file, place: key, expected, found: `the unknown key '${name}'` });
}

/** The error for a name that does not exist, beside those that do. */
export function unknownName(file: string, name: string, known: readonly string[]): InputError {
  return new InputError({ file, expected: oneOf(name, known), found: `the unknown name '${name}'` });
}

function oneOf(name: string, known: readonly string[]): string {
  // A name that was cut short is nearer than one that other letters would make of it.
  const distance = (other: string) => (other.startsWith(name) ? 0 : editDistance(name, other));
  const nearest = [...known].sort((a, b) => distance(a) - distance(b))[0];
  return `one of ${known.join(', ')} (nearest: ${nearest})`;
}

function at(value: unknown, path: ReadonlyArray<PropertyKey>): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner as { [key: PropertyKey]: unknown } | undefined)?.[key],
    value,
  );
}

/** How many letters must be added, left out or changed to turn one word into the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A copy that shares no part with the value, nor one part with another. */
function copyOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
