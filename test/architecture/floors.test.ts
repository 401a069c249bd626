import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { floors } from './floors.ts';
import { cyclesOf, importsOf, repository, syntaxOf, textOf, typescriptFiles } from './source-files.ts';

const longestFile = 450;

const sources = ['src', 'tools', 'bench'].flatMap(typescriptFiles);
const imports = sources.flatMap(importsOf);

function roomOf(path: string): string {
  return path.startsWith('src/') ? path.split('/').slice(0, 2).join('/') : path.split('/')[0];
}

function isExported(statement: ts.Statement): boolean {
  return (
    ts.canHaveModifiers(statement) &&
    (ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false)
  );
}

describe('the house', () => {
  it('is found', () => {
    expect(sources.length).toBeGreaterThan(100);
    expect(imports.length).toBeGreaterThan(300);
  });

  it('has no room without a floor', () => {
    expect(sources.filter((path) => floors[roomOf(path)] === undefined)).toEqual([]);
  });

  it('imports files that exist, and none outside of src, tools and bench', () => {
    const wrong = imports.filter(
      ({ to }) => !/^(src|tools|bench)\//.test(to) || !existsSync(join(repository, to)),
    );
    expect(wrong.map(({ from, to }) => `${from} > ${to}`)).toEqual([]);
  });

  it('imports down only', () => {
    const up = imports.filter(({ from, to }) => floors[roomOf(to)] > floors[roomOf(from)]);
    expect(up.map(({ from, to }) => `${from} > ${to}`)).toEqual([]);
  });

  it('has no cycle between rooms', () => {
    const rooms = imports.map(({ from, to }) => ({ from: roomOf(from), to: roomOf(to) }));
    expect(cyclesOf(rooms.filter(({ from, to }) => from !== to))).toEqual([]);
  });

  it('has no cycle between files when it runs', () => {
    expect(cyclesOf(imports.filter(({ typeOnly }) => !typeOnly))).toEqual([]);
  });

  it('finds a cycle where there is one', () => {
    const edge = (from: string, to: string) => ({ from, to });
    expect(cyclesOf([edge('a', 'b'), edge('b', 'c'), edge('c', 'b')])).toEqual(['b > c > b']);
    expect(cyclesOf([edge('a', 'b'), edge('a', 'c'), edge('b', 'c')])).toEqual([]);
  });
});

describe('every source file', () => {
  it('is named in kebab case', () => {
    expect(sources.filter((path) => !/^[a-z0-9-]+(\/[a-z0-9-]+)*\.ts$/.test(path))).toEqual([]);
  });

  it(`has at most ${longestFile} lines`, () => {
    const long = sources.filter((path) => textOf(path).trimEnd().split('\n').length > longestFile);
    expect(long).toEqual([]);
  });

  it('draws no unseeded random numbers', () => {
    expect(sources.filter((path) => textOf(path).includes('Math.random'))).toEqual([]);
  });

  it('exports by name, never by default or by star', () => {
    const wrong = [...sources, ...typescriptFiles('exports')].filter((path) =>
      syntaxOf(path).statements.some(
        (statement) =>
          ts.isExportAssignment(statement) ||
          (ts.isExportDeclaration(statement) &&
            (statement.exportClause === undefined || !ts.isNamedExports(statement.exportClause))) ||
          (ts.canHaveModifiers(statement) &&
            ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it('is no barrel: it declares something itself', () => {
    const barrels = sources.filter((path) => {
      const { statements } = syntaxOf(path);
      return statements.some(ts.isExportDeclaration) && !statements.some(isExported);
    });
    expect(barrels).toEqual([]);
    expect(sources.filter((path) => /(^|\/)index\.ts$/.test(path))).toEqual([]);
  });
});

describe('the tests', () => {
  it('mirror the folders of src', () => {
    const own = ['test/architecture/', 'test/package/', 'test/tools/', 'test/viewer/browser/'];
    const folders = typescriptFiles('test')
      .filter((path) => path.split('/').length > 2 && !own.some((folder) => path.startsWith(folder)))
      .map((path) => path.split('/').slice(1, -1).join('/'));
    const strange = [...new Set(folders)].filter((folder) => !existsSync(join(repository, 'src', folder)));
    expect(strange).toEqual([]);
  });
});

describe('the repository', () => {
  it('names no place of the machine that it was written on', () => {
    const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: repository,
      encoding: 'utf8',
    })
      .split('\0')
      .filter((path) => /\.(ts|js|mjs|json|md|py|html|svg|yml|sh)$|^\.ci\//.test(path))
      .filter((path) => existsSync(join(repository, path)));
    expect(files.length).toBeGreaterThan(100);
    // A word that begins as an absolute path of a home, a root or a temporary folder does; addresses have more before it.
    const absolute = /(?<![\w.:/~-])\/(home|root|work|tmp|Users|mnt)\/[\w.-]+/;
    const wrong = files.filter((path) => absolute.test(readFileSync(join(repository, path), 'utf8')));
    expect(wrong).toEqual([]);
  });
});
