import { expect, it } from 'vitest';
import {
  countText,
  durationText,
  sentence,
  shortCountText,
  valueText,
} from '../../../../src/viewer/app/run/wording.ts';
import { shown } from '../../../../src/viewer/app/widgets/dom.ts';

it.each([
  [6.35611, '6.356'],
  [13.8629, '13.86'],
  [0, '0'],
  [1.5, '1.5'],
  [-0.25, '−0.25'],
  [0.001, '0.001'],
  [0.00088603, '8.86e−4'],
  [3e-5, '3e−5'],
  [2.5e9, '2.5e9'],
  [Number.NaN, '–'],
  [Number.POSITIVE_INFINITY, '–'],
])('the number %f is %s', (value, text) => {
  expect(shown(value, 4)).toBe(text);
});

it('a value has its unit', () => {
  expect(valueText(0.417, 'share')).toBe('41.7 %');
  expect(valueText(3.524, 'metres')).toBe('3.52 m');
  expect(valueText(420.2, 'milliseconds')).toBe('420 ms');
  expect(valueText(6.3561, 'number')).toBe('6.356');
  expect(valueText(Number.NaN, 'share')).toBe('–');
});

it.each([
  [0, '0 s'],
  [39.6, '40 s'],
  [60, '1 min'],
  [90, '1 min 30 s'],
  [725, '12 min'],
  [3600, '1 h'],
  [11_250, '3 h 7 min'],
  [86_400, '1 d'],
  [183_600, '2 d 3 h'],
])('%f seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});

it('counts have their thousands apart, or are short', () => {
  expect(countText(12_500)).toBe('12,500');
  expect([800, 1000, 12_500, 8501, 2_000_000].map(shortCountText)).toEqual([
    '800',
    '1k',
    '12.5k',
    '8,501',
    '2M',
  ]);
});

it('a sentence begins with a capital letter', () => {
  expect(sentence('intra loss')).toBe('Intra loss');
});
