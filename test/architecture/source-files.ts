import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The folder of the repository. */
export const repository = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Paths of all TypeScript files below a folder, relative to the repository, with slashes. */
export function typescriptFiles(folder: string): string[] {
  return readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(repository, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

/** A file's text. */
export function textOf(path: string): string {
  return readFileSync(join(repository, path), 'utf8');
}

const trees = new Map<string, ts.SourceFile>();

/** A file's syntax tree. */
export function syntaxOf(path: string): ts.SourceFile {
  const known = trees.get(path);
  if (known !== undefined) return known;
  const tree = ts.createSourceFile(path, textOf(path), ts.ScriptTarget.Latest, true);
  trees.set(path, tree);
  return tree;
}

/** One import or re-export of another file of the repository. */
export interface Import {
  readonly from: string;
  readonly to: string;
  /** Gone when the program runs. */
  readonly typeOnly: boolean;
}

/** What a file imports and re-exports by relative path, dynamic imports and workers' `new URL` apart. */
export function importsOf(path: string): Import[] {
  return syntaxOf(path).statements.flatMap((statement) => {
    const isExport = ts.isExportDeclaration(statement);
    if (!isExport && !ts.isImportDeclaration(statement)) return [];
    const { moduleSpecifier } = statement;
    if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return [];
    if (!moduleSpecifier.text.startsWith('.')) return [];
    const to = join(dirname(path), moduleSpecifier.text).replaceAll('\\', '/');
    const typeOnly = isExport
      ? statement.isTypeOnly
      : statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
    return [{ from: path, to, typeOnly }];
  });
}

/** Every cycle that a walk along the edges comes upon, as `a > b > a`. */
export function cyclesOf(edges: ReadonlyArray<{ readonly from: string; readonly to: string }>): string[] {
  const targets = new Map<string, string[]>();
  for (const { from, to } of edges) targets.set(from, [...(targets.get(from) ?? []), to]);
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (node: string, trail: readonly string[]): void => {
    const begin = trail.indexOf(node);
    if (begin >= 0) cycles.push([...trail.slice(begin), node].join(' > '));
    else if (!done.has(node)) {
      for (const target of targets.get(node) ?? []) visit(target, [...trail, node]);
      done.add(node);
    }
  };
  for (const node of targets.keys()) visit(node, []);
  return cycles;
}
