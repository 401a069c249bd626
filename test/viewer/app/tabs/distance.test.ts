import { expect, it } from 'vitest';
import { differencesText, distanceText } from '../../../../src/viewer/app/tabs/distance.ts';

it('says a distance with its unit, short ones to a thousandth', () => {
  expect(distanceText([1, 2, 3], [4, 6, 15], 'm')).toBe('13.00 m');
  expect(distanceText([0, 0, 0], [0.3, 0.4, 0], 'm')).toBe('0.500 m');
  // A file may not say what it is measured in.
  expect(distanceText([1, 2, 3], [4, 6, 15], '')).toBe('13.00');
});

it('says what the distance is made of', () => {
  expect(differencesText([1, 2, 3], [4, -2, 3])).toBe('Δx 3.00, Δy −4.00, Δz 0.00; horizontal 5.00');
  expect(differencesText([0, 0, 0.001], [0, 0, 0])).toBe('Δx 0.00, Δy 0.00, Δz 0.00; horizontal 0.00');
});
