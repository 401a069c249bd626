import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { System } from '../../src/objectives/objective.ts';
import { repository } from '../architecture/source-files.ts';

/** The system of docs/writing-an-objective.md, letter for letter; only its imports are found from another folder. */
export async function writtenObjective(): Promise<{ readonly system: System; readonly module: object }> {
  const page = await readFile(join(repository, 'docs', 'writing-an-objective.md'), 'utf8');
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block]) => block);
  const file = blocks.find((block) => block.includes('system<'));
  if (file === undefined) throw new Error('the page has no system');
  const source = file
    .replaceAll("from './", "from '../objectives/")
    .replaceAll("from '../", "from '../../src/");
  // Below the repository, where packages are found, in a folder that git does not see.
  await mkdir(join(repository, 'out'), { recursive: true });
  const folder = await mkdtemp(join(repository, 'out', 'written-'));
  try {
    await writeFile(join(folder, 'alignment.ts'), source);
    const module: { readonly alignment: System } = await import(
      /* @vite-ignore */ pathToFileURL(join(folder, 'alignment.ts')).href
    );
    return { system: module.alignment, module };
  } finally {
    await rm(folder, { recursive: true });
  }
}
