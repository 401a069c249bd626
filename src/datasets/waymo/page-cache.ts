/** What one column keeps at most: the pages that a row of images goes over, and its dictionary. */
const COLUMN_BYTES = 8 * 2 ** 20;
/** From this size on a page is kept alone: pages of pictures may have 80 MB. */
const LARGE_BYTES = 16 * 2 ** 20;

interface Kept {
  readonly column: string;
  readonly value: unknown;
  readonly bytes: number;
}

/**
 * Decoded pages that were used last. A column that is read in order needs its last pages only, so it keeps few, and all
 * columns together keep at most `limitBytes`; the newest page is kept whatever its size.
 */
export class PageCache {
  readonly #limitBytes: number;
  /** The page that was used last is the last. */
  readonly #kept = new Map<string, Kept>();
  readonly #columnBytes = new Map<string, number>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** A page by its key, made where it is not kept; `about` is how many bytes it will have, at least about. */
  get<Value>(
    { key, column, about }: { readonly key: string; readonly column: string; readonly about: number },
    make: () => { readonly value: Value; readonly bytes: number },
  ): Value {
    const known = this.#kept.get(key);
    if (known !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known.value as Value;
    }
    // Room is made before a large page, not after it, or there would be two of them for a moment.
    if (about >= LARGE_BYTES) this.#shrink(column, 0);
    const { value, bytes } = make();
    this.#kept.set(key, { column, value, bytes });
    this.#bytes += bytes;
    this.#columnBytes.set(column, (this.#columnBytes.get(column) ?? 0) + bytes);
    this.#shrink(column, COLUMN_BYTES, key);
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#limitBytes || oldest === key) break;
      this.#drop(oldest);
    }
    return value;
  }

  /** Gives up a column's pages, the oldest first, until it has so few bytes or only the page `but`. */
  #shrink(column: string, bytes: number, but?: string): void {
    if ((this.#columnBytes.get(column) ?? 0) <= bytes) return;
    for (const [key, kept] of this.#kept) {
      if (kept.column === column && key !== but) this.#drop(key);
      if ((this.#columnBytes.get(column) ?? 0) <= bytes) return;
    }
  }

  #drop(key: string): void {
    const { column, bytes } = this.#kept.get(key)!;
    this.#kept.delete(key);
    this.#bytes -= bytes;
    const left = this.#columnBytes.get(column)! - bytes;
    if (left === 0) this.#columnBytes.delete(column);
    else this.#columnBytes.set(column, left);
  }
}
