/** A set of indices below a bound that gives them back in ascending order: one bit each, and one bit for every 32 of those. */
export class IndexSet {
  private readonly words: Int32Array;
  private readonly summary: Int32Array;

  constructor(bound: number) {
    this.words = new Int32Array(Math.ceil(bound / 32));
    this.summary = new Int32Array(Math.ceil(this.words.length / 32));
  }

  add(index: number): void {
    const word = index >>> 5;
    this.words[word] |= 1 << (index & 31);
    this.summary[word >>> 5] |= 1 << (word & 31);
  }

  /** Writes the lowest indices, ascending and `limit` at most, from `into[at]` on, and empties the set; returns how many were written. */
  drain(into: Int32Array, at: number, limit: number): number {
    const { words, summary } = this;
    let count = 0;
    for (let block = 0; block < summary.length; block++) {
      let marked = summary[block];
      if (marked === 0) continue;
      summary[block] = 0;
      while (marked !== 0) {
        const word = 32 * block + 31 - Math.clz32(marked & -marked);
        marked &= marked - 1;
        let bits = words[word];
        words[word] = 0;
        while (bits !== 0 && count < limit) {
          into[at + count++] = 32 * word + 31 - Math.clz32(bits & -bits);
          bits &= bits - 1;
        }
      }
    }
    return count;
  }
}
