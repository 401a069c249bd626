import { InputError } from '../engine/input-error.ts';
import { type Matrix34, type Matrix44, to44 } from './matrix.ts';
import { rigidTransform } from './rigid-transform.ts';

/** The names that a key goes by in the files, and how many numbers it holds. */
export interface KeyedEntry {
  readonly names: readonly string[];
  readonly length: number;
}

/** The numbers of a file of `key: numbers` lines, by key. Nothing of a key is judged before it is asked for. */
export interface KeyedNumbers<Key extends string> {
  has(key: Key): boolean;
  /**
   * The numbers of a key. A matrix that is padded to 3x4 or 4x4 (a last column of zeros, a last row of 0 0 0 1) is read
   * without the padding. Throws InputError with line and key where the key is missing, stands there twice, or has another
   * number of values or one that is no number.
   */
  numbers(key: Key): readonly number[];
  /** A key's projection to homogeneous pixels; throws InputError for zeros alone, too. */
  projection(key: Key): Matrix34;
  /** The rotation (3x3, or 3x4 with its shift) of a key, and the shift of another one; throws InputError for what is no rotation, too. */
  rigid(key: Key, shift?: Key): Matrix44;
}

/** What stands on the line of a key. */
interface KeyedLine {
  readonly line: number;
  readonly name: string;
  readonly words: readonly string[];
}

/**
 * Reads lines of a key and numbers, by the keys of `entries`; other keys are left aside. A key ends at a colon, with or without
 * blanks around it, or at a blank. Throws InputError for a line that begins with no key.
 */
export function readKeyedNumbers<Key extends string>(
  text: string,
  file: string,
  entries: { readonly [K in Key]: KeyedEntry },
): KeyedNumbers<Key> {
  const keyOfName = new Map<string, Key>();
  for (const key of Object.keys(entries) as Key[]) {
    for (const name of entries[key].names) keyOfName.set(name, key);
  }
  const found = new Map<Key, KeyedLine[]>();
  text.split(/\r\n|\r|\n/).forEach((content, index) => {
    const line = index + 1;
    const words = content.split(/[ \t]+/).filter((word) => word !== '');
    if (words.length === 0) return;
    const [, name, rest] = /^[ \t]*([A-Za-z][^\s:]*)(?:[ \t]*:|(?=[ \t])|$)(.*)$/.exec(content) ?? [];
    if (name === undefined) {
      throw new InputError({ file, place: `line ${line}`, expected: 'a key', found: quote(words[0]) });
    }
    const key = keyOfName.get(name);
    if (key === undefined) return;
    const values = rest.split(/[ \t]+/).filter((word) => word !== '');
    found.set(key, [...(found.get(key) ?? []), { line, name, words: values }]);
  });
  const lineOf = (key: Key): KeyedLine => {
    const [first, second] = found.get(key) ?? [];
    if (first === undefined) {
      const expected = `${entries[key].length} values`;
      throw new InputError({ file, place: key, expected, found: 'no such key' });
    }
    if (second === undefined) return first;
    throw new InputError({
      file,
      place: `line ${second.line}, ${second.name}`,
      expected: 'the key once',
      found: `it on line ${first.line} too`,
    });
  };
  const numbers = (key: Key) => {
    const { line, name, words } = lineOf(key);
    return readMatrix(words, entries[key].length, { file, place: `line ${line}, ${name}` });
  };
  return {
    has: (key) => found.has(key),
    numbers,
    projection: (key) => {
      const values = numbers(key);
      if (values.some((value) => value !== 0)) return Float64Array.from(values);
      const place = `line ${lineOf(key).line}, ${key}`;
      throw new InputError({ file, place, expected: 'a projection', found: 'zeros alone' });
    },
    rigid: (key, shift) => {
      const values = numbers(key);
      const [x, y, z] = shift === undefined ? [0, 0, 0] : numbers(shift);
      const matrix =
        values.length === 9 ? rigidTransform(values, [x, y, z]) : to44(Float64Array.from(values));
      checkRotation(matrix, `line ${lineOf(key).line}, ${key}`, file);
      return matrix;
    },
  };
}

/** So many numbers, row by row, or the same padded to 3x4 or 4x4. */
function readMatrix(
  words: readonly string[],
  length: number,
  at: { readonly file: string; readonly place: string },
): number[] {
  const padded = (words.length === 16 && length >= 9) || (words.length === 12 && length === 9);
  if (!padded) return readNumbers(words, length, at);
  const values = readNumbers(words, words.length, at);
  const cut = (part: readonly number[], wanted: string, what: string) => {
    if (part.join(' ') === wanted) return;
    const expected = `${length} values, or ${words.length} with a last ${what} of ${wanted}`;
    throw new InputError({ ...at, expected, found: `one of ${part.join(' ')}` });
  };
  if (values.length === 16) cut(values.splice(12), '0 0 0 1', 'row');
  if (length === 12) return values;
  cut([values[3], values[7], values[11]], '0 0 0', 'column');
  return values.filter((_, i) => i % 4 !== 3);
}

/** The words as so many finite numbers; throws InputError with the word's place in the line. */
export function readNumbers(
  words: readonly string[],
  length: number,
  { file, place }: { readonly file: string; readonly place: string },
): number[] {
  if (words.length !== length) {
    throw new InputError({ file, place, expected: `${length} values`, found: `${words.length}` });
  }
  return words.map((word, index) => {
    const value = /^[-+]?(\d|\.\d)/.test(word) ? Number(word) : Number.NaN;
    if (!Number.isFinite(value)) {
      throw new InputError({
        file,
        place: `${place}, value ${index + 1}`,
        expected: 'a number',
        found: quote(word),
      });
    }
    return value;
  });
}

/** Throws InputError for a matrix whose upper left 3x3 is no rotation: published ones are orthonormal to 1e-6, and what is off by 1e-2 is another matrix, or a damaged one. */
export function checkRotation(m: Matrix44, place: string, file: string): void {
  const dot = (r: number, s: number) => m[r] * m[s] + m[r + 1] * m[s + 1] + m[r + 2] * m[s + 2];
  const errors = [dot(0, 0) - 1, dot(4, 4) - 1, dot(8, 8) - 1, dot(0, 4), dot(0, 8), dot(4, 8)];
  const determinant =
    m[0] * (m[5] * m[10] - m[6] * m[9]) -
    m[1] * (m[4] * m[10] - m[6] * m[8]) +
    m[2] * (m[4] * m[9] - m[5] * m[8]);
  const worst = Math.max(...errors.map(Math.abs));
  if (worst > 1e-2 || determinant < 0) {
    throw new InputError({
      file,
      place,
      expected: 'a rotation (orthonormal rows, right-handed)',
      found: `rows off by ${worst.toPrecision(3)}, determinant ${determinant.toPrecision(3)}`,
    });
  }
}

function quote(word: string): string {
  return JSON.stringify(word.length > 40 ? `${word.slice(0, 40)}…` : word);
}
