import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { share, wholeNumber } from '../../tools/options.ts';

describe('a whole number on a command line', () => {
  it.each([
    ['0', 0],
    ['7', 7],
    ['007', 7],
    ['9007199254740991', 9007199254740991],
  ])('%j is %i', (text, value) => {
    expect(wholeNumber(0)(text)).toBe(value);
  });

  it.each([
    '',
    ' ',
    ' 10 ',
    '1e3',
    '0x10',
    '1.5',
    '1.0',
    '+5',
    '-1',
    '-0',
    '1_000',
    '٣',
    'many',
    '9007199254740992',
  ])('%j is none', (text) => {
    expect(() => wholeNumber(0)(text)).toThrow(InvalidArgumentError);
    expect(() => wholeNumber(0)(text)).toThrow('expected a whole number from 0 on, in decimal digits');
  });

  it('lies in its range', () => {
    const port = wholeNumber(1, 65535);
    expect([port('1'), port('65535')]).toEqual([1, 65535]);
    for (const text of ['0', '65536', '80000'])
      expect(() => port(text)).toThrow('expected a whole number from 1 to 65535, in decimal digits');
  });
});

describe('a share on a command line', () => {
  it.each([
    ['1', 1],
    ['0.05', 0.05],
    ['.5', 0.5],
    ['1.', 1],
  ])('%j is %f', (text, value) => {
    expect(share(text)).toBe(value);
  });

  it.each(['', '0', '5', '1.01', '-0.5', '0x1', '5e-2', ' 0.5', '0,5', '.'])('%j is none', (text) => {
    expect(() => share(text)).toThrow('expected a share above 0 and up to 1, such as 0.05');
  });
});
