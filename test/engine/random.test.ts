import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random, type RandomState } from '../../src/engine/random.ts';

const draws = (random: Random, count: number) => Array.from({ length: count }, () => random.uint32());

/** The generator sfc32 as it is commonly written down, with 32-bit signed arithmetic. */
function* sfc32({ words }: RandomState): Generator<number> {
  let [a, b, c, d] = words.map((word) => word | 0);
  while (true) {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    yield t >>> 0;
  }
}

describe('random numbers', () => {
  it('are those of sfc32, from any state', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(50), (seed, skipped) => {
        const random = Random.fromSeed(seed);
        draws(random, skipped);
        const reference = sfc32(random.state);
        for (const word of draws(random, 20)) expect(word).toBe(reference.next().value);
      }),
      { numRuns: 30 },
    );
  });

  it('are the same for ever', () => {
    expect(draws(Random.fromSeed(7), 3)).toEqual([2836888628, 3154012675, 3722965481]);
    const random = Random.fromSeed('pointpair');
    expect(draws(random, 2)).toEqual([3417248843, 2478398842]);
    expect(random.uniform()).toBe(0.43817877323383847);
    expect(random.normal()).toBeCloseTo(1.3043065069764976, 12);
    expect([...random.permutation(8)]).toEqual([0, 6, 3, 2, 5, 7, 1, 4]);
    expect(random.integer(100)).toBe(10);
    expect(draws(Random.fromSeed(7).fork('epoch', 3), 2)).toEqual([2850880239, 2152082250]);
  });

  it('go on from a saved state, which is plain data', () => {
    const random = Random.fromSeed(3);
    draws(random, 5);
    const saved = JSON.parse(JSON.stringify(random.state)) as RandomState;
    const expected = draws(random, 10);
    const restored = Random.fromState(saved);
    expect(draws(restored, 10)).toEqual(expected);
    expect(draws(Random.fromState(saved).fork('a'), 3)).toEqual(draws(random.fork('a'), 3));
    // What was saved does not move on.
    expect(draws(Random.fromState(saved), 10)).toEqual(expected);
  });

  it('of a fork depend on seed and labels alone', () => {
    const parent = Random.fromSeed(1);
    const early = draws(parent.fork('frame', 7), 5);
    const { state } = parent;
    draws(parent, 100);
    expect(draws(parent.fork('frame', 7), 5)).toEqual(early);
    expect(draws(parent.fork('frame').fork(7), 5)).toEqual(early);
    expect(Random.fromSeed(1).state).toEqual(state);
    const others = [
      parent.fork('frame', 8),
      parent.fork('fram', 'e7'),
      parent.fork(7, 'frame'),
      parent.fork(),
      Random.fromSeed(2).fork('frame', 7),
    ];
    for (const other of others) expect(draws(other, 5)).not.toEqual(early);
  });

  it('of many forks and seeds are all different', () => {
    const root = Random.fromSeed(0);
    const first = new Set<number>();
    for (let i = 0; i < 1000; i++) {
      first.add(root.fork(i).uint32());
      first.add(Random.fromSeed(i).uint32());
    }
    // Of 2,000 words of 32 bits, two are alike once in two thousand times.
    expect(first.size).toBeGreaterThanOrEqual(1999);
  });

  it('of neighbouring forks do not depend on each other', () => {
    const root = Random.fromSeed('independence');
    const count = 4000;
    let product = 0;
    for (let i = 0; i < count; i++)
      product += (root.fork(i).uniform() - 0.5) * (root.fork(i + 1).uniform() - 0.5);
    // The mean of products has a deviation of (1/12)/√count; five of them are 0.0066.
    expect(Math.abs(product / count)).toBeLessThan(0.0066);
  });

  it('are uniform', () => {
    const random = Random.fromSeed('uniform');
    const bins = new Int32Array(64);
    const count = 64_000;
    for (let i = 0; i < count; i++) bins[Math.floor(random.uniform() * 64)]++;
    const chi = bins.reduce((sum, bin) => sum + (bin - 1000) ** 2 / 1000, 0);
    // With 63 degrees of freedom, chi-square is under 30 or over 113 once in about ten thousand times.
    expect(chi).toBeGreaterThan(30);
    expect(chi).toBeLessThan(113);
    for (let i = 0; i < 1000; i++) {
      const value = random.uniform(-3, -2);
      expect(value >= -3 && value < -2).toBe(true);
    }
  });

  it('are normal', () => {
    const random = Random.fromSeed('normal');
    const count = 50_000;
    const samples = Array.from({ length: count }, () => random.normal(2, 3));
    const mean = samples.reduce((sum, value) => sum + value, 0) / count;
    const moment = (power: number) =>
      samples.reduce((sum, value) => sum + ((value - mean) / 3) ** power, 0) / count;
    expect(Math.abs(mean - 2)).toBeLessThan(0.07);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.03);
    expect(Math.abs(moment(3))).toBeLessThan(0.06);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.2);
    expect(samples.every(Number.isFinite)).toBe(true);
  });

  it('are whole, likely and picked as they are asked to be', () => {
    const random = Random.fromSeed('whole');
    const counts = new Int32Array(7);
    for (let i = 0; i < 7000; i++) counts[random.integer(7)]++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
    const heads = Array.from({ length: 4000 }, () => random.chance(0.25)).filter(Boolean).length;
    expect(Math.abs(heads - 1000)).toBeLessThan(140);
    expect([random.chance(0), random.chance(1)]).toEqual([false, true]);
    expect(new Set(Array.from({ length: 60 }, () => random.pick(['a', 'b', 'c'])))).toEqual(
      new Set(['a', 'b', 'c']),
    );
  });

  it('order permutations fairly', () => {
    const random = Random.fromSeed('permutations');
    const seen = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = random.permutation(3).join();
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(6);
    for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
    expect([...random.permutation(0)]).toEqual([]);
    expect([...random.permutation(50)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, i) => i),
    );
  });
});
