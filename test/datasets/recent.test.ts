import { describe, expect, it } from 'vitest';
import { Recent } from '../../src/datasets/recent.ts';

/** Keeps texts by their length, and says what was made. */
function recentTexts(limit: number) {
  const made: string[] = [];
  const recent = new Recent<string>(limit, (text) => text.length);
  const get = (key: string, text = key) =>
    recent.get(key, async () => {
      made.push(key);
      return text;
    });
  return { recent, made, get };
}

describe('Recent', () => {
  it('keeps what was used last, as far as it fits', async () => {
    const { made, get } = recentTexts(6);
    for (const key of ['aa', 'bb', 'cc', 'aa', 'dd']) expect(await get(key)).toBe(key);
    // bb had not been used for longest.
    for (const key of ['aa', 'cc', 'dd', 'bb']) await get(key);
    expect(made).toEqual(['aa', 'bb', 'cc', 'dd', 'bb']);
  });

  it('keeps what is too large until something else is asked for', async () => {
    const { made, get } = recentTexts(3);
    for (const key of ['large', 'large', 'a', 'large']) await get(key, key === 'large' ? 'four' : key);
    expect(made).toEqual(['large', 'a', 'large']);
  });

  it('makes once what is asked for twice at a time', async () => {
    const { made, get } = recentTexts(10);
    expect(await Promise.all([get('a', 'first'), get('a', 'second')])).toEqual(['first', 'first']);
    expect(made).toEqual(['a']);
  });

  it('does not keep what fails', async () => {
    const { recent, get } = recentTexts(10);
    const failing = () => recent.get('a', () => Promise.reject(new Error('no')));
    const both = await Promise.allSettled([failing(), get('a')]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await get('a', 'mended')).toBe('mended');
  });
});
