import { expect, it } from 'vitest';
import { persistently } from '../../../src/viewer/app/persistently.ts';
import { workInWords } from '../../../src/viewer/app/tabs/watch-work.ts';

it('a request that nobody answers is made four times, with longer and longer pauses', async () => {
  const pauses: number[] = [];
  const wait = async (ms: number) => void pauses.push(ms);
  let asked = 0;
  const failing = () => Promise.reject(new TypeError(`refused ${++asked}`));
  await expect(persistently(failing, undefined, wait)).rejects.toThrow('refused 4');
  expect(pauses.length).toBe(3);
  expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
  asked = 0;
  const second = async () => {
    if (++asked < 2) throw new TypeError('refused');
    return 'there';
  };
  expect(await persistently(second, undefined, wait)).toBe('there');
});

it('a request that is given up is not made again', async () => {
  let asked = 0;
  const aborted = async () => {
    asked++;
    throw new DOMException('given up', 'AbortError');
  };
  await expect(persistently(aborted, undefined, async () => {})).rejects.toThrow('given up');
  expect(asked).toBe(1);
  const giveUp = new AbortController();
  const failing = () => Promise.reject(new TypeError(`refused ${++asked}`));
  await expect(persistently(failing, giveUp.signal, async () => giveUp.abort())).rejects.toThrow(/abort/i);
  expect(asked).toBe(2);
});

it('what the encoders do is said with how far, how long and who waits', () => {
  const nothing = { doing: undefined, done: undefined, total: undefined, seconds: 0, waiting: 0 };
  expect(workInWords('Matching', nothing)).toBe('Matching');
  expect(workInWords('Matching', { ...nothing, doing: 'reading frame 000003', seconds: 1.9 })).toBe(
    'Matching: reading frame 000003',
  );
  const far = { doing: 'running the encoders', done: 2, total: 5, seconds: 12.7, waiting: 1 };
  expect(workInWords('Matching', far)).toBe(
    'Matching: running the encoders, 2 of 5 done, 12 s, 1 more question waits',
  );
});
