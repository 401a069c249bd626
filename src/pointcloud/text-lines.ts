import { InputError } from '../engine/input-error.ts';

const newline = 10;
const carriageReturn = 13;
const longestLine = 2 ** 27;
const utf8 = new TextDecoder();

/** A cursor over the lines of a file, for text headers and text bodies; lines end in LF or CRLF, or in CR where the first one does. */
export class TextLines {
  readonly bytes: Uint8Array;
  readonly file: string;
  /** The number of the line last returned, from 1. */
  line = 0;
  /** The byte where the next line starts. */
  offset = 0;
  /** Whether the last line was read without a line end behind it. */
  endIsMissing = false;
  private readonly lineEnd: number;

  constructor(bytes: Uint8Array, file: string) {
    this.bytes = bytes;
    this.file = file;
    this.lineEnd = lineEndOf(bytes);
  }

  /** The next line of a header without its end, or undefined at the end of the file. A last line that nothing ends is an InputError: the file was cut. */
  next(): string | undefined {
    const text = this.take();
    if (this.endIsMissing) throw this.fault('a line end', 'the end of the file (was it cut?)');
    return text;
  }

  /**
   * The words of the next line of a body that is not blank, or undefined at the end of the file; a word that begins with
   * `comment` and what follows it in its line are left out. The last line may lack its end, which `endIsMissing` then says.
   */
  nextWords({ comment }: { readonly comment?: string } = {}): string[] | undefined {
    for (let text = this.take(); text !== undefined; text = this.take()) {
      const words = wordsOf(text);
      const said = comment === undefined ? -1 : words.findIndex((word) => word.startsWith(comment));
      if (said >= 0) words.length = said;
      if (words.length > 0) return words;
      // Blanks and comments tell whether nothing of a number is missing.
      this.endIsMissing = false;
    }
    return undefined;
  }

  /** Makes sure that only blank lines and comments are left. */
  expectEnd(options: { readonly comment?: string } = {}): void {
    const isMissing = this.endIsMissing;
    const words = this.nextWords(options);
    if (words !== undefined) throw this.fault('the end of the file', quote(words.join(' ')));
    this.endIsMissing = isMissing;
  }

  /** An InputError at the line last returned. */
  fault(expected: string, found: string): InputError {
    return new InputError({ file: this.file, place: `line ${this.line}`, expected, found });
  }

  private take(): string | undefined {
    if (this.offset >= this.bytes.length) return undefined;
    const found = this.bytes.indexOf(this.lineEnd, this.offset);
    const end = found < 0 ? this.bytes.length : found;
    this.line++;
    this.endIsMissing = found < 0;
    if (end - this.offset > longestLine)
      throw this.fault(`at most ${longestLine} bytes`, `${end - this.offset}`);
    const text = utf8.decode(this.bytes.subarray(this.offset, end));
    this.offset = end + 1;
    return text.replace(/\r+$/, '');
  }
}

/** The byte that ends lines: CR where the first line ends in a CR that no LF follows. */
function lineEndOf(bytes: Uint8Array): number {
  const feed = bytes.indexOf(newline);
  let after = bytes.indexOf(carriageReturn);
  if (after < 0 || (feed >= 0 && feed < after)) return newline;
  while (bytes[after] === carriageReturn) after++;
  return bytes[after] === newline ? newline : carriageReturn;
}

/** A sentence for a cloud whose text ends without a line end. */
export const missingEnd =
  'The last line has no line end; if the file was cut inside its last number, that cannot be seen.';

/** The words of a line, apart by spaces and tabs. */
export function wordsOf(text: string): string[] {
  return text.split(/[ \t]+/).filter((word) => word !== '');
}

/** A text in quotes for an error message, shortened and free of control characters. */
export function quote(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return JSON.stringify(short);
}
