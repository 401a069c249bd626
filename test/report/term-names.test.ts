import { expect, it } from 'vitest';
import { lossName, metricName, spaced } from '../../src/report/term-names.ts';

it.each([
  ['matchDistanceM', 'distance of matches', 'metres'],
  ['computeMs', 'compute', 'milliseconds'],
  ['insideFraction', 'places seen in the picture', 'share'],
  ['intraTop1', 'found in the other view, top 1', 'share'],
  ['crossTop5', 'found from the picture, top 5', 'share'],
  ['top1', 'right one found, top 1', 'share'],
  ['simipu/crossTop1', 'simipu: found from the picture, top 1', 'share'],
  ['centerErrorM', 'error of centres', 'metres'],
  ['somethingNew3', 'something new 3', 'number'],
])('the metric %s is %s', (name, words, unit) => {
  expect(metricName(name)).toEqual({ words, unit });
});

it('losses say what they compare', () => {
  expect(['total', 'cross', 'simipu/intra', 'noWay'].map(lossName)).toEqual([
    'total loss',
    'cross-modal loss (points to picture)',
    'simipu: intra-modal loss (view to view)',
    'no way loss',
  ]);
  expect(spaced('bev-contrast/top1')).toBe('bev contrast top 1');
});
