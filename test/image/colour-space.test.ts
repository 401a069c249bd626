import { expect, it } from 'vitest';
import { hsvOf, rgbOf } from '../../src/image/colour-space.ts';
import { distance } from '../nn/tensors.ts';

// By Python's colorsys.rgb_to_hsv.
const colours = [
  [
    [0.2, 0.4, 0.6],
    [0.5833333333, 0.6666666667, 0.6],
  ],
  [
    [1, 0, 0],
    [0, 1, 1],
  ],
  [
    [0.5, 0.5, 0.5],
    [0, 0, 0.5],
  ],
  [
    [0.9, 0.1, 0.8],
    [0.8541666667, 0.8888888889, 0.9],
  ],
  [
    [0.05, 0.6, 0.3],
    [0.4090909091, 0.9166666667, 0.6],
  ],
  [
    [1, 1, 0.2],
    [0.1666666667, 0.8, 1],
  ],
  [
    [0.3, 0.2, 0.25],
    [0.9166666667, 0.3333333333, 0.3],
  ],
] as const;

it.each(colours)('%s has hue, saturation and value %s, and back', (rgb, hsv) => {
  const [red, green, blue] = rgb;
  const [hue, saturation, value] = hsv;
  expect(distance(hsvOf(red, green, blue), [...hsv])).toBeLessThan(1e-9);
  expect(distance(rgbOf(hue, saturation, value), [...rgb])).toBeLessThan(1e-9);
  expect(distance(rgbOf(hue - 2, saturation, value), [...rgb])).toBeLessThan(1e-9);
});
