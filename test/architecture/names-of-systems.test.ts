import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { presetNames } from '../../src/training/presets.ts';
import { repository, textOf } from './source-files.ts';

/** Files that speak of one system: its own, its step in PyTorch, the list of systems, runs from when there was no other, and the tour. */
const own = [
  /^src\/objectives\/simipu[\w-]*\.ts$/,
  /^src\/objectives\/systems\.ts$/,
  /^src\/training\/run\/old-runs\.ts$/,
  /^tools\/demo\.ts$/,
  /^bench\/peers\/simipu\.py$/,
];

/** A text without the names of presets, which name runs. */
function withoutPresets(text: string): string {
  return presetNames.reduce((rest, name) => rest.replaceAll(name, ''), text);
}

const files = ['src', 'tools', 'bench'].flatMap((folder) =>
  readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|py|html|css)$/.test(entry.name))
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(repository.length + 1)
        .replaceAll('\\', '/'),
    ),
);

describe('the house knows no system by name', () => {
  it('outside of its own files, presets apart', () => {
    expect(files.length).toBeGreaterThan(300);
    const others = files.filter((path) => !own.some((each) => each.test(path)));
    expect(others.filter((path) => /simipu/i.test(path))).toEqual([]);
    expect(others.filter((path) => /simipu/i.test(withoutPresets(textOf(path))))).toEqual([]);
  });

  it('and finds one where it is', () => {
    expect(withoutPresets('--preset simipu-small')).not.toMatch(/simipu/i);
    expect(withoutPresets('as SimIPU has it')).toMatch(/simipu/i);
    for (const each of own) expect(files.some((path) => each.test(path))).toBe(true);
  });
});
