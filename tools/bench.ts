import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import type { PeerPython } from '../bench/peer.ts';
import type { DataSelection } from '../src/datasets/data-selection.ts';
import { InputError } from '../src/engine/input-error.ts';
import type { RunConfig } from '../src/training/config.ts';
import {
  bench,
  load,
  type NetworkOptions,
  networkOf,
  type OutputOptions,
  type RunOptions,
  type StepOptions,
  show,
  wholeNumbers,
  withNetwork,
  withRuns,
  withStep,
} from './bench-options.ts';
import { ranks } from './bench-ranks.ts';
import { viewer } from './bench-viewer.ts';
import { presetNames } from './names.ts';
import { collected, wholeNumber } from './options.ts';

interface PeerOptions {
  readonly peer?: boolean;
  readonly python: string;
  readonly peerMalloc: PeerPython['malloc'];
}

interface PresetOptions {
  readonly preset: string;
  readonly set: readonly string[];
}

interface DataOptions extends PresetOptions {
  readonly data?: string;
  readonly imageSet?: string;
}

/** The command line of `pointpair bench`. */
export function command(): Command {
  const benches = [
    engine(),
    memory(),
    points(),
    matching(),
    loader(),
    evaluation(),
    ranks(),
    pretraining(),
    viewer(),
  ];
  const made = new Command('bench')
    .description('Measure speed and memory on this machine, next to the same work in PyTorch and SciPy.')
    .usage('<bench> [options]')
    .addHelpText(
      'after',
      `
A row has the median and the quartiles of the timed runs. With --peer both sides take turns, one run each.
Memory is that of whole processes: run the built command, for from the sources the TypeScript loader counts too.

Examples:
  pointpair bench engine --peer
  pointpair bench pretrain --data data/kitti --profile`,
    )
    .on('command:*', ([name]: readonly string[]) => {
      const expected = `one of ${benches.map((each) => each.name()).join(', ')}`;
      throw new InputError({ file: 'bench', expected, found: name });
    });
  for (const each of benches) made.addCommand(each);
  return made;
}

function engine(): Command {
  const made = bench('engine', 'Time training steps and forward passes of a ResNet on random images.', {
    rows: {
      'training step': 'forward, backward and update of one batch',
      'peak memory': 'the most that a process holds that runs this step and nothing else',
      forward: 'a batch to its logits, without gradients',
    },
    example: '--model resnet50 --peer',
  });
  withNetwork(withRuns(made, 20), { batch: 8, height: 96, width: 320 });
  return withPeer(withStep(made))
    .option('--profile <prefix>', "write a trace of the training step's operations to a file that begins so")
    .action(
      async (
        options: RunOptions & NetworkOptions & PeerOptions & OutputOptions & { readonly profile?: string },
      ) => {
        const { benchEngine } = await load(() => import('../bench/engine.ts'));
        const python = await pythonOf(options);
        await show(await benchEngine({ ...options, ...networkOf(options), python }), options);
      },
    );
}

function memory(): Command {
  const made = bench('memory', 'Repeat the training step of a ResNet and tell whether its memory grows.', {
    rows: {
      'resident memory': 'what the process holds after a part of the steps',
      'memory growth': 'from 5 % of the steps to all of them',
      'peak memory': 'the most that the process has held, compiling included',
    },
    example: '--steps 500 --batch 4',
  });
  return withStep(withNetwork(made, { batch: 2, height: 32, width: 64 }))
    .option('--steps <number>', 'training steps', wholeNumber(1), 2000)
    .action(async (options: NetworkOptions & OutputOptions & { readonly steps: number }) => {
      const { benchMemory } = await load(() => import('../bench/memory.ts'));
      await show(await benchMemory({ ...options, ...networkOf(options) }), options);
    });
}

function points(): Command {
  const made = bench('points', 'Time a point encoder, farthest-point sampling and neighbour search.', {
    rows: {
      'training step': "forward, backward and update of a preset's point encoder",
      'farthest points': 'farthest-point sampling of a sweep',
      'ball query': 'the neighbours in three balls around every sampled point',
      'nearest neighbours': 'the 16 nearest of every sampled point',
    },
    example: '--preset simipu-kitti --batch 2 --peer',
  });
  return withPeer(withStep(withPreset(withRuns(made, 10))))
    .option('--batch <number>', "sweeps in a batch (default: the preset's)", wholeNumber(1))
    .option('--cloud <number>', 'points to sample from', wholeNumber(64), 16384)
    .option('--samples <number>', 'points to sample', wholeNumber(16), 4096)
    .action(
      async (
        options: RunOptions &
          StepOptions &
          PresetOptions &
          PeerOptions &
          OutputOptions & { readonly batch?: number; readonly cloud: number; readonly samples: number },
      ) => {
        const { cloud, samples } = options;
        if (samples > cloud) {
          const expected = `at most as many as --cloud, ${cloud}`;
          throw new InputError({ file: '--samples', expected, found: String(samples) });
        }
        const { benchPoints } = await load(() => import('../bench/points.ts'));
        const base = await configOf(options);
        const config = { ...base, batchSize: options.batch ?? base.batchSize };
        await show(await benchPoints({ ...options, config, python: await pythonOf(options) }), options);
      },
    );
}

