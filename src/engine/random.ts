/** All that a generator is: four 32-bit words that advance, and the key that forks are made from. */
export interface RandomState {
  readonly words: readonly [number, number, number, number];
  readonly key: number;
}

/**
 * A seeded generator of pseudo-random numbers (sfc32, 128 bits of state) that can be saved, restored and forked.
 * A fork depends on the seed and the labels alone, never on how many numbers were drawn before, so that the sample
 * of frame 7 in epoch 3 is the same whoever makes it and in whatever order.
 *
 * @example
 * // The numbers of a fork are the same, whatever was drawn before.
 * const random = Random.fromSeed('a run');
 * const once = random.fork('frame', 7).uniform();
 * random.normal();
 * once === random.fork('frame', 7).uniform(); // true
 */
export class Random {
  private words: [number, number, number, number];
  private readonly key: number;

  private constructor(state: RandomState) {
    this.words = [...state.words];
    this.key = state.key;
  }

  /** The generator of a seed: an integer, or a text. */
  static fromSeed(seed: number | string): Random {
    return Random.fromKey(hash(0x9e3779b9, String(seed)));
  }

  static fromState(state: RandomState): Random {
    return new Random(state);
  }

  private static fromKey(key: number): Random {
    const random = new Random({ words: [key, hash(key, 'b'), hash(key, 'c'), 1], key });
    for (let i = 0; i < 15; i++) random.uint32();
    return random;
  }

  get state(): RandomState {
    return { words: [...this.words], key: this.key };
  }

  /** A generator of its own for each label; the parent does not advance. */
  fork(...labels: ReadonlyArray<string | number>): Random {
    return Random.fromKey(labels.reduce<number>((key, label) => hash(key, `/${label}`), this.key));
  }

  /** A whole number in [0, 2^32). */
  uint32(): number {
    const words = this.words;
    const result = (words[0] + words[1] + words[3]) >>> 0;
    words[3] = (words[3] + 1) >>> 0;
    words[0] = (words[1] ^ (words[1] >>> 9)) >>> 0;
    words[1] = (words[2] + (words[2] << 3)) >>> 0;
    words[2] = (((words[2] << 21) | (words[2] >>> 11)) + result) >>> 0;
    return result;
  }

  /** A number in [low, high), with 53 random bits. */
  uniform(low = 0, high = 1): number {
    const unit = (this.uint32() * 0x200000 + (this.uint32() >>> 11)) / 0x20000000000000;
    return low + (high - low) * unit;
  }

  /** A whole number in [0, bound). */
  integer(bound: number): number {
    return Math.floor(this.uniform(0, bound));
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** A normally distributed number (Box-Muller). */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** One of the items. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.integer(items.length)];
  }

  /** The numbers 0 … count-1 in random order (Fisher-Yates). */
  permutation(count: number): Int32Array {
    const order = Int32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }
}

/** A 32-bit hash of a text (FNV-1a, finished as in MurmurHash3). */
function hash(seed: number, text: string): number {
  let h = seed ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
