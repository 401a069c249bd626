import { join } from 'node:path';
import type { ModelTensors } from '../../detection/detector.ts';
import { InputError } from '../../engine/input-error.ts';
import { branchAt } from '../../nn/layer.ts';
import { readConfigJson } from '../config-file.ts';
import { notedParts } from '../config-keys.ts';
import { checkpointOf, loadCheckpoint } from '../run/checkpoint.ts';
import { upgradedConfig } from '../run/old-runs.ts';
import { applyDetectionSettings, type DetectionConfig, parseDetectionConfig } from './detection-config.ts';
import { detectionState } from './finetune.ts';
import { loadScoreHead } from './score-head-files.ts';

/** A detector's run as it was left. */
export interface DetectionRun {
  readonly config: DetectionConfig;
  readonly data: { readonly root: string; readonly imageSet?: string };
  readonly step: number;
  readonly checkpoint: string;
  readonly model: ModelTensors;
}

/** A detector's run with the state of its newest checkpoint, or of a given step. Throws an InputError where the folder is none. */
export async function loadDetectionRun(
  folder: string,
  options: { readonly step?: number } = {},
): Promise<DetectionRun> {
  const { config, data } = await readDetectionConfig(folder);
  const entry = await checkpointOf(folder, options.step);
  const { state, meta } = await loadCheckpoint(entry.folder, { expected: detectionState(config) });
  const trained = { params: branchAt(state, 'params'), stats: branchAt(state, 'stats') };
  const model = withScoreHead(trained, await loadScoreHead(folder, meta));
  return { config, data, step: meta.step, checkpoint: entry.folder, model };
}

/** Whether a run trained a detector. Throws an InputError where the folder is no run's. */
export async function isDetectionRun(folder: string): Promise<boolean> {
  const missing = { file: folder, expected: "a run's folder, with config.json" };
  return typeof (await readConfigJson(join(folder, 'config.json'), missing)).detector === 'string';
}

/** The configuration of a detector's run, and the data that it learned from. Throws an InputError where the folder is none. */
export async function readDetectionConfig(folder: string): Promise<Pick<DetectionRun, 'config' | 'data'>> {
  const file = join(folder, 'config.json');
  const value = await readConfigJson(file, {
    file: folder,
    expected: "the folder of a detector's run, with config.json",
  });
  const { config, beside } = notedParts(value);
  if (typeof config.detector !== 'string') {
    const { objectives } = upgradedConfig(config) as { readonly objectives?: object };
    const found = objectives ? `a pretraining run (${Object.keys(objectives).join(' + ')})` : 'none';
    throw new InputError({
      file,
      place: 'detector',
      expected: "a detector's run, as pointpair finetune leaves it",
      found,
    });
  }
  return { config: parseDetectionConfig(config, { file }), data: dataRecord(beside.data, file) };
}

/** The run with another lowest score, above 0 and up to 1; as it is where none is given. */
export function withThreshold(run: DetectionRun, scoreThreshold: number | undefined): DetectionRun {
  if (scoreThreshold === undefined) return run;
  // A score that was read in a result file is rounded, to nine digits, and may be above the one that it was written for.
  const setting = `${run.config.detector}.scoreThreshold=${scoreThreshold * (1 - 1e-8)}`;
  return { ...run, config: applyDetectionSettings(run.config, [setting]) };
}

function withScoreHead({ params, stats }: ModelTensors, head: ModelTensors | undefined): ModelTensors {
  if (head === undefined) return { params, stats };
  return { params: { ...params, scoreHead: head.params }, stats: { ...stats, scoreHead: head.stats } };
}

function dataRecord(data: unknown, file: string): DetectionRun['data'] {
  const root = (data as { root?: unknown } | undefined)?.root;
  if (typeof root === 'string') return { ...(data as object), root };
  throw new InputError({ file, place: 'data.root', expected: 'the folder of the data', found: String(root) });
}
