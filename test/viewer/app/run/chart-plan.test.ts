import { describe, expect, it } from 'vitest';
import { planCharts } from '../../../../src/viewer/app/run/chart-plan.ts';
import { RunHistory } from '../../../../src/viewer/app/run/run-history.ts';

function historyOf(...lines: ReadonlyArray<{ readonly [name: string]: number }>): RunHistory {
  const history = new RunHistory();
  history.append(lines.map((values, i) => ({ step: i + 1, time: i, samplesPerSecond: 8, values })));
  return history;
}

describe('planCharts', () => {
  const values = {
    'loss/cross': 2,
    'loss/intra': 3,
    'loss/total': 5,
    'metric/crossTop1': 0.1,
    'metric/crossTop5': 0.3,
    'metric/matchDistanceM': 2,
    'learningRate/heads': 0.03,
    'learningRate/image': 0.03,
    'learningRate/points': 0.001,
    'profile/computeMs': 400,
    'profile/decodeMs': 20,
    'profile/waitMs': 1,
  };

  it('has the total first and large, then terms, metrics, rates and speed', () => {
    const plans = planCharts(historyOf(values), { total: 6, cross: 3 });
    expect(plans.map(({ id, title, isLarge }) => [id, title, isLarge])).toEqual([
      ['loss/total', 'Total loss', true],
      ['loss/cross', 'Cross-modal loss (points to picture)', false],
      ['loss/intra', 'Intra-modal loss (view to view)', false],
      ['metric/crossTop', 'Found from the picture', false],
      ['metric/matchDistanceM', 'Distance of matches', false],
      ['learningRate', 'Learning rates', false],
      ['samplesPerSecond', 'Samples per second', false],
      ['profile', 'Time of a step', false],
    ]);
    expect(plans.map(({ chance }) => chance)).toEqual([6, 3, ...Array(6).fill(undefined)]);
    expect(plans.map(({ unit }) => unit)).toEqual([
      ...['number', 'number', 'number', 'share', 'metres', 'number', 'number', 'milliseconds'],
    ]);
    expect(plans[3].curves).toEqual([
      { column: 'metric/crossTop1', label: 'Top 1' },
      { column: 'metric/crossTop5', label: 'Top 5' },
    ]);
    expect(plans[7].curves.map(({ label }) => label)).toEqual(['Computing', 'Waiting for data']);
  });

  it('draws groups with one learning rate as one curve, until they part', () => {
    const rates = (history: RunHistory) =>
      planCharts(history)
        .find(({ id }) => id === 'learningRate')!
        .curves.map(({ label }) => label);
    expect(rates(historyOf(values))).toEqual(['Heads, image', 'Points']);
    expect(rates(historyOf(values, { ...values, 'learningRate/image': 0.02 }))).toEqual([
      'Heads',
      'Image',
      'Points',
    ]);
  });

  it('makes the first loss large where there is no total, and no chart of nothing', () => {
    const history = new RunHistory();
    expect(planCharts(history)).toEqual([]);
    history.append([
      { step: 1, time: undefined, samplesPerSecond: undefined, values: { 'loss/a': 1, 'loss/b': 1 } },
    ]);
    expect(planCharts(history).map(({ id, isLarge }) => [id, isLarge])).toEqual([
      ['loss/a', true],
      ['loss/b', false],
    ]);
  });
});
