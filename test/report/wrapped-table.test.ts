import { describe, expect, it } from 'vitest';
import { wrappedTable, wrapWords } from '../../src/report/wrapped-table.ts';

describe('wrapWords', () => {
  it('fills lines, leaves long words whole, and keeps line ends', () => {
    expect(wrapWords('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrapWords('one two three', 6)).toEqual(['one', 'two', 'three']);
    expect(wrapWords('a momentum', 4)).toEqual(['a', 'momentum']);
    expect(wrapWords('one\ntwo three', 20)).toEqual(['one', 'two three']);
    expect(wrapWords('', 5)).toEqual(['']);
  });
});

describe('a wrapped table', () => {
  it('is an aligned one where it fits', () => {
    expect(wrappedTable(['a', 'b'], [['one', 'two words']], { width: 40 })).toBe(
      '  a    b\n  one  two words',
    );
  });

  it('wraps its widest column, and fills the others with nothing', () => {
    const rows = [
      ['one', 'some words that are many'],
      ['two', 'few'],
    ];
    expect(wrappedTable(['a', 'b'], rows, { width: 22 })).toBe(
      ['  a    b', '  one  some words that', '       are many', '  two  few'].join('\n'),
    );
  });

  it('breaks a cell where it has line ends', () => {
    expect(wrappedTable(['a', 'b'], [['x\ny', 'z']], { width: 40 })).toBe('  a  b\n  x  z\n  y');
  });
});
