import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSelection } from '../src/datasets/data-selection.ts';
import { createLoader } from '../src/datasets/loader.ts';
import { type CompiledStep, compile, type ResidentState } from '../src/engine/compile.ts';
import type { Device } from '../src/engine/device.ts';
import type { HostTensor } from '../src/engine/host-tensor.ts';
import { InputError } from '../src/engine/input-error.ts';
import { Random } from '../src/engine/random.ts';
import type { Tree } from '../src/engine/tree.ts';
import { branchAt } from '../src/nn/layer.ts';
import { ratesAt } from '../src/nn/parameter-groups.ts';
import { systems } from '../src/objectives/systems.ts';
import { parameterGroups, type RunConfig } from '../src/training/config.ts';
import { createPretraining } from '../src/training/create-pretraining.ts';
import { initialState } from '../src/training/pretrain.ts';
import { stepInputs, trainStep } from '../src/training/train-step.ts';
import type { DrawnSample } from '../src/views/drawn-view.ts';
import { openViewFrames } from '../src/views/open-view-frames.ts';
import type { PointPair } from '../src/views/point-pair.ts';
import { timed } from './alternate.ts';
import { compare, peakMemory } from './compare.ts';
import { type Row, rowOf } from './measurement.ts';
import { Peer, type PeerPython, peerFile } from './peer.ts';
import {
  type PretrainingStepOptions,
  pretrainingStep,
  pretrainingStepReference,
} from './pretraining-step.ts';
import { ourselves } from './result.ts';
import { requireSameSize } from './same-work.ts';
import { compareSampleTables } from './sample-tables.ts';
import { readRunProfiles } from './trace.ts';

/** What is pretrained, on what, and how much of it is timed. */
export interface PretrainBenchOptions {
  /** The name of the configuration, for the rows. */
  readonly preset: string;
  readonly config: RunConfig;
  readonly data: DataSelection;
  /** Steps of whole pretraining that are timed. */
  readonly steps: number;
  /** Runs of the step alone. */
  readonly runs: number;
  readonly warmup: number;
  readonly threads: number;
  readonly device: Device;
  /** Whether steps may compute in blocks of channels. */
  readonly blocked?: boolean;
  /** Whether to show where a step's time goes. */
  readonly profile?: boolean;
  /** The Python that runs the same in PyTorch. */
  readonly python?: PeerPython;
}

/** What whole pretraining leaves: the last batch, and the samples that it was made of. */
interface WholeSteps {
  readonly rows: Row[];
  readonly batch: Tree<HostTensor>;
  readonly samples: readonly DrawnSample[];
  /** Frames of the data set. */
  readonly frames: number;
}

/**
 * Pretraining as `pointpair pretrain` does it, checkpoints and curves apart. `pretraining`: samples a second from files
 * to the updated state; `training step`: the compiled step alone on one batch, next to the same in PyTorch; `peak
 * memory`: the most that a process holds that runs this step alone, without the loader; `sample tables`: sampling,
 * neighbours and assignment of that batch. With `profile`, what each part takes of a step: the stages of the loader's
 * threads (summed over a batch), waiting for them, and the parts of the step.
 */
export async function benchPretrain(options: PretrainBenchOptions): Promise<Row[]> {
  const { config, threads, device, blocked, python, preset } = options;
  const shape = `${preset}, batch ${config.batchSize}`;
  // Before anything is timed.
  if (python !== undefined) objectiveWithPeer(config);
  const { rows: whole, batch, samples, frames } = await wholeSteps(shape, options);
  const work: PretrainingStepOptions = { config, frames, batch, threads, device, blocked };
  const rows: Row[] = [];
  const peer = await peerOf(config, branchAt(batch, 'data'), { threads, python });
  try {
    if (peer !== undefined) requireSameSize(branchAt(initialState(config, { frames }), 'params'), peer);
    const step = await pretrainingStep(work);
    const run = timed(() => step.run());
    rows.push(...(await compare({ name: 'training step', shape, run, peerWork: 'step' }, peer, options)));
    await step.dispose();
    const memory = { name: 'peak memory', shape, step: pretrainingStepReference(work) };
    rows.push(...(await peakMemory(memory, peer, options)));
  } finally {
    peer?.stop();
  }
  const pairs = pairsOf(samples);
  if (pairs.length > 0) rows.push(...(await compareSampleTables(pairs, { ...options, python })));
  const parts = options.profile ? await profiledStep(shape, work, options) : [];
  return [...whole, ...parts, ...rows];
}

/** Whether there is a script for an objective's step in PyTorch. */
const hasPeer = (objective: string) => existsSync(peerFile(`${objective}.py`));

/** The one objective of a configuration whose step bench/peers has in PyTorch. Throws an InputError where it has another or several. */
function objectiveWithPeer({ objectives }: RunConfig): string {
  const [objective, ...others] = Object.keys(objectives);
  if (others.length === 0 && hasPeer(objective)) return objective;
  const known = systems.map(({ name }) => name).filter(hasPeer);
  const expected = `an objective that bench/peers has a script for, ${known.join(', ')}, alone`;
  throw new InputError({ file: '--peer', expected, found: [objective, ...others].join(', ') });
}

