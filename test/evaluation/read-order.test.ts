import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { type ReadOrderOptions, readOrder } from '../../src/evaluation/read-order.ts';

/** All orders of so many frames. */
function ordersOf(frames: number): number[][] {
  if (frames === 0) return [[]];
  return ordersOf(frames - 1).flatMap((order) =>
    Array.from({ length: frames }, (_, at) => [...order.slice(0, at), frames - 1, ...order.slice(at)]),
  );
}

/** The log of the probability of an order: the product of each frame's softmax over the others at the next frame. */
function logProbability(logits: readonly number[], order: ArrayLike<number>): number {
  const frames = order.length;
  let sum = 0;
  for (let k = 0; k + 1 < frames; k++) {
    const [from, to] = [order[k], order[k + 1]];
    let total = 0;
    for (let j = 0; j < frames; j++) if (j !== from) total += Math.exp(logits[from * frames + j]);
    sum += logits[from * frames + to] - Math.log(total);
  }
  return sum;
}

/** What an order is worth: both ways where the direction does not count. */
function worthOf(
  logits: readonly number[],
  order: ArrayLike<number>,
  { direction }: ReadOrderOptions,
): number {
  const back = Array.from(order).reverse();
  return logProbability(logits, order) + (direction === 'either' ? logProbability(logits, back) : 0);
}

const clip = fc.integer({ min: 2, max: 5 }).chain((frames) =>
  fc.tuple(
    fc.constant(frames),
    fc.array(fc.double({ min: -4, max: 4, noNaN: true }), {
      minLength: frames * frames,
      maxLength: frames * frames,
    }),
  ),
);

describe('readOrder', () => {
  it.each(['forward', 'either'] as const)('gives the most probable of all orders, %s', (direction) => {
    fc.assert(
      fc.property(clip, ([frames, logits]) => {
        const order = readOrder(logits, frames, { direction });
        expect([...order].sort()).toEqual(Array.from({ length: frames }, (_, i) => i));
        const best = Math.max(...ordersOf(frames).map((each) => worthOf(logits, each, { direction })));
        expect(worthOf(logits, order, { direction })).toBeCloseTo(best, 9);
        if (direction === 'either') expect(order[0]).toBeLessThan(order[frames - 1]);
      }),
      { numRuns: 300 },
    );
  });

  it('mends an assignment that falls into cycles', () => {
    // 0 and 1 follow each other, and so do 2 and 3: of the chains, 1 0 3 2 has by far the strongest link between the pairs.
    const logits = [...[0, 9, 0, 4], ...[9, 0, 0, 0], ...[0, 0, 0, 9], ...[0, 0, 9, 0]];
    expect([...readOrder(logits, 4)]).toEqual([1, 0, 3, 2]);
  });

  it('reads the same order whatever the diagonal and whatever is added to a row', () => {
    const logits = [7, 1, 5, 1, NaN, 2, 1, 5, -Infinity];
    expect([...readOrder(logits, 3)]).toEqual([0, 2, 1]);
    expect([
      ...readOrder(
        logits.map((value, at) => value + 100 * Math.floor(at / 3)),
        3,
      ),
    ]).toEqual([0, 2, 1]);
  });

  it('has one answer for a frame or none', () => {
    expect([...readOrder([], 0)]).toEqual([]);
    expect([...readOrder([3], 1)]).toEqual([0]);
  });

  it.each([
    [[1, 2, 3], 'logits of an order: expected 2 x 2 = 4 numbers, found 3'],
    [[0, NaN, 0, 0], 'logits of an order: row 0, column 1: expected a finite number, found NaN'],
  ])('refuses %j', (logits, message) => {
    expect(() => readOrder(logits, 2)).toThrow(InputError);
    expect(() => readOrder(logits, 2)).toThrow(message);
  });
});
