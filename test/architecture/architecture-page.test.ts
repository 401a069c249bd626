import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { floors } from './floors.ts';
import { repository, textOf } from './source-files.ts';

const page = textOf('docs/architecture.md');
const tableRow = /^\| ([\d.]+) \| `([\w/]+)` \|/gm;
const rows = [...page.matchAll(tableRow)].map(([, floor, room]) => [room, Number(floor)] as const);

describe('the page of the house', () => {
  it('has each room on its floor', () => {
    expect(Object.fromEntries(rows)).toEqual(floors);
    const rooms = readdirSync(join(repository, 'src')).map((room) => `src/${room}`);
    expect(rows.map(([room]) => room)).toEqual(expect.arrayContaining(rooms));
    expect(rows.map(([, floor]) => floor)).toEqual(
      rows.map(([, floor]) => floor).toSorted((a, b) => Number(b) - Number(a)),
    );
  });
});

describe.each(['docs/architecture.md', 'CONTRIBUTING.md'])('%s', (path) => {
  const text = textOf(path);

  it('names files that exist', () => {
    const named = [...text.matchAll(/(?<![\w./-])(?:src|test|tools|exports|bench)\/[\w./-]*[\w/]/g)].map(
      ([name]) => name,
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !existsSync(join(repository, name)))).toEqual([]);
  });

  it('leads to pages, headings and pictures that exist', () => {
    const links = [...text.matchAll(/\]\(([\w./-]+)(?:#([\w-]+))?\)/g)];
    expect(links.length).toBeGreaterThan(5);
    const broken = links.filter(([, link, heading]) => {
      const target = join(dirname(path), link);
      if (!existsSync(join(repository, target))) return true;
      return heading !== undefined && !headingsOf(textOf(target)).includes(heading);
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });
});

/** The names by which a page's headings are linked to, as GitHub makes them. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