function matching(): Command {
  const made = bench('matching', 'Time optimal assignments and entropic transport plans.', {
    rows: {
      assignment: 'the assignment of rows to columns at the least cost',
      sinkhorn: 'a transport plan by 100 rounds of Sinkhorn',
    },
    example: '--size 512 --peer',
  });
  return withPeer(withRuns(made, 10))
    .option('--size <number>', 'rows, and as many columns', wholeNumber(1), 1024)
    .option(
      '--threads <number>',
      'threads of one operation of PyTorch',
      wholeNumber(1),
      availableParallelism(),
    )
    .action(
      async (
        options: RunOptions &
          PeerOptions &
          OutputOptions & { readonly size: number; readonly threads: number },
      ) => {
        const { benchMatching } = await load(() => import('../bench/matching.ts'));
        await show(await benchMatching({ ...options, python: await pythonOf(options) }), options);
      },
    );
}

function loader(): Command {
  const made = bench('loader', 'Time the loader, from files on disk to batches.', {
    rows: { 'files to batches': 'frames a second, by the number of worker threads' },
    example: '--data data/kitti --workers 1,2,4',
  });
  return withData(withPreset(withRuns(made, 20)))
    .addOption(
      new Option('--workers <numbers>', 'worker threads; a row for each number, 0 is the main thread')
        .argParser(wholeNumbers)
        .default([0, 1, 2], '0,1,2'),
    )
    .action(
      async (options: RunOptions & DataOptions & OutputOptions & { readonly workers: readonly number[] }) => {
        const data = dataOf(options);
        const { benchLoader } = await load(() => import('../bench/loader.ts'));
        await show(await benchLoader({ ...options, config: await configOf(options), data }), options);
      },
    );
}

function evaluation(): Command {
  const made = bench('evaluation', "Time KITTI's average precision of drawn labels and detections.", {
    rows: { evaluation: 'three classes, four metrics, three difficulties' },
    example: '--frames 3769 --detections 100',
  });
  return withRuns(made, 5)
    .option('--frames <number>', 'frames', wholeNumber(1), 3769)
    .option('--labels <number>', 'labels of a frame', wholeNumber(1), 8)
    .option('--detections <number>', 'detections of a frame', wholeNumber(0), 100)
    .action(
      async (
        options: RunOptions &
          OutputOptions & {
            readonly frames: number;
            readonly labels: number;
            readonly detections: number;
          },
      ) => {
        const { benchKittiEvaluation } = await load(() => import('../bench/kitti-evaluation.ts'));
        await show(await benchKittiEvaluation(options), options);
      },
    );
}

function pretraining(): Command {
  const made = bench(
    'pretrain',
    'Time pretraining, from files on disk to updated parameters, and its parts.',
    {
      rows: {
        pretraining: 'samples a second, with the loader at work',
        'training step': 'the step alone, on one batch',
        'peak memory': 'the most that a process holds that runs this step and nothing else',
        'sample tables': 'sampling, neighbours and assignment of a batch',
      },
      example: '--data data/kitti --peer',
    },
  );
  return withPeer(withStep(withData(withPreset(withRuns(made, 10)))))
    .option('--steps <number>', 'timed steps of whole pretraining', wholeNumber(1), 20)
    .option('--workers <number>', "worker threads of the loader (default: the preset's)", wholeNumber(0))
    .option('--profile', "add rows for the parts of a step: the loader's stages, waiting, compute and update")
    .action(
      async (
        options: RunOptions &
          StepOptions &
          DataOptions &
          PeerOptions &
          OutputOptions & {
            readonly steps: number;
            readonly workers?: number;
            readonly profile?: boolean;
          },
      ) => {
        const data = dataOf(options);
        const { benchPretrain } = await load(() => import('../bench/pretrain.ts'));
        const base = await configOf(options);
        const workers = options.workers ?? base.loader.workers;
        const config = { ...base, loader: { ...base.loader, workers } };
        const python = await pythonOf(options);
        await show(await benchPretrain({ ...options, config, data, python }), options);
      },
    );
}

function withPreset(made: Command): Command {
  return made
    .addOption(
      new Option('--preset <name>', 'the configuration of the samples and the network')
        .choices(presetNames)
        .default('simipu-small'),
    )
    .option('--set <key.path=value>', 'change one value of the configuration (repeatable)', collected, []);
}

async function configOf({ preset, set }: PresetOptions): Promise<RunConfig> {
  const { presetOf } = await import('../src/training/presets.ts');
  const { applySettings } = await import('../src/training/config.ts');
  return applySettings(presetOf(preset)!, set);
}

function withData(made: Command): Command {
  return made
    .option('--data <folder>', 'what the preset learns from: driving data, or pictures in folders (needed)')
    .option('--image-set <name>', 'only the frames that ImageSets/<name>.txt lists');
}

function dataOf({ data, imageSet }: DataOptions): DataSelection {
  if (data !== undefined) return { root: data, imageSet };
  throw new InputError({
    file: 'options',
    expected:
      "--data <folder> with what the preset learns from ('pointpair scenes --out <folder>' makes driving data)",
    found: 'none',
  });
}

function withPeer(made: Command): Command {
  return made
    .option('--peer', 'do the same in PyTorch and SciPy too, in turns')
    .addOption(
      new Option('--python <path>', 'the Python that has them; implies --peer')
        .default('python3')
        .implies({ peer: true }),
    )
    .addOption(
      new Option(
        '--peer-malloc <which>',
        "whether the peer's C library keeps freed memory as ours does, or does what it does by itself",
      )
        .choices(['same', 'own'])
        .default('same'),
    );
}

/** The Python of the peer, if there is to be one. Throws InputError, before anything is measured, where it will not do. */
async function pythonOf({ peer, python, peerMalloc }: PeerOptions): Promise<PeerPython | undefined> {
  if (!peer) return undefined;
  const { requirePython } = await load(() => import('../bench/peer.ts'));
  await requirePython(python);
  return { path: python, malloc: peerMalloc };
}
