import { describe, expect, it } from 'vitest';
import { Poller, type PollResult } from '../../../../src/viewer/app/run/poller.ts';

/** A poller with a clock that only goes on when it is told to. */
function clocked() {
  let now = 0;
  let waiting: { at: number; run: () => void } | undefined;
  let answer: ((result: PollResult) => void) | undefined;
  const asked: number[] = [];
  const poller = new Poller({
    poll: () => {
      expect(answer, 'one question at a time').toBeUndefined();
      asked.push(now);
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
    now: () => now,
    after: (ms, run) => {
      waiting = { at: now + ms, run };
      return () => {
        waiting = undefined;
      };
    },
  });
  const settle = async () => {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return {
    poller,
    asked,
    isAsking: () => answer !== undefined,
    isWaiting: () => waiting !== undefined,
    settle,
    /** Answers, and lets the poller come to its next pause or question. */
    async answer(result: PollResult) {
      const resolve = answer!;
      answer = undefined;
      resolve(result);
      await settle();
    },
    async pass() {
      const { at, run } = waiting!;
      waiting = undefined;
      now = at;
      run();
      await settle();
    },
  };
}

describe('Poller', () => {
  it('asks at once, then each second, and every five once nothing came for a while', async () => {
    const { poller, asked, answer, pass } = clocked();
    poller.start();
    await answer('came');
    for (let i = 0; i < 34; i++) {
      await pass();
      await answer('nothing');
    }
    expect(asked.slice(0, 31)).toEqual(Array.from({ length: 31 }, (_, i) => 1000 * i));
    expect(asked.slice(31)).toEqual([35_000, 40_000, 45_000, 50_000]);
    await pass();
    await answer('came');
    await pass();
    expect(asked.slice(-2)).toEqual([55_000, 56_000]);
  });

  it('asks again at once where more waits', async () => {
    const { poller, asked, answer } = clocked();
    poller.start();
    for (let i = 0; i < 3; i++) await answer('more');
    expect(asked).toEqual([0, 0, 0, 0]);
  });

  it('stops, and begins anew', async () => {
    const { poller, asked, answer, settle, isWaiting, isAsking } = clocked();
    poller.start();
    await answer('came');
    expect(isWaiting()).toBe(true);
    poller.stop();
    await settle();
    expect([isWaiting(), isAsking()]).toEqual([false, false]);
    poller.start();
    expect(asked).toHaveLength(2);
    // Stopped and begun again while it waits for an answer: there is still one question at a time.
    poller.stop();
    poller.start();
    await answer('nothing');
    expect([isWaiting(), isAsking()]).toEqual([true, false]);
    poller.stop();
    poller.start();
    await settle();
    expect(asked).toHaveLength(3);
    poller.stop();
    await answer('nothing');
    expect([isWaiting(), isAsking()]).toEqual([false, false]);
    expect(asked).toHaveLength(3);
  });
});
