import { InputError } from '../src/engine/input-error.ts';
import { Random } from '../src/engine/random.ts';
import type { Communicator } from '../src/engine/ranks/communicator.ts';
import { compileRanks } from '../src/engine/ranks/compile-ranks.ts';
import { alone } from '../src/engine/ranks/in-memory.ts';
import type { StepEvent } from '../src/engine/ranks/stages.ts';
import { ratesAt } from '../src/nn/parameter-groups.ts';
import type { Pretraining } from '../src/objectives/combine.ts';
import { systems } from '../src/objectives/systems.ts';
import { clusterBoxes } from '../src/pointcloud/segments/cluster-boxes.ts';
import { parameterGroups, type RunConfig } from '../src/training/config.ts';
import { createPretraining } from '../src/training/create-pretraining.ts';
import { initialState } from '../src/training/pretrain.ts';
import { batchNormOver } from '../src/training/run-share.ts';
import { sameOnAllRanks, stepInputs, trainStep } from '../src/training/train-step.ts';
import { drawView } from '../src/views/draw-views.ts';
import type { DrawnSample } from '../src/views/drawn-view.ts';
import { drawSweep } from '../src/views/sweep-view.ts';
import type { ViewConfig } from '../src/views/view-config.ts';
import { generatedFrame } from './generated-frames.ts';
import { type RepeatedStep, repeatedStep } from './repeated-step.ts';

/** What is pretrained, and by how many samples of each rank: plain data. */
export interface RankedStepOptions {
  readonly config: RunConfig;
  readonly batch: number;
  readonly threads?: number;
  readonly blocked?: boolean;
}

/** Where a rank stands: the others, none where there is one process, and what receives the parts of each run. */
export interface RankPlace {
  readonly communicator?: Communicator;
  readonly trace?: (event: StepEvent) => void;
}

/** Frames of the data set that is made up. */
const FRAMES = 1000;

/**
 * The step of pretraining that a rank takes, cut where it waits for the others, as training runs it; one process takes the whole step. Samples are views of
 * noise and of generated sweeps. Throws an InputError for views of several frames.
 */
export async function rankedStep(
  { config: preset, batch: own, threads, blocked }: RankedStepOptions,
  { communicator, trace }: RankPlace,
): Promise<RepeatedStep> {
  const { size, rank } = communicator ?? alone;
  const config = { ...preset, batchSize: own * size };
  const share = { communicator: communicator ?? alone, pieces: 1, ranks: size };
  const chosen = systems.filter(({ name }) => config.objectives[name] !== undefined);
  const batchNorm = batchNormOver(share, chosen, config.ranks);
  const pretraining = createPretraining(config, config.batchSize, share);
  const groups = parameterGroups(config, pretraining.groups);
  const step = trainStep(pretraining, groups, { clip: config.clip, batchNorm });
  const state = initialState(config, { frames: FRAMES });
  const place = { step: 0, epoch: 0, progress: 0, random: Random.fromSeed('inputs') };
  const batch = {
    data: pretraining.collate(Array.from({ length: own }, (_, i) => sampleOf(pretraining, rank * own + i))),
    rates: { ...ratesAt(groups, config.schedule, { progress: 0.5, share: 0.5 }) },
    ...stepInputs(pretraining, place),
  };
  if (communicator === undefined) return repeatedStep(step, { state, batch }, { threads, blocked });
  const sameBatch = sameOnAllRanks;
  const compiled = await compileRanks(step, {
    state,
    batch,
    sameBatch,
    communicator,
    threads,
    blocked,
    trace,
  });
  let current: Parameters<typeof compiled.run>[0] = state;
  return {
    run: async () => {
      ({ state: current } = await compiled.run(current, [batch]));
    },
    dispose: () => compiled.dispose(),
  };
}

function sampleOf({ views }: Pretraining, index: number): DrawnSample {
  const random = Random.fromSeed('samples').fork(index);
  const kinds = Object.values<ViewConfig>(views).map(({ kind }) => kind);
  const hasPoints = kinds.includes('point-pair') || kinds.includes('sweep');
  const frame = hasPoints ? generatedFrame(random.fork('frame')) : undefined;
  const picture = {
    width: 64,
    height: 64,
    data: Uint8Array.from({ length: 3 * 64 * 64 }, () => random.integer(256)),
  };
  const drawn = Object.entries<ViewConfig>(views).map(([name, view]) => {
    if (view.kind === 'point-clip' || view.kind === 'picture-clip' || view.kind === 'box-pair') {
      const expected = 'a preset whose samples are of one frame each';
      throw new InputError({ file: '--preset', expected, found: `views of kind ${view.kind}` });
    }
    if (view.kind === 'sweep') {
      const boxes = view.boxes && clusterBoxes(frame!.points);
      return [name, drawSweep(frame!, random.fork('view', name), view, { boxes })];
    }
    return [name, drawView({ frame, picture }, view, { name, random })];
  });
  return { id: `${index}`, index, views: Object.fromEntries(drawn) };
}
