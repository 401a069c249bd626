import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostTensor } from '../engine/host-tensor.ts';
import { InputError } from '../engine/input-error.ts';
import type { Tree } from '../engine/tree.ts';
import { latestCheckpoint, listCheckpoints, loadCheckpoint } from './checkpoint.ts';
import { parseRunConfig, type RunConfig } from './config.ts';
import { initialState } from './pretrain.ts';

/** A run as it was left: what it was told, the data it learned from, and a state. */
export interface TrainedRun {
  readonly config: RunConfig;
  readonly data: { readonly root: string; readonly imageSet?: string };
  readonly step: number;
  readonly checkpoint: string;
  readonly state: Tree<HostTensor>;
}

/** The configuration of a run and the data that it names. Throws an InputError where the folder is no run's. */
export async function readRunConfig(folder: string): Promise<Pick<TrainedRun, 'config' | 'data'>> {
  const file = join(folder, 'config.json');
  const missing = { file: folder, expected: "a run's folder, with config.json" };
  const { config, data } = await readConfigFile(file, missing);
  if (typeof data?.root === 'string') return { config, data: { ...data, root: data.root } };
  throw new InputError({
    file,
    place: 'data.root',
    expected: 'the folder of the data',
    found: String(data?.root),
  });
}

/** A configuration in a JSON file (`missing` is what an unreadable one is told as), and the record of the data that a run's own has beside it. Throws an InputError for any other. */
export async function readConfigFile(
  file: string,
  missing = { file, expected: 'a configuration' },
): Promise<{ readonly config: RunConfig; readonly data?: Partial<TrainedRun['data']> }> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ ...missing, found: error.code ?? error.message });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError({ file, expected: 'JSON', found: (error as Error).message });
  }
  if (typeof value !== 'object' || value === null) {
    throw new InputError({ file, expected: 'a JSON object', found: typeof value });
  }
  const { data, ...config } = value as { data?: Partial<TrainedRun['data']> };
  return { config: parseRunConfig(config, { file }), data };
}

/** A run with the state of its newest checkpoint, or of a given step. Throws an InputError where there is none, or of another form. */
export async function loadRun(folder: string, options: { readonly step?: number } = {}): Promise<TrainedRun> {
  const { config, data } = await readRunConfig(folder);
  const entries = await listCheckpoints(folder);
  const entry =
    options.step === undefined
      ? await latestCheckpoint(folder)
      : entries.find(({ step }) => step === options.step);
  if (entry === undefined) {
    const there = entries.map(({ step }) => step).join(', ') || 'none';
    const expected = options.step === undefined ? 'a checkpoint' : `a checkpoint of step ${options.step}`;
    throw new InputError({ file: join(folder, 'checkpoints'), expected, found: there });
  }
  const { state, meta } = await loadCheckpoint(entry.folder, { expected: initialState(config) });
  return { config, data, step: meta.step, checkpoint: entry.folder, state };
}
