import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { detectorNames as detectors } from '../../src/training/detection/detection-config.ts';
import { detectionPresetNames as detectionPresets } from '../../src/training/detection/detection-presets.ts';
import { presetNames as presets } from '../../src/training/presets.ts';
import { detectionPresetNames, detectorNames, presetNames } from '../../tools/names.ts';
import { importsOf, syntaxOf, textOf, typescriptFiles } from '../architecture/source-files.ts';

describe('the names that help lists', () => {
  it('are those that there are', () => {
    expect(presetNames).toEqual(presets);
    expect(detectorNames).toEqual(detectors);
    expect(detectionPresetNames).toEqual(detectionPresets);
  });
});

/** The packages that a file loads, with all files that it imports before it runs; and how many files those are. */
function loadedBy(path: string): { readonly files: number; readonly packages: string[] } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const waiting = [path];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    for (const { to, typeOnly } of importsOf(file)) if (!typeOnly) waiting.push(to);
    for (const statement of syntaxOf(file).statements) {
      if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) continue;
      if (statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword) continue;
      const { text } = statement.moduleSpecifier;
      if (!/^(\.|node:)/.test(text)) packages.add(text);
    }
  }
  return { files: files.size, packages: [...packages] };
}

const commandFiles = typescriptFiles('tools').filter(
  (path) => path === 'tools/cli.ts' || textOf(path).includes('export function command()'),
);

describe('a command', () => {
  it('is in a file of its own', () => expect(commandFiles.length).toBeGreaterThan(15));

  it.each(commandFiles)('in %s loads what it works with when it works', (path) => {
    const { files, packages } = loadedBy(path);
    expect(packages.filter((name) => name !== 'commander')).toEqual([]);
    expect(files).toBeLessThan(20);
  });
});
