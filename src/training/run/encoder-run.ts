import { join } from 'node:path';
import { initEncoders } from '../../encoders/encoders.ts';
import type { HostTensor } from '../../engine/host-tensor.ts';
import { InputError } from '../../engine/input-error.ts';
import { Random } from '../../engine/random.ts';
import type { Tree } from '../../engine/tree.ts';
import { branchAt, branchOrNone } from '../../nn/layer.ts';
import type { RunConfig } from '../config.ts';
import { readConfigJson } from '../config-file.ts';
import { notedParts } from '../config-keys.ts';
import { type ClassifierConfig, describeStage, parseClassifierConfig } from '../probe/classifier-config.ts';
import { checkpointOf, loadCheckpoint, loadMatching } from './checkpoint.ts';
import { loadRun, type TrainedRun } from './model-state.ts';

/** A run with encoders, whatever they learned by: a pretraining run, or one that trained a classifier of pictures. */
export interface EncoderRun extends Pick<TrainedRun, 'data' | 'step' | 'checkpoint' | 'state'> {
  readonly config: RunConfig | ClassifierConfig;
}

/** The configuration of a run that trained a classifier, and what it learned from; undefined for any other run. */
export async function readClassifierRun(
  folder: string,
): Promise<
  | (Pick<TrainedRun, 'data' | 'from'> & { readonly config: ClassifierConfig; readonly file: string })
  | undefined
> {
  const file = join(folder, 'config.json');
  const value = await readConfigJson(file, { file: folder, expected: "a run's folder, with config.json" });
  if (value.classifier === undefined) return undefined;
  const {
    config,
    beside: { data, from },
  } = notedParts(value);
  return {
    config: parseClassifierConfig(config, { file }),
    data: data as TrainedRun['data'],
    ...(from !== null && { from: from as TrainedRun['from'] }),
    file,
  };
}

/**
 * A run whose encoders are to be looked at, with the state of its newest checkpoint, or of a given step. Throws an InputError
 * where there is none, or of another form.
 */
export async function loadEncoderRun(
  folder: string,
  options: { readonly step?: number } = {},
): Promise<EncoderRun> {
  const classifier = await readClassifierRun(folder);
  if (classifier === undefined) return loadRun(folder, options);
  const { config, data } = classifier;
  const entry = await checkpointOf(folder, options.step);
  const { state, meta } = await loadCheckpoint(entry.folder);
  const { params, stats } = initEncoders(Random.fromSeed(config.seed), config.encoders);
  const model: Tree<HostTensor> = { params: branchAt(state, 'params'), stats: branchOrNone(state, 'stats') };
  const { missing, differing } = loadMatching({ params, stats }, model);
  const wrong = [...missing, ...differing.map(({ path }) => path)];
  if (wrong.length > 0) {
    throw new InputError({
      file: entry.folder,
      place: wrong[0],
      expected: 'the encoder of this configuration',
      found: `${wrong.length} tensors that it has not, or in another shape`,
    });
  }
  return { config, data, step: meta.step, checkpoint: entry.folder, state };
}

/** What a run's encoders learned by: its systems, or the labels of a classifier. */
export function describeTraining(config: RunConfig | ClassifierConfig): string {
  return 'classifier' in config
    ? describeStage(config.classifier)
    : Object.keys(config.objectives).join(' + ');
}
