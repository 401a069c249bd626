import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import type { DataSelection } from '../../datasets/data-selection.ts';
import { InputError } from '../../engine/input-error.ts';
import { readConfigJson } from '../../training/config-file.ts';
import { readRunConfig } from '../../training/run/model-state.ts';

/** The folder in a detector's run that results are looked for in. */
const RESULTS = 'detections';
/** What `pointpair detect` says beside results of where the frames are from. */
const manifestSchema = z.looseObject({
  data: z.looseObject({ root: z.string(), split: z.string().optional() }),
});

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
  const root = await rootOf(run);
  const found = await placeOf(root, run);
  if (found !== undefined) return found;
  throw new InputError({
    file: join(run, 'config.json'),
    place: 'data.root',
    expected: `the folder ${root}; --data <folder> says where it is now`,
    found: 'no such folder',
  });
}

/** The sequences and the camera that a pretraining run learned from; of another run nothing is known. */
export async function runSelection(run: string): Promise<Pick<DataSelection, 'sequences' | 'camera'>> {
  try {
    const { sequences, camera } = (await readRunConfig(run)).data;
    return { sequences, camera };
  } catch (error) {
    // What is wrong with a run is told with the run.
    if (error instanceof InputError) return {};
    throw error;
  }
}

/** The results that lie in a detector's run, where they are of the training frames of the data that is shown. */
export async function runDetections(run: string, dataRoot: string): Promise<string | undefined> {
  const folder = join(run, RESULTS);
  const names = await readdir(folder).catch(() => []);
  if (!names.some((name) => /^\d+\.txt$/.test(name))) return undefined;
  const text = await readFile(join(folder, 'detections.json'), 'utf8').catch(() => undefined);
  // Somebody else's results say nothing of where they are from.
  if (text === undefined) return folder;
  const { data: manifest } = manifestSchema.safeParse(parsed(text));
  if (manifest === undefined || (manifest.data.split ?? 'training') !== 'training') return undefined;
  const place = await placeOf(manifest.data.root, run);
  if (place === undefined) return undefined;
  return (await realpath(place)) === (await realpath(dataRoot)) ? folder : undefined;
}

async function rootOf(run: string): Promise<string> {
  const file = join(run, 'config.json');
  const config = await readConfigJson(file, { file: run, expected: "a run's folder, with config.json" });
  if (typeof config.detector !== 'string') return (await readRunConfig(run)).data.root;
  const root = (config.data as { readonly root?: unknown } | undefined)?.root;
  if (typeof root === 'string') return root;
  throw new InputError({ file, place: 'data.root', expected: 'the folder of the data', found: String(root) });
}

/** Where a folder that a run names is: from the working folder, or from one of those above the run's own. */
async function placeOf(root: string, run: string): Promise<string | undefined> {
  const candidates = [root];
  if (!isAbsolute(root)) {
    for (let above = dirname(resolve(run)); ; above = dirname(above)) {
      candidates.push(join(above, root));
      if (above === dirname(above)) break;
    }
  }
  for (const candidate of candidates) if (await isFolder(candidate)) return candidate;
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}
