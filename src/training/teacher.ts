import type { HostTensor } from '../engine/host-tensor.ts';
import { InputError } from '../engine/input-error.ts';
import type { Tree } from '../engine/tree.ts';
import { branchAt, branchOrNone } from '../nn/layer.ts';
import { systems } from '../objectives/systems.ts';
import { parseRunConfig, type RunConfig } from './config.ts';
import { loadRun } from './run/model-state.ts';

/** A frozen image encoder: where it comes from, and its values. */
export interface Teacher {
  readonly run: string;
  readonly step: number;
  readonly params: Tree<HostTensor>;
  readonly stats: Tree<HostTensor>;
}

/** The systems of a run that learn from a teacher: option and branch of the memory are called `teacher`. */
function taughtIn({ objectives }: Pick<RunConfig, 'objectives'>): string[] {
  return systems
    .filter(({ name, teacher }) => teacher && objectives[name] !== undefined)
    .map(({ name }) => name);
}

/**
 * A configuration with the image encoder of another run as the teacher of its systems, and that encoder's values. Throws an
 * InputError where no system takes a teacher, where the run has no image encoder, and where its pictures have other colours.
 */
export async function adoptTeacher(
  config: RunConfig,
  run: string,
  options: { readonly step?: number } = {},
): Promise<{ readonly config: RunConfig; readonly teacher: Teacher }> {
  const taught = taughtIn(config);
  if (taught.length === 0) {
    const able = systems.filter(({ teacher }) => teacher).map(({ name }) => name);
    throw new InputError({
      file: 'configuration',
      place: 'objectives',
      expected: `a system that learns from a teacher: ${able.join(', ')}`,
      found: Object.keys(config.objectives).join(', '),
    });
  }
  const { config: theirs, state, step } = await loadRun(run, options);
  const { image } = theirs.encoders;
  if (image === undefined)
    throw new InputError({ file: run, place: 'encoders.image', expected: 'an image encoder', found: 'none' });
  const { input, ...encoder } = image;
  const colours = config.encoders.image?.input.colours;
  if (input.colours !== colours) {
    const expected = `${colours}, the colours of the student's pictures`;
    throw new InputError({
      file: run,
      place: 'encoders.image.input.colours',
      expected,
      found: input.colours,
    });
  }
  const objectives = { ...config.objectives } as { [name: string]: object };
  for (const name of taught) objectives[name] = { ...objectives[name], teacher: encoder };
  const part = (name: 'params' | 'stats') => branchOrNone(branchAt(state, name), 'imageEncoder');
  return {
    config: parseRunConfig({ ...config, objectives }, { file: run }),
    teacher: { run, step, params: part('params'), stats: part('stats') },
  };
}

/** The state that a run begins with, the teacher's values in it. Throws an InputError where a system needs one and none is given. */
export function withTeacher(
  config: RunConfig,
  state: Tree<HostTensor>,
  teacher: Teacher | undefined,
): Tree<HostTensor> {
  const taught = taughtIn(config);
  if (taught.length === 0) return state;
  if (teacher === undefined) {
    throw new InputError({
      file: 'options',
      expected: `--teacher, the run whose image encoder ${taught.join(' and ')} learns from`,
      found: 'none',
    });
  }
  const memory: { [name: string]: HostTensor | Tree<HostTensor> } = { ...branchAt(state, 'memory') };
  const { params, stats } = teacher;
  const values = { params: { imageEncoder: params }, stats: { imageEncoder: stats } };
  for (const name of taught) memory[name] = { ...branchAt(memory, name), teacher: values };
  return { ...state, memory };
}
