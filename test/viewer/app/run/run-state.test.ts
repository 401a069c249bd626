import { describe, expect, it } from 'vitest';
import { RunHistory } from '../../../../src/viewer/app/run/run-history.ts';
import { stateOf } from '../../../../src/viewer/app/run/run-state.ts';

function historyOf(steps: number, secondsPerStep: number): RunHistory {
  const history = new RunHistory();
  history.append(
    Array.from({ length: steps }, (_, i) => ({
      step: i + 1,
      // What was before it was taken up again does not count for its pace.
      time: i < 20 ? i : 1000 + i * secondsPerStep,
      samplesPerSecond: i === steps - 1 ? 0.1 : 8.24,
      values: {},
    })),
  );
  return history;
}

const stateAt = (history: RunHistory, totalSteps?: number, quietSeconds = 1, sawSteps = true) =>
  stateOf(history, { totalSteps, quietSeconds, sawSteps });

describe('the state of a run', () => {
  it('has steps, speed and the time that is left while it runs', () => {
    expect(stateAt(historyOf(1200, 2), 2000)).toEqual({
      kind: 'running',
      parts: ['Step 1,200 of 2,000', '8.2 samples/s', '26 min left'],
      share: 0.6,
    });
  });

  it('does not know the time that is left where the length is not known', () => {
    expect(stateAt(historyOf(120, 2))).toEqual({
      kind: 'running',
      parts: ['Step 120', '8.2 samples/s'],
      share: undefined,
    });
    expect(stateAt(historyOf(1, 2), 5).parts).toEqual(['Step 1 of 5', '0.1 samples/s']);
  });

  it('promises nothing before it has seen a step arrive', () => {
    const { kind, parts } = stateAt(historyOf(120, 2), 200, 1, false);
    expect([kind, parts.length]).toEqual(['still', 2]);
  });

  it('says how long no step came, once several should have', () => {
    expect(stateAt(historyOf(120, 2), 200, 9).kind).toBe('running');
    expect(stateAt(historyOf(120, 2), 200, 40)).toMatchObject({
      kind: 'stalled',
      parts: ['Step 120 of 200', '8.2 samples/s', 'No new step for 40 s'],
    });
    expect(stateAt(historyOf(120, 30), 200, 140).kind).toBe('running');
    expect(stateAt(historyOf(120, 30), 200, 160).kind).toBe('stalled');
    expect(stateAt(historyOf(120, 2), 200, 40, false).kind).toBe('stalled');
  });

  it('is finished at its last step, however long ago', () => {
    expect(stateAt(historyOf(120, 2), 120, 4000)).toMatchObject({ kind: 'finished', share: 1 });
    expect(stateAt(historyOf(120, 2), 120, 4000).parts.at(-1)).toBe('Finished');
  });

  it('is empty before the first step', () => {
    const none = new RunHistory();
    expect(stateAt(none, 10)).toEqual({ kind: 'empty', parts: ['No step done yet'], share: 0 });
    expect(stateAt(none, 10, 90).parts).toEqual(['No step done yet', 'No new step for 1 min 30 s']);
  });
});