/** The same step in PyTorch, where a Python is named. */
async function peerOf(
  config: RunConfig,
  data: Tree<HostTensor>,
  { threads, python }: Pick<PretrainBenchOptions, 'threads' | 'python'>,
): Promise<Peer | undefined> {
  if (python === undefined) return undefined;
  const objective = objectiveWithPeer(config);
  const tensors = branchAt(data, objective);
  return Peer.start({ python, script: `${objective}.py`, settings: { config, threads }, tensors });
}

/** The point pairs of samples whose one view they are; none where samples are of another kind. */
function pairsOf(samples: readonly DrawnSample[]): PointPair[] {
  return samples.flatMap(({ views }) =>
    Object.values(views).filter(
      (view): view is PointPair => typeof view === 'object' && view !== null && 'alpha' in view,
    ),
  );
}

/** Steps from files to updates. */
async function wholeSteps(shape: string, options: PretrainBenchOptions): Promise<WholeSteps> {
  const { config, data, steps, warmup, threads, device, blocked, profile } = options;
  const pretraining = createPretraining(config, config.batchSize);
  const frames = await openViewFrames(data, pretraining.views);
  const groups = parameterGroups(config, pretraining.groups);
  const loader = createLoader<DrawnSample>({
    length: frames.length,
    batchSize: config.batchSize,
    seed: config.seed,
    source: pretraining.source(data),
    ...config.loader,
  });
  const initial = initialState(config, { frames: frames.length });
  let state: Tree<HostTensor> | ResidentState = initial;
  let step: CompiledStep | undefined;
  const randomOfSteps = Random.fromSeed(config.seed).fork('inputs');
  const rates: number[] = [];
  const parts = new PartTimes();
  let done = 0;
  let before = performance.now();
  try {
    for await (const loaded of loader.from()) {
      const collating = performance.now();
      const batch = {
        data: pretraining.collate(loaded.batch),
        rates: { ...ratesAt(groups, config.schedule, { progress: 0, share: 0 }) },
        ...stepInputs(pretraining, { step: done, epoch: 0, progress: 0.5, random: randomOfSteps.fork(done) }),
      };
      const collated = performance.now();
      step ??= await compile(trainStep(pretraining, groups, { clip: config.clip }), {
        state: initial,
        batch,
        device,
        threads,
        blocked,
      });
      const ready = performance.now();
      ({ state } = await step.run(state, batch));
      const now = performance.now();
      parts.totals({ ...Object.fromEntries(loader.stageMs), wait: loader.waitedMs });
      parts.add({ collate: collated - collating, step: now - ready });
      if (done++ >= warmup) {
        rates.push((1000 * config.batchSize) / (now - before));
        parts.keep();
      }
      before = now;
      if (rates.length < steps) continue;
      const description = { shape, by: ourselves, threads, warmup };
      const rows = [rowOf({ ...description, name: 'pretraining', unit: 'samples/s' }, rates)];
      if (profile) rows.push(...parts.rows(description));
      return { batch, samples: loaded.batch, frames: frames.length, rows };
    }
    throw new Error('the loader ended before the steps did');
  } finally {
    await loader.close();
    await step?.dispose();
  }
}

/** Milliseconds of the parts of each step. */
class PartTimes {
  private readonly kept = new Map<string, number[]>();
  private known: { readonly [part: string]: number } = {};
  private current: { [part: string]: number } = {};

  /** Takes sums over all steps so far: what they grew by is of this step. */
  totals(sums: { readonly [part: string]: number }): void {
    for (const [part, sum] of Object.entries(sums)) this.current[part] = sum - (this.known[part] ?? 0);
    this.known = sums;
  }

  /** Takes times of this step. */
  add(times: { readonly [part: string]: number }): void {
    Object.assign(this.current, times);
  }

  /** Counts this step. */
  keep(): void {
    for (const [part, ms] of Object.entries(this.current)) {
      this.kept.set(part, [...(this.kept.get(part) ?? []), ms]);
    }
  }

  rows(description: Pick<Row, 'shape' | 'by' | 'threads' | 'warmup'>): Row[] {
    return [...this.kept].map(([part, times]) =>
      rowOf({ ...description, name: `  ${part}`, unit: 'ms' }, times),
    );
  }
}

/** The operators of the step, taken apart into the passes and the update. */
async function profiledStep(
  shape: string,
  work: PretrainingStepOptions,
  { runs, warmup, threads }: PretrainBenchOptions,
): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'pointpair-trace-'));
  try {
    const step = await pretrainingStep({ ...work, profileTo: join(folder, 'step') });
    for (let i = 0; i < warmup + runs; i++) await step.run();
    await step.dispose();
    const profiles = (await readRunProfiles(folder)).slice(warmup);
    const description = { shape, by: ourselves, threads, warmup, unit: 'ms' } as const;
    return [
      rowOf(
        { ...description, name: '  compute' },
        profiles.map(({ computeMs }) => computeMs),
      ),
      rowOf(
        { ...description, name: '  update' },
        profiles.map(({ updateMs }) => updateMs),
      ),
      rowOf(
        { ...description, name: '  between operators' },
        profiles.map(({ runMs, computeMs, updateMs }) => runMs - computeMs - updateMs),
      ),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
