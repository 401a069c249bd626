import { describe, expect, it } from 'vitest';
import { orderChance, orderScores } from '../../src/evaluation/clip-orders.ts';

/** The logits of frames that came in this order of places, as one who knows gives them. */
function knowing(order: readonly number[], sign = 1): number[] {
  return order.flatMap((from) => order.map((to) => (to - from === sign ? 5 : 0)));
}
const forward = { frames: 4, direction: 'forward' } as const;
const either = { frames: 4, direction: 'either' } as const;
const orders = [
  [2, 0, 3, 1],
  [0, 1, 2, 3],
  [3, 1, 0, 2],
];

describe('the order of clips', () => {
  it('is right by who knows it, whichever way the frames came', () => {
    const clips = orders.map((order) => ({ logits: knowing(order), order }));
    expect(orderScores(clips, forward)).toEqual({ next: 1, exact: 1, kendallTau: 1 });
  });

  it('is the reverse by who takes it backwards, which counts where either way is asked for', () => {
    const clips = orders.map((order) => ({ logits: knowing(order, -1), order }));
    expect(orderScores(clips, forward)).toEqual({ next: 0, exact: 0, kendallTau: -1 });
    // The row of the earliest frame says nothing: a tie is a miss.
    expect(orderScores(clips, either)).toEqual({ next: 3 / 4, exact: 1, kendallTau: 1 });
  });

  it('is scored clip by clip, and frame by frame', () => {
    // The second clip has its last two frames exchanged: 0, 1, 3, 2.
    const exchanged = [0, 1, 3, 2];
    const clips = [
      { logits: knowing(orders[0]), order: orders[0] },
      { logits: knowing(exchanged), order: [0, 1, 2, 3] },
    ];
    // Frame 0 is followed by 1; after 1 comes 3 and after 2 nothing; one of six pairs is wrong.
    const { next, exact, kendallTau } = orderScores(clips, forward);
    expect([next, exact]).toEqual([4 / 6, 1 / 2]);
    expect(kendallTau).toBeCloseTo((1 + 4 / 6) / 2, 12);
  });
});

describe('guessing', () => {
  it('finds one of n - 1 next frames, one of n! orders, and no tau', () => {
    const { next, exact, kendallTau } = orderChance(4, 'forward');
    expect([next, exact]).toEqual([1 / 3, 1 / 24]);
    expect(kendallTau).toBeCloseTo(0, 12);
  });

  it('finds more where either way counts', () => {
    // Of three frames: 123 and 321 have |tau| 1, the four others 1/3.
    expect(orderChance(3, 'either').exact).toBeCloseTo(1 / 3, 12);
    expect(orderChance(3, 'either').kendallTau).toBeCloseTo((2 * 1 + 4 / 3) / 6, 12);
    // Each end has one neighbour among two others, the middle has two.
    expect(orderChance(3, 'either').next).toBeCloseTo((1 / 2 + 1 + 1 / 2) / 3, 12);
  });
});
