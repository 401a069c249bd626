import type { ModelName, RunInfo } from '../../protocol.ts';
import type { ViewState } from '../view-state.ts';
import type { Choices } from '../widgets/controls.ts';

/** The model that the state means: the newest checkpoint for `latest`, and what the run began with where there is none; undefined without a run, and for a detector's or classifier's. */
export function modelOf(
  { model }: Pick<ViewState, 'model'>,
  run: RunInfo | undefined,
): ModelName | undefined {
  if (run?.learns !== 'encoders') return undefined;
  return model === 'latest' ? (run.checkpoints.at(-1) ?? 'before') : model;
}

/** The models of a run by name, newest first, with the one that is chosen: a run that trains may have it before this page knows. */
export function modelChoices({ checkpoints }: RunInfo, chosen: ViewState['model']): Choices {
  const newest = checkpoints.at(-1);
  const steps = new Set([...checkpoints, ...(typeof chosen === 'number' ? [chosen] : [])]);
  return [
    ['latest', newest === undefined ? 'Newest (none yet)' : `Newest (step ${newest})`],
    ...[...steps].sort((a, b) => b - a).map((step) => [String(step), `Step ${step}`] as const),
    ['before', 'Before training'],
  ];
}

/** The model of a second run that goes with one of the first: of the same step, or else its newest. */
export function modelBeside(model: ModelName, { checkpoints }: Pick<RunInfo, 'checkpoints'>): ModelName {
  if (model === 'before' || checkpoints.includes(model)) return model;
  return checkpoints.at(-1) ?? 'before';
}

/** What the features of a run are shown beside; nothing where the state asks for a second run and there is none. */
export function comparedWith(
  { compare }: Pick<ViewState, 'compare'>,
  hasOther: boolean,
): ViewState['compare'] {
  return compare === 'run' && !hasOther ? 'nothing' : compare;
}

/** A model's name for a person. */
export function modelName(model: ModelName): string {
  return model === 'before' ? 'Before training' : `Step ${model}`;
}
