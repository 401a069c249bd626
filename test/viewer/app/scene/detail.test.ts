import { describe, expect, it } from 'vitest';
import { type CloudTiles, chooseRows, type DetailView } from '../../../../src/viewer/app/scene/detail.ts';
import { DetailBudget } from '../../../../src/viewer/app/scene/detail-budget.ts';
import { DEFAULT_POSE, type Pose } from '../../../../src/viewer/app/scene/pose.ts';
import { viewsOf } from '../../../../src/viewer/app/scene/views.ts';

/** 30 x 30 tiles of 10 m on the ground ahead, each with 8 points in every one of 64 passes. */
const [side, across, passCount, perPass] = [10, 30, 64, 8];
const count = across * across;
const tiles: CloudTiles = {
  count,
  sideM: side,
  middles: Float32Array.from({ length: 2 * count }, (_, k) => middleOf(k >> 1)[k % 2]),
  bounds: Float32Array.from({ length: 6 * count }, (_, k) => {
    const [x, y] = middleOf(Math.floor(k / 6));
    return [x - 5, y - 5, -2, x + 5, y + 5, 2][k % 6];
  }),
  passes: Array.from({ length: passCount }, (_, p) =>
    Uint32Array.from({ length: count + 1 }, (_, t) => p * count * perPass + t * perPass),
  ),
};
const all = count * passCount * perPass;

function middleOf(tile: number): readonly [x: number, y: number] {
  return [(tile % across) * side + side / 2, (Math.floor(tile / across) - across / 2) * side];
}

function viewOf(pose: Pose, clip?: DetailView['clip']): DetailView {
  const [{ projection }] = viewsOf({ width: 1280, height: 720, split: false }, pose, undefined);
  const { clipFromWorld, orthographic } = projection;
  return { clipFromPoints: clipFromWorld.elements, orthographic, clip };
}

function chosen(view: DetailView, budget: number) {
  const into = new Uint32Array(Math.ceil(1.2 * budget));
  const { drawn, seen } = chooseRows(tiles, view, budget, into);
  const rows = into.subarray(0, drawn);
  const perTile = new Float64Array(count);
  for (const row of rows) perTile[Math.floor((row % (count * perPass)) / perPass)]++;
  return { rows, seen, perTile };
}

/** High above the middle, so that all is seen. */
const above: Pose = { ...DEFAULT_POSE, target: [150, 0, 0], distanceM: 700, elevation: 1.2 };

describe('levels of detail', () => {
  it('are all points where the budget has room for them', () => {
    const { rows, seen } = chosen(viewOf(above), all);
    expect(seen).toBe(all);
    expect(new Set(rows).size).toBe(all);
  });

  it('keep to the budget, with no row twice', () => {
    for (const budget of [2000, 20_000, 150_000]) {
      const { rows } = chosen(viewOf(above), budget);
      expect(rows.length).toBeGreaterThan(0.8 * budget);
      expect(rows.length).toBeLessThanOrEqual(1.2 * budget);
      expect(new Set(rows).size).toBe(rows.length);
    }
  });

  it('are finer near than far away, by the square of the distance', () => {
    // From the near edge along the ground: tiles at 50 m and at 200 m in the middle.
    const view = viewOf({ ...DEFAULT_POSE, target: [20, 0, 0], distanceM: 25, elevation: 0.3 });
    const { perTile } = chosen(view, 40_000);
    const at = (x: number) => {
      const column = Math.round((x - side / 2) / side);
      const rows = [-2, -1, 0, 1].map((row) => perTile[(across / 2 + row) * across + column]);
      return rows.reduce((sum, each) => sum + each, 0) / rows.length;
    };
    expect(at(25)).toBe(passCount * perPass);
    expect(at(95) / at(195)).toBeGreaterThan(2.4);
    expect(at(95) / at(195)).toBeLessThan(5);
    expect(at(195)).toBeGreaterThan(0);
  });

  it('leave out what is not in view and what is clipped', () => {
    const narrow = viewOf({ ...DEFAULT_POSE, target: [20, 0, 0], distanceM: 10, azimuth: 0, elevation: 0.5 });
    const behind = chosen(narrow, all);
    expect(behind.seen).toBeLessThan(all / 10);
    const clip = { nearM: 0, farM: Infinity, low: [0, -100, -9], high: [41, 100, 9] } as const;
    const { seen, perTile } = chosen(viewOf(above, clip), all);
    expect(perTile[(across / 2) * across + 20]).toBe(0);
    expect(seen).toBe(5 * 21 * passCount * perPass);
  });

  it('are even from above', () => {
    const { perTile } = chosen(viewOf({ ...above, view: 'birds-eye' }), 115_200);
    const mean = perTile.reduce((sum, each) => sum + each, 0) / count;
    expect(Math.max(...perTile) - mean).toBeLessThanOrEqual(perPass);
    expect(mean - Math.min(...perTile)).toBeLessThanOrEqual(perPass);
  });
});

describe('the budget of points', () => {
  it('falls where pictures are slow and rises where they are fast', () => {
    const slow = new DetailBudget();
    const fast = new DetailBudget();
    const first = slow.next(true);
    for (let k = 0; k < 12; k++) {
      slow.measured(slow.next(true), 400);
      fast.measured(fast.next(true), 6);
    }
    expect(slow.next(true)).toBeLessThan(first / 2);
    expect(fast.next(true)).toBeGreaterThan(4 * first);
  });

  it('grows while all is still, until all is drawn or pictures would take too long', () => {
    const budget = new DetailBudget();
    const moving = budget.next(true);
    expect(budget.grows(1e9)).toBe(true);
    const steps: number[] = [];
    while (steps.length < 20 && budget.grows(1e9)) steps.push(budget.next(false));
    expect(steps.length).toBeLessThan(6);
    expect(steps[0]).toBe(moving);
    expect(steps.at(-1)!).toBeGreaterThan(4 * moving);
    expect(budget.grows(moving)).toBe(false);
    expect(budget.next(true)).toBe(moving);
  });
});
