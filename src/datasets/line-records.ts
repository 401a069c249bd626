import { InputError } from '../engine/input-error.ts';
import { readIfSound } from './read-if-sound.ts';

/** What a file that has a line for each frame says. */
export interface LineRecords<Value> {
  /** What the file is called in notes. */
  readonly name: string;
  /** Whether the file is not there. */
  readonly absent: boolean;
  /** Why nothing could be read; undefined where something was. */
  readonly fault: string | undefined;
  /** Lines up to the last that is not empty. */
  readonly count: number;
  /** By frame, what line k (from 0) says. */
  readonly values: ReadonlyMap<number, Value>;
  /** By frame, what is wrong with a line. */
  readonly faults: ReadonlyMap<number, string>;
}

/** Reads a file whose line k (from 0) is of frame k: an empty line says nothing of its frame, and a damaged one is told. No line moves another. */
export async function readLineRecords<Value>(
  file: string,
  name: string,
  parse: (line: string, at: { readonly file: string; readonly place: string }) => Value,
): Promise<LineRecords<Value>> {
  const read = await readIfSound(file, name, (text) => text.split(/\r\n|\r|\n/));
  const lines = read.value ?? [];
  const values = new Map<number, Value>();
  const faults = new Map<number, string>();
  for (const [frame, line] of lines.entries()) {
    const place = `line ${frame + 1}`;
    if (line.trim() === '') continue;
    try {
      values.set(frame, parse(line, { file, place }));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      faults.set(frame, error.message);
    }
  }
  const count = lines.findLastIndex((line) => line.trim() !== '') + 1;
  const empty = read.value !== undefined && count === 0 ? `${name} has no lines` : undefined;
  return { name, absent: read.absent === true, fault: read.fault ?? empty, count, values, faults };
}
