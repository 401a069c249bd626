import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import type { Row } from '../bench/measurement.ts';
import type { PeerPython } from '../bench/peer.ts';
import type { RanksBenchOptions } from '../bench/ranks.ts';
import type { DataSelection } from '../src/datasets/data-selection.ts';
import type { Device } from '../src/engine/device.ts';
import { InputError } from '../src/engine/input-error.ts';
import type { RunConfig } from '../src/training/config.ts';
import { presetNames } from './names.ts';
import { deviceOption, wholeNumber } from './options.ts';

interface RunOptions {
  readonly runs: number;
  readonly warmup: number;
}

interface PeerOptions {
  readonly peer?: boolean;
  readonly python: string;
  readonly peerMalloc: PeerPython['malloc'];
}

interface StepOptions {
  readonly threads: number;
  readonly device: Device;
  readonly blocked: boolean;
}

interface NetworkOptions extends StepOptions {
  readonly model: 'resnet18' | 'resnet50';
  readonly batch: number;
  readonly height: number;
  readonly width: number;
}

interface PresetOptions {
  readonly preset: string;
}

interface DataOptions extends PresetOptions {
  readonly data?: string;
  readonly imageSet?: string;
}

interface OutputOptions {
  readonly json?: boolean;
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

/** Whole numbers with commas between them. */
function wholeNumbers(text: string): number[] {
  return text.split(',').map(wholeNumber(0));
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

function ranks(): Command {
  const made = bench(
    'ranks',
    'Time all-reduce and steps of several processes, and reckon those of many nodes.',
    {
      rows: {
        measured: 'two and four processes of this machine',
        reckoned: 'by a time a message and a time a byte',
      },
      example: '--threads 1 --gbit 25 --latency-us 30',
    },
  );
  withNetwork(withRuns(made, 10), { batch: 4, height: 64, width: 64 });
  return withStep(made)
    .addOption(new Option('--transport <name>', 'how they talk').choices(['tcp', 'mpi']).default('tcp'))
    .option('--bucket <MiB>', 'gradients that are summed at a time', wholeNumber(1), 16)
    .option('--gbit <number>', "the network's bandwidth, Gbit/s", wholeNumber(1), 10)
    .option('--latency-us <number>', "the network's latency one way, microseconds", wholeNumber(0), 50)
    .action(async (options: RunOptions & NetworkOptions & OutputOptions & RanksBenchOptions) => {
      const { benchRanks, classifierWork, formatRanks } = await load(() => import('../bench/ranks.ts'));
      const result = await benchRanks(classifierWork({ ...options, ...networkOf(options) }), options);
      process.stdout.write(`${options.json ? JSON.stringify(result, null, 2) : formatRanks(result)}\n`);
    });
}

function viewer(): Command {
  const made = bench(
    'viewer',
    'Time sweeps from the disk to the screen, in a Chromium without a graphics card.',
    {
      rows: {
        'bytes sent': 'what a sweep is on its way, next to the file',
        'first picture': 'from the key that asks for a frame until its first points are drawn',
        'whole sweep': 'until all of its points are drawn',
      },
      example: '--points 20000,120000,1000000',
    },
  );
  return withRuns(made, 5)
    .addOption(
      new Option('--points <numbers>', 'points of a sweep; rows for each number')
        .argParser(wholeNumbers)
        .default([20_000, 120_000, 1_000_000], '20000,120000,1000000'),
    )
    .action(async (options: RunOptions & OutputOptions & { readonly points: readonly number[] }) => {
      const { benchViewer } = await load(() => import('../bench/viewer.ts'));
      await show(await benchViewer(options), options);
    });
}

/** A bench that says what its rows are, with an example of its use. */
function bench(
  name: string,
  description: string,
  { rows, example }: { readonly rows: { readonly [row: string]: string }; readonly example: string },
): Command {
  const width = Math.max(...Object.keys(rows).map((row) => row.length));
  const lines = Object.entries(rows).map(([row, meaning]) => `  ${row.padEnd(width)}  ${meaning}`);
  return new Command(name)
    .description(description)
    .option('--json', 'print JSON instead of a table')
    .addHelpText('after', `\nRows:\n${lines.join('\n')}\n\nExample:\n  pointpair bench ${name} ${example}`);
}

function withRuns(made: Command, runs: number): Command {
  return made
    .option('--runs <number>', 'timed runs', wholeNumber(1), runs)
    .option('--warmup <number>', 'runs before them that are not timed', wholeNumber(0), 3);
}

function withStep(made: Command): Command {
  return made
    .option('--threads <number>', 'threads of one operation', wholeNumber(1), availableParallelism())
    .option('--no-blocked', 'on the CPU, compute in standard operations instead of in blocks of channels')
    .addOption(deviceOption());
}

/** Adds the options of a ResNet and its images. */
function withNetwork(
  made: Command,
  { batch, height, width }: { readonly batch: number; readonly height: number; readonly width: number },
): Command {
  return made
    .addOption(
      new Option('--model <name>', 'the network').choices(['resnet18', 'resnet50']).default('resnet18'),
    )
    .option('--batch <number>', 'images in a batch', wholeNumber(1), batch)
    .option('--height <number>', 'height of an image in pixels', wholeNumber(32), height)
    .option('--width <number>', 'width of an image in pixels', wholeNumber(32), width);
}

function networkOf({ model, batch, height, width }: NetworkOptions): { readonly depth: 18 | 50 } {
  // Batch norm of the last features, 32 times smaller than the image, needs two values a channel.
  if (batch === 1 && height <= 32 && width <= 32) {
    const found = `one of ${width} x ${height}`;
    throw new InputError({ file: '--batch', expected: '2 images or more, or larger ones', found });
  }
  return { depth: model === 'resnet18' ? 18 : 50 };
}

function withPreset(made: Command): Command {
  return made.addOption(
    new Option('--preset <name>', 'the configuration of the samples and the network')
      .choices(presetNames)
      .default('simipu-small'),
  );
}

async function configOf({ preset }: PresetOptions): Promise<RunConfig> {
  const { presetOf } = await import('../src/training/presets.ts');
  return presetOf(preset)!;
}

function withData(made: Command): Command {
  return made
    .option('--data <folder>', 'a data set in the layout of the KITTI object benchmark (needed)')
    .option('--image-set <name>', 'only the frames that ImageSets/<name>.txt lists');
}

function dataOf({ data, imageSet }: DataOptions): DataSelection {
  if (data !== undefined) return { root: data, imageSet };
  throw new InputError({
    file: 'options',
    expected:
      "--data <folder> with a data set in KITTI's layout ('pointpair scenes --out <folder>' makes one)",
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

async function show(rows: readonly Row[], { json }: OutputOptions): Promise<void> {
  const { formatResult, resultOf } = await load(() => import('../bench/result.ts'));
  const result = resultOf(rows);
  process.stdout.write(`${json ? JSON.stringify(result, null, 2) : formatResult(result)}\n`);
}

/** A module of the benches, which the package leaves out. */
async function load<Module>(importIt: () => Promise<Module>): Promise<Module> {
  return importIt().catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || !/[\\/]dist[\\/]bench[\\/]/.test(error.message)) throw error;
    throw new InputError({
      file: 'bench',
      expected: 'a clone of the repository',
      found: 'the package alone',
    });
  });
}
