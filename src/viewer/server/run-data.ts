import { readdir, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { InputError } from '../../engine/input-error.ts';
import { readRunConfig } from '../../training/model-state.ts';

/** Whether a folder is that of a run, complete or not. */
export async function isRunFolder(path: string): Promise<boolean> {
  const names = await readdir(path).catch(() => []);
  return names.some((name) => ['config.json', 'metrics.jsonl', 'checkpoints'].includes(name));
}

/**
 * The folder of the data that a run learned from: as its configuration has it, from the working folder or from one of those
 * above the run's own. Throws InputError where it is not there any more.
 */
export async function runData(run: string): Promise<string> {
  const { root } = (await readRunConfig(run)).data;
  const candidates = [root];
  if (!isAbsolute(root)) {
    for (let above = dirname(resolve(run)); ; above = dirname(above)) {
      candidates.push(join(above, root));
      if (above === dirname(above)) break;
    }
  }
  for (const candidate of candidates) if (await isFolder(candidate)) return candidate;
  throw new InputError({
    file: join(run, 'config.json'),
    place: 'data.root',
    expected: `the folder ${root}; --data <folder> says where it is now`,
    found: 'no such folder',
  });
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}
