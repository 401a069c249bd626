import { describe, expect, it } from 'vitest';
import { clockTime, ProgressLine } from '../../../src/training/run/progress.ts';

function setUp(options: { total: number; done?: number; isTTY?: boolean; columns?: number }) {
  const written: string[] = [];
  const clock = { ms: 1000 };
  const stream = {
    write: (text: string) => written.push(text),
    isTTY: options.isTTY,
    columns: options.columns,
  };
  const progress = new ProgressLine({ ...options, stream, now: () => clock.ms });
  const step = (number: number, ms: number, loss: Record<string, number> = {}) => {
    clock.ms += ms;
    progress.update({ step: number, samplesPerSecond: 7.9, loss });
  };
  return { written, progress, step };
}

describe('on a terminal', () => {
  it('rewrites one line, at most ten times a second, the last step always', () => {
    const { written, progress, step } = setUp({ total: 4, isTTY: true, columns: 200 });
    step(1, 500, { total: 13.1, intra: 6.4 });
    step(2, 50);
    step(3, 60, { total: 0.00123, intra: Number.NaN });
    step(4, 1);
    progress.end();
    expect(written).toEqual([
      '\rstep 1/4  7.9 samples/s  total 13.10  intra 6.400\x1b[K',
      '\rstep 3/4  7.9 samples/s  total 1.2e-3  intra NaN  0:00 left\x1b[K',
      '\rstep 4/4  7.9 samples/s\x1b[K',
      '\rstep 4/4  7.9 samples/s\x1b[K',
      '\n',
    ]);
  });

  it('never wraps', () => {
    const { written, step } = setUp({ total: 400, isTTY: true, columns: 30 });
    step(1, 500, { total: 13.1, intra: 6.4, inter: 6.7 });
    expect(written[0]).toBe('\rstep 1/400  7.9 samples/s  to\x1b[K');
  });

  it('prints other lines above itself', () => {
    const { written, progress, step } = setUp({ total: 4, isTTY: true });
    progress.print('first');
    step(1, 1);
    progress.print('saved');
    expect(written.join('')).toBe(
      '\r\x1b[Kfirst\n\rstep 1/4  7.9 samples/s\x1b[K\r\x1b[Ksaved\n\rstep 1/4  7.9 samples/s\x1b[K',
    );
  });
});

describe('elsewhere', () => {
  it('writes a plain line every tenth of the run or ten seconds', () => {
    const { written, progress, step } = setUp({ total: 1000 });
    for (let number = 1; number <= 250; number++) step(number, number <= 200 ? 1 : 1000);
    progress.print('note');
    progress.end();
    const shown = written.map((line) => Number(/^step (\d+)\/1000/.exec(line)?.[1]));
    expect(shown).toEqual([1, 100, 200, 210, 220, 230, 240, 250, Number.NaN]);
    expect(written.at(-1)).toBe('note\n');
    expect(['\r', '\x1b'].some((control) => written.join('').includes(control))).toBe(false);
  });
});

describe('the plain lines of a run of any length', () => {
  it.each([1, 7, 10, 12, 15, 30, 99, 100, 101])('%d steps', (total) => {
    const { written, step } = setUp({ total });
    for (let number = 1; number <= total; number++) step(number, 1);
    const due = Array.from({ length: total }, (_, i) => i + 1).filter(
      (number) => number === 1 || number === total || number % Math.ceil(total / 10) === 0,
    );
    expect(written.map((line) => Number(/^step (\d+)\//.exec(line)?.[1]))).toEqual(due);
  });

  it('end with the last step that was done, and never say one twice', () => {
    const { written, progress, step } = setUp({ total: 40, done: 10 });
    for (const number of [11, 12, 13, 13]) step(number, 1);
    progress.end();
    progress.end();
    expect(written.map((line) => line.split('  ')[0].trim())).toEqual([
      'step 11/40',
      'step 12/40',
      'step 13/40',
    ]);
    const whole = setUp({ total: 2 });
    for (const number of [1, 2, 2]) whole.step(number, 1);
    whole.progress.end();
    expect(whole.written).toHaveLength(2);
  });
});

describe('the time left', () => {
  const leftOf = (line: string) => /(\S+) left/.exec(line)?.[1];

  it('does not count the first step, and starts from a resumed one', () => {
    const { written, step } = setUp({ total: 111, done: 10, isTTY: true });
    step(11, 60_000);
    step(12, 2000);
    expect(written.map(leftOf)).toEqual([undefined, '3:18']);
  });

  it('follows the speed, and not a single slow step', () => {
    const { written, step } = setUp({ total: 1000, isTTY: true });
    for (let number = 1; number <= 100; number++) step(number, 1000);
    expect(leftOf(written.at(-1)!)).toBe('15:00');
    step(101, 3000);
    const [minutes] = leftOf(written.at(-1)!)!.split(':').map(Number);
    expect(minutes).toBeGreaterThanOrEqual(15);
    expect(minutes).toBeLessThan(20);
    for (let number = 102; number <= 202; number++) step(number, 2000);
    expect(leftOf(written.at(-1)!)).toMatch(/^26:/);
  });

  it.each([
    [0, '0:00'],
    [9_400, '0:09'],
    [725_000, '12:05'],
    [3_599_600, '1:00:00'],
    [11_250_000, '3:07:30'],
    [183_600_000, '2 d 3 h'],
  ])('%d ms is %s', (ms, text) => {
    expect(clockTime(ms)).toBe(text);
  });

  it('does not count a step in which the machine slept, but one that is as slow as the steps before', () => {
    const { written, step } = setUp({ total: 1000, isTTY: true, columns: 200 });
    for (let number = 1; number <= 100; number++) step(number, 1000);
    const before = leftOf(written.at(-1)!);
    expect(before).toBe('15:00');
    step(101, 3_600_000);
    expect(leftOf(written.at(-1)!)).toBe('14:59');
    step(102, 1000);
    expect(leftOf(written.at(-1)!)).toBe('14:58');
    const slow = setUp({ total: 10, isTTY: true, columns: 200 });
    for (let number = 1; number <= 4; number++) slow.step(number, 60_000);
    expect(leftOf(slow.written.at(-1)!)).toBe('6:00');
  });
});
