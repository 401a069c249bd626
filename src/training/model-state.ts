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
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new InputError({
      file: folder,
      expected: "a run's folder, with config.json",
      found: error.code ?? error.message,
    });
  });
  const { data, ...config } = JSON.parse(text) as { data: TrainedRun['data'] };
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
