import { InputError } from '../engine/input-error.ts';

const newline = 10;
const longestLine = 2 ** 27;
const utf8 = new TextDecoder();

/** A cursor over the lines of a file, for text headers and text bodies; lines end in LF or CRLF. */
export class TextLines {
  readonly bytes: Uint8Array;
  readonly file: string;
  /** The number of the line last returned, from 1. */
  line = 0;
  /** The byte where the next line starts. */
  offset = 0;

  constructor(bytes: Uint8Array, file: string) {
    this.bytes = bytes;
    this.file = file;
  }

  /**
   * The next line without its end, or undefined at the end of the file.
   * A last line that nothing ends is an InputError: whether a file cut inside its last number is whole cannot be told otherwise.
   */
  next(): string | undefined {
    if (this.offset >= this.bytes.length) return undefined;
    const end = this.bytes.indexOf(newline, this.offset);
    this.line++;
    if (end < 0) throw this.fault('a line end', 'the end of the file (was it cut?)');
    if (end - this.offset > longestLine)
      throw this.fault(`at most ${longestLine} bytes`, `${end - this.offset}`);
    const text = utf8.decode(this.bytes.subarray(this.offset, end));
    this.offset = end + 1;
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  }

  /** The words of the next line that is not blank, or undefined at the end of the file. */
  nextWords(): string[] | undefined {
    for (let text = this.next(); text !== undefined; text = this.next()) {
      const words = wordsOf(text);
      if (words.length > 0) return words;
    }
    return undefined;
  }

  /** Makes sure that only blank lines are left. */
  expectEnd(): void {
    const words = this.nextWords();
    if (words !== undefined) throw this.fault('the end of the file', quote(words.join(' ')));
  }

  /** An InputError at the line last returned. */
  fault(expected: string, found: string): InputError {
    return new InputError({ file: this.file, place: `line ${this.line}`, expected, found });
  }
}

/** The words of a line, apart by spaces and tabs. */
export function wordsOf(text: string): string[] {
  return text.split(/[ \t]+/).filter((word) => word !== '');
}

/** A text in quotes for an error message, shortened and free of control characters. */
export function quote(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return JSON.stringify(short);
}
