import type { HostTensor } from '../engine/host-tensor.ts';
import { InputError } from '../engine/input-error.ts';
import type { Tree } from '../engine/tree.ts';
import { branchAt } from '../nn/layer.ts';
import { systems } from '../objectives/systems.ts';
import type { RunConfig } from './config.ts';

/** A frozen image encoder: where it comes from, and its values. */
export interface Teacher {
  readonly run: string;
  readonly step: number;
  readonly params: Tree<HostTensor>;
  readonly stats: Tree<HostTensor>;
}

/** The systems of a run that learn from a teacher: option and branch of the memory are called `teacher`. */
export function taughtIn({ objectives }: Pick<RunConfig, 'objectives'>): string[] {
  return systems
    .filter(({ name, teacher }) => teacher && objectives[name] !== undefined)
    .map(({ name }) => name);
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
