import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { floors } from './floors.ts';
import { repository, textOf } from './source-files.ts';

const page = textOf('docs/architecture.md');
const rows = [...page.matchAll(/^\| ([\d.]+) \| `([\w/]+)` \|/gm)].map(([, floor, room]) => [
  room,
  Number(floor),
]);
const named = [...page.matchAll(/`((?:src|test|tools|exports|bench)\/[\w./-]+)`/g)].map(([, path]) => path);
const links = [...page.matchAll(/\]\(([\w./-]+?)(?:#[\w-]+)?\)/g)].map(([, path]) => path);

describe('the page of the house', () => {
  it('has each room on its floor', () => {
    expect(Object.fromEntries(rows)).toEqual(floors);
    const rooms = readdirSync(join(repository, 'src')).map((room) => `src/${room}`);
    expect(rows.map(([room]) => room)).toEqual(expect.arrayContaining(rooms));
    expect(rows.map(([, floor]) => floor)).toEqual(
      rows
        .map(([, floor]) => floor)
        .toSorted()
        .reverse(),
    );
  });

  it('names files that exist', () => {
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter((path) => !existsSync(join(repository, path)))).toEqual([]);
  });

  it('leads to pages and pictures that exist', () => {
    expect(links.length).toBeGreaterThan(15);
    expect(links.filter((path) => !existsSync(join(repository, 'docs', path)))).toEqual([]);
  });
});
