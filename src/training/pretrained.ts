import { readFile } from 'node:fs/promises';
import type { ImageEncoderConfig } from '../encoders/encoder-config.ts';
import type { PictureSize } from '../encoders/image-kind.ts';
import { describeTaken, fromLibrary } from '../encoders/library-weights.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import { InputError, reasonOf } from '../engine/input-error.ts';
import { leavesOf, type Tree } from '../engine/tree.ts';
import { branchAt, branchOrNone } from '../nn/layer.ts';
import { checkpointOf, loadCheckpoint, loadMatching } from './run/checkpoint.ts';
import { decodeSafetensors } from './run/safetensors.ts';

/** Parameters and running statistics. */
interface Model {
  readonly params: Tree<HostTensor>;
  readonly stats: Tree<HostTensor>;
}

/** Where a model's first values came from: paths are those of its state, `params/…` and `stats/…`. */
export interface Initialization {
  /** The run's folder, and the step of its checkpoint; or a file of weights, which has no step. */
  readonly run: string;
  readonly step?: number;
  readonly loaded: readonly string[];
  /** The model's own tensors that the run does not have. */
  readonly fresh: readonly string[];
  /** The run's tensors that the model has no place for. */
  readonly unused: readonly string[];
}

/** Branches whose tensors mean the same in every model. */
const ENCODERS = ['imageEncoder', 'pointEncoder'];

/** Where an encoder begins: a run, at its newest step where none is given, or a file of weights (`.safetensors`). */
export interface PretrainedReference {
  readonly run: string;
  readonly step?: number;
  /** Takes the run's heads as well, all that the model has: the run is one of the same detector. */
  readonly heads?: boolean;
}

/** Whether encoders begin with a file of weights rather than with a run. */
export function isWeightsFile(run: string): boolean {
  return run.endsWith('.safetensors');
}

/** A model that begins with a run's encoders or with a file's weights of its image encoder, and what was made of them in words. */
export async function beginWith(
  model: Model,
  { run, step, heads }: PretrainedReference,
  image: (ImageEncoderConfig & { readonly input?: PictureSize }) | undefined,
): Promise<{ readonly model: Model; readonly initialization: Initialization; readonly description: string }> {
  if (!isWeightsFile(run)) {
    const begun = await initializeFrom(model, run, { step, heads });
    return { ...begun, description: describeInitialization(begun.initialization) };
  }
  if (image === undefined) {
    throw new InputError({
      file: run,
      expected: 'a model with an image encoder to begin with it',
      found: 'none',
    });
  }
  if (heads) {
    throw new InputError({
      file: run,
      expected: "a detector's run, to take its heads",
      found: 'a file of weights',
    });
  }
  const bytes = await readFile(run).catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ file: run, expected: 'a file of weights', found: reasonOf(error) });
  });
  const { tensors } = decodeSafetensors(bytes, { file: run });
  const own = {
    params: branchAt(model.params, 'imageEncoder'),
    stats: branchOrNone(model.stats, 'imageEncoder'),
  };
  const { model: encoder, weights } = fromLibrary(image, own, tensors, { file: run });
  const params = { ...model.params, imageEncoder: encoder.params };
  const hasStats = Object.keys(encoder.stats).length > 0;
  const stats = hasStats ? { ...model.stats, imageEncoder: encoder.stats } : model.stats;
  return {
    model: { params, stats },
    initialization: {
      run,
      loaded: weights.taken,
      fresh: weights.missing,
      unused: weights.left.map(({ name }) => name),
    },
    description: describeTaken(weights, { file: run }),
  };
}

/**
 * A model with the encoders of a run's checkpoint, a pretraining's or a detector's, by tree path; with `heads` all of it.
 * Throws an InputError where the run has none of the model's encoders (with `heads`: not all of the model), and where one of theirs
 * has another shape.
 */
export async function initializeFrom(
  model: Model,
  run: string,
  options: { readonly step?: number; readonly heads?: boolean } = {},
): Promise<{ readonly model: Model; readonly initialization: Initialization }> {
  const entry = await checkpointOf(run, options.step);
  const { state } = await loadCheckpoint(entry.folder);
  const source = { params: branchAt(state, 'params'), stats: branchOrNone(state, 'stats') };
  const parts = options.heads ? Object.keys(model.params) : ENCODERS;
  const taken = { params: only(source.params, parts), stats: only(source.stats, parts) };
  const target: Tree<HostTensor> = { params: model.params, stats: model.stats };
  const result = loadMatching(target, taken);
  const [first, ...others] = result.differing;
  if (first !== undefined) {
    throw new InputError({
      file: entry.folder,
      place: first.path,
      expected: `${first.expected}, as the configuration has it`,
      found: `${first.found}${others.length > 0 ? `, and ${others.length} more that differ` : ''}: a run of another width or depth`,
    });
  }
  if (result.loaded.length === 0) {
    throw new InputError({
      file: entry.folder,
      expected: `an encoder that the model has: ${Object.keys(model.params)
        .filter((name) => ENCODERS.includes(name))
        .join(', ')}`,
      found: Object.keys(source.params).join(', '),
    });
  }
  if (options.heads && result.missing.length > 0) {
    throw new InputError({
      file: entry.folder,
      expected: `a run of the same detector, with ${result.missing[0]}`,
      found: `${Object.keys(source.params).join(', ')} without it`,
    });
  }
  const whole = leavesOf<HostTensor>(source).map(([path]) => path);
  const loaded = new Set(result.loaded);
  return {
    model: { params: branchAt(result.state, 'params'), stats: branchOrNone(result.state, 'stats') },
    initialization: {
      run,
      step: entry.step,
      loaded: result.loaded,
      fresh: result.missing,
      unused: whole.filter((path) => !loaded.has(path)),
    },
  };
}

/** An initialization in words, a line for each branch: what was loaded, what is new, and what was left behind and why. */
export function describeInitialization({ run, step, loaded, fresh, unused }: Initialization): string {
  const count = (paths: readonly string[]) => {
    const branches = new Map<string, { params: number; stats: number }>();
    for (const path of paths) {
      const [part, branch] = path.split('/');
      const known = branches.get(branch) ?? { params: 0, stats: 0 };
      if (part === 'params') known.params++;
      else known.stats++;
      branches.set(branch, known);
    }
    return [...branches];
  };
  const tensors = ({ params, stats }: { params: number; stats: number }) =>
    `${params} parameters${stats > 0 ? ` and ${stats} running statistics` : ''}`;
  const loadedBranches = new Set(count(loaded).map(([branch]) => branch));
  return [
    `begins with ${run}, step ${step}:`,
    ...count(loaded).map(([branch, each]) => `  ${branch}: ${tensors(each)} loaded`),
    ...count(fresh).map(
      ([branch, each]) =>
        `  ${branch}: ${tensors(each)} new, drawn at random (the run has ${loadedBranches.has(branch) ? 'not all of it' : 'none'})`,
    ),
    ...count(unused).map(([branch, each]) =>
      ENCODERS.includes(branch)
        ? `  ${branch}: ${tensors(each)} left behind (the model has no such encoder)`
        : `  ${branch}: ${tensors(each)} left behind (the run's own, the model has its own heads)`,
    ),
  ].join('\n');
}

function only(tree: Tree<HostTensor>, names: readonly string[]): Tree<HostTensor> {
  return Object.fromEntries(Object.entries(tree).filter(([name]) => names.includes(name)));
}
