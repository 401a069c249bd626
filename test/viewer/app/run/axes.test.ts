import { describe, expect, it } from 'vitest';
import { axisRange, linearTicks, logarithmicTicks, timeTicks } from '../../../../src/viewer/app/run/axes.ts';

describe('axisRange', () => {
  it('shows all values with some air, and the level where there is one', () => {
    const [min, max] = axisRange([[2, null, 4, Number.NaN]]);
    expect(min).toBeCloseTo(1.88, 10);
    expect(max).toBeCloseTo(4.12, 10);
    const [low, high] = axisRange([[2, 4]], { level: 6, levelAir: 0.25 });
    expect(low).toBeCloseTo(1.76, 10);
    expect(high).toBeCloseTo(7, 10);
  });

  it('leaves no room for what cannot be', () => {
    expect(axisRange([[0, 10]])[0]).toBe(0);
    expect(axisRange([[-1, 10]])[0]).toBeLessThan(-1);
    expect(axisRange([[0.5, 1]], { ceiling: 1 })[1]).toBeLessThan(1.02);
    expect(axisRange([[0.5, 1.5]], { ceiling: 1 })[1]).toBeGreaterThan(1.5);
  });

  it('shows one value in the middle, and something where there is none', () => {
    const [min, max] = axisRange([[5, 5]]);
    expect((min + max) / 2).toBeCloseTo(5, 10);
    expect(max).toBeGreaterThan(min);
    expect(axisRange([[]])).toEqual([0, 1]);
    const [zero, above] = axisRange([[0]]);
    expect(above).toBeGreaterThan(zero);
  });

  it('has its air in proportion on a logarithmic axis, whose values are positive', () => {
    const [min, max] = axisRange([[1, 100, 0, -3]], { isLogarithmic: true });
    expect(min).toBeCloseTo(100 ** -0.06, 10);
    expect(max).toBeCloseTo(100 ** 1.06, 8);
  });
});

describe('ticks', () => {
  it('are round and in the range', () => {
    expect(linearTicks([1.9, 6.7], 5)).toEqual([2, 3, 4, 5, 6]);
    expect(linearTicks([1, 20_000], 4)).toEqual([5000, 10_000, 15_000, 20_000]);
    expect(linearTicks([0.12, 0.31], 4)).toEqual([0.15, 0.2, 0.25, 0.3]);
    expect(linearTicks([-1, 1], 4)).toEqual([-1, -0.5, 0, 0.5, 1]);
    expect(linearTicks([3, 3], 4)).toEqual([3]);
  });

  it('of steps are whole', () => {
    expect(linearTicks([1, 3], 8, 1)).toEqual([1, 2, 3]);
  });

  it('of a logarithmic axis are powers of ten, or round where there is less than one', () => {
    expect(logarithmicTicks([0.5, 2e4], 5)).toEqual([1, 10, 100, 1000, 10_000]);
    expect(logarithmicTicks([0.9, 120], 6)).toEqual([1, 2, 5, 10, 20, 50, 100]);
    expect(logarithmicTicks([1e-9, 1e3], 4)).toEqual([1e-9, 1e-6, 1e-3, 1, 1e3]);
    expect(logarithmicTicks([2, 7], 5)).toEqual([2, 3, 4, 5, 6, 7]);
  });

  it('of time are those of a clock', () => {
    expect(timeTicks([0, 100], 4)).toEqual([0, 30, 60, 90]);
    expect(timeTicks([0, 7200], 5)).toEqual([0, 1800, 3600, 5400, 7200]);
    expect(timeTicks([0, 400_000], 5)).toEqual([0, 86_400, 172_800, 259_200, 345_600]);
  });
});
