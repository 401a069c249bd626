import { expect, it } from 'vitest';
import { cornersAround } from '../../../../src/viewer/app/tabs/object-list.ts';

it('holds a turned box in one along the axes', () => {
  const [low, high] = cornersAround({ center: [10, 5, 1], sizeM: [4, 2, 1], yaw: Math.PI / 2 });
  [9, 3, 0.5].forEach((value, axis) => {
    expect(low[axis]).toBeCloseTo(value);
  });
  [11, 7, 1.5].forEach((value, axis) => {
    expect(high[axis]).toBeCloseTo(value);
  });
});
