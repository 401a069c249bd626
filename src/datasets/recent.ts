/** Keeps the results that were used last, up to a total size; what is asked for again while it is made is made once. */
export class Recent<Value> {
  private readonly limit: number;
  private readonly sizeOf: (value: Value) => number;
  private readonly entries = new Map<string, { readonly value: Promise<Value>; size: number }>();

  constructor(limit: number, sizeOf: (value: Value) => number) {
    this.limit = limit;
    this.sizeOf = sizeOf;
  }

  /** The value of a key, made if it is not there. What fails is not kept. */
  async get(key: string, make: () => Promise<Value>): Promise<Value> {
    const known = this.entries.get(key);
    if (known !== undefined) {
      this.entries.delete(key);
      this.entries.set(key, known);
      return known.value;
    }
    const entry = { value: make(), size: 0 };
    this.entries.set(key, entry);
    try {
      const value = await entry.value;
      entry.size = this.sizeOf(value);
      this.shrink();
      return value;
    } catch (error) {
      if (this.entries.get(key) === entry) this.entries.delete(key);
      throw error;
    }
  }

  private shrink(): void {
    let total = 0;
    for (const { size } of this.entries.values()) total += size;
    // What was asked for last stays, however large.
    const newest = [...this.entries.keys()].at(-1);
    for (const [key, { size }] of this.entries) {
      if (total <= this.limit || size === 0 || key === newest) continue;
      this.entries.delete(key);
      total -= size;
    }
  }
}
