import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import {
  constant,
  fansOf,
  kaimingNormal,
  kaimingUniform,
  normal,
  truncatedNormal,
  xavierUniform,
} from '../../src/nn/initializers.ts';

const SHAPE = [40, 30, 3, 3];
const random = (): Random => Random.fromSeed('initializers');

function momentsOf({ data }: HostTensor): { mean: number; deviation: number; largest: number } {
  const values = Array.from(data);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance), largest: Math.max(...values.map(Math.abs)) };
}

describe('initializers', () => {
  it('know the fans of linear layers and convolutions', () => {
    expect(fansOf([5, 7])).toEqual({ in: 5, out: 7 });
    expect(fansOf([8, 3, 7, 7])).toEqual({ in: 147, out: 392 });
    expect(() => fansOf([3])).toThrow('[3]');
  });

  const rows: ReadonlyArray<readonly [string, HostTensor, deviation: number, largest: number]> = [
    ['normal', normal(random(), SHAPE, 0.5), 0.5, Infinity],
    ['kaimingNormal, fan in', kaimingNormal(random(), SHAPE), Math.sqrt(2 / 270), Infinity],
    ['kaimingNormal, fan out', kaimingNormal(random(), SHAPE, { fan: 'out' }), Math.sqrt(2 / 360), Infinity],
    ['kaimingUniform', kaimingUniform(random(), SHAPE), Math.sqrt(2 / 270), Math.sqrt(6 / 270)],
    [
      'kaimingUniform, slope √5',
      kaimingUniform(random(), SHAPE, { negativeSlope: Math.sqrt(5) }),
      Math.sqrt(1 / 3 / 270),
      Math.sqrt(1 / 270),
    ],
    ['xavierUniform', xavierUniform(random(), SHAPE), Math.sqrt(2 / 630), Math.sqrt(6 / 630)],
    // The deviation of a normal distribution cut at two of its own is 0.8796 of it.
    ['truncatedNormal', truncatedNormal(random(), SHAPE, { deviation: 0.02 }), 0.02 * 0.8796, 0.04],
  ];

  it.each(rows)('%s has its mean, deviation and bound', (_, tensor, deviation, largest) => {
    expect(tensor.shape).toEqual(SHAPE);
    const moments = momentsOf(tensor);
    expect(Math.abs(moments.mean)).toBeLessThan(0.05 * deviation);
    expect(Math.abs(moments.deviation / deviation - 1)).toBeLessThan(0.03);
    expect(moments.largest).toBeLessThanOrEqual(largest * (1 + 1e-6));
    if (largest < Infinity) expect(moments.largest).toBeGreaterThan(0.99 * largest);
  });

  it('are the same for the same seed', () => {
    expect(kaimingNormal(random(), SHAPE)).toEqual(kaimingNormal(random(), SHAPE));
    expect(Array.from(constant([2, 2], 3).data)).toEqual([3, 3, 3, 3]);
    expect(() => truncatedNormal(random(), [1], { deviation: 1, limit: 0 })).toThrow('0 deviations');
  });
});
