import { join } from 'node:path';
import type { DataSelection } from '../../datasets/data-selection.ts';
import type { HostTensor } from '../../engine/host-tensor.ts';
import { InputError } from '../../engine/input-error.ts';
import type { Tree } from '../../engine/tree.ts';
import { parseRunConfig, type RunConfig } from '../config.ts';
import { readConfigJson } from '../config-file.ts';
import { notedParts } from '../config-keys.ts';
import { initialState } from '../pretrain.ts';
import type { PretrainedReference } from '../pretrained.ts';
import { checkpointOf, loadCheckpoint } from './checkpoint.ts';
import { upgradedConfig, upgradedState } from './old-runs.ts';

/** A run as it was left: its configuration, the data it learned from, and a state. */
export interface TrainedRun {
  readonly config: RunConfig;
  readonly data: DataSelection & { readonly frames?: number };
  /** What its encoders began with, where they were not drawn at random. */
  readonly from?: PretrainedReference;
  readonly step: number;
  readonly checkpoint: string;
  readonly state: Tree<HostTensor>;
}

/** The configuration of a run and the data that it names. Throws an InputError where the folder is no run's. */
export async function readRunConfig(folder: string): Promise<Pick<TrainedRun, 'config' | 'data' | 'from'>> {
  const file = join(folder, 'config.json');
  const missing = { file: folder, expected: "a run's folder, with config.json" };
  const { config, data, from } = await readConfigFile(file, missing);
  if (typeof data?.root === 'string')
    return { config, data: { ...data, root: data.root }, ...(from && { from }) };
  throw new InputError({
    file,
    place: 'data.root',
    expected: 'the folder of the data',
    found: String(data?.root),
  });
}

/** A configuration in a JSON file (`missing` is what an unreadable one is told as), and the records that a run's own has beside it. Throws an InputError for any other. */
export async function readConfigFile(
  file: string,
  missing = { file, expected: 'a configuration' },
): Promise<{
  readonly config: RunConfig;
  readonly data?: Partial<TrainedRun['data']>;
  readonly from?: PretrainedReference;
}> {
  const {
    config,
    beside: { data, from },
  } = notedParts(await readConfigJson(file, missing));
  if (typeof config.detector === 'string' || config.classifier !== undefined) {
    const found =
      config.classifier === undefined ? `a detector's run (${config.detector})` : "a classifier's run";
    throw new InputError({ file, place: 'objectives', expected: 'a pretraining run', found });
  }
  return {
    config: parseRunConfig(upgradedConfig(config), { file }),
    data: data as Partial<TrainedRun['data']> | undefined,
    ...(from !== undefined && { from: from as PretrainedReference }),
  };
}

/**
 * A run with the state of its newest checkpoint, or of a given step. Throws an InputError where there is none, or of
 * another form.
 *
 * @example
 * const { config, step, state } = await loadRun('runs/first');
 * step; // 10
 * Object.keys(state); // ["optimizer", "params", "stats"]
 */
export async function loadRun(folder: string, options: { readonly step?: number } = {}): Promise<TrainedRun> {
  const { config, data, from } = await readRunConfig(folder);
  const entry = await checkpointOf(folder, options.step);
  const { state, meta } = await loadCheckpoint(entry.folder, {
    expected: initialState(config, { frames: data.frames ?? 0 }),
    older: { state: upgradedState, fingerprints: [] },
  });
  return { config, data, ...(from && { from }), step: meta.step, checkpoint: entry.folder, state };
}
