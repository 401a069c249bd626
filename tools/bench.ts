import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import type { Row } from '../bench/measurement.ts';
import type { Device } from '../src/engine/device.ts';
import { InputError } from '../src/engine/input-error.ts';
import type { DataSelection } from '../src/objectives/objective.ts';
import { type RunConfig, unknownKey } from '../src/training/config.ts';
import { presetNames, presetOf } from '../src/training/presets.ts';
import { deviceOption, wholeNumber } from './options.ts';

interface Common {
  readonly threads: number;
  readonly runs: number;
  readonly warmup: number;
  readonly json?: boolean;
  readonly peer?: boolean;
  readonly python: string;
}

interface DataOptions {
  readonly data?: string;
  readonly imageSet?: string;
  readonly preset: string;
}

/** The command line of `pointpair bench`. */
export function command(): Command {
  return new Command('bench')
    .description(
      'Measure how fast the parts are on this machine, next to the same work in PyTorch and SciPy.',
    )
    .addCommand(engine())
    .addCommand(points())
    .addCommand(matching())
    .addCommand(loader())
    .addCommand(pretraining())
    .addHelpText('after', '\nExample:\n  pointpair bench engine --peer --python /usr/bin/python3');
}

function engine(): Command {
  return bench('engine', 'a ResNet: training steps, forward passes and memory', { runs: 20, peer: true })
    .addOption(
      new Option('--model <name>', 'the network').choices(['resnet18', 'resnet50']).default('resnet18'),
    )
    .option('--batch <number>', 'images', wholeNumber(1), 8)
    .option('--height <number>', 'of the images, in pixels', wholeNumber(32), 96)
    .option('--width <number>', 'of the images, in pixels', wholeNumber(32), 320)
    .option('--profile <prefix>', "write a trace of the training step's operations to a file that begins so")
    .addOption(deviceOption())
    .action(
      async (
        options: Common & {
          readonly model: 'resnet18' | 'resnet50';
          readonly batch: number;
          readonly height: number;
          readonly width: number;
          readonly profile?: string;
          readonly device: Device;
        },
      ) => {
        const { benchEngine } = await load(() => import('../bench/engine.ts'));
        const depth = options.model === 'resnet18' ? 18 : 50;
        await show(await benchEngine({ ...options, depth, python: pythonOf(options) }), options);
      },
    );
}

function points(): Command {
  return bench('points', 'a point encoder, sampling and neighbours', { runs: 10, peer: true })
    .option('--preset <name>', `whose encoder: one of ${presetNames.join(', ')}`, 'simipu-small')
    .option('--batch <number>', "sweeps a batch; the preset's by default", wholeNumber(1))
    .option('--cloud <number>', 'points that are sampled', wholeNumber(64), 16384)
    .option('--samples <number>', 'of them, those that stay', wholeNumber(16), 4096)
    .addOption(deviceOption())
    .action(
      async (
        options: Common & {
          readonly preset: string;
          readonly batch?: number;
          readonly cloud: number;
          readonly samples: number;
          readonly device: Device;
        },
      ) => {
        const { benchPoints } = await load(() => import('../bench/points.ts'));
        const base = configOf(options);
        const config = { ...base, batchSize: options.batch ?? base.batchSize };
        await show(await benchPoints({ ...options, config, python: pythonOf(options) }), options);
      },
    );
}

function matching(): Command {
  return bench('matching', 'assignments and transport plans', { runs: 10, peer: true })
    .option('--size <number>', 'rows and columns', wholeNumber(1), 1024)
    .action(async (options: Common & { readonly size: number }) => {
      const { benchMatching } = await load(() => import('../bench/matching.ts'));
      await show(await benchMatching({ ...options, python: pythonOf(options) }), options);
    });
}

function loader(): Command {
  return withData(bench('loader', 'from files to batches', { runs: 20, peer: false }))
    .option('--workers <numbers>', "the loader's threads, a row for each number", wholeNumbers, [0, 1, 2])
    .action(async (options: Common & DataOptions & { readonly workers: readonly number[] }) => {
      const { benchLoader } = await load(() => import('../bench/loader.ts'));
      const rows = await benchLoader({ ...options, config: configOf(options), data: dataOf(options) });
      await show(rows, options);
    });
}

/** Whole numbers with commas between them. */
function wholeNumbers(text: string): number[] {
  return text.split(',').map(wholeNumber(0));
}

function pretraining(): Command {
  return withData(
    bench('pretrain', 'whole pretraining from files to updates, and its parts', { runs: 10, peer: true }),
  )
    .option('--steps <number>', 'steps of whole pretraining that are timed', wholeNumber(1), 20)
    .option('--workers <number>', "the loader's threads; the preset's by default", wholeNumber(0))
    .option('--profile', "show where a step's time goes")
    .addOption(deviceOption())
    .action(
      async (
        options: Common &
          DataOptions & {
            readonly steps: number;
            readonly workers?: number;
            readonly profile?: boolean;
            readonly device: Device;
          },
      ) => {
        const { benchPretrain } = await load(() => import('../bench/pretrain.ts'));
        const base = configOf(options);
        const loader = { ...base.loader, workers: options.workers ?? base.loader.workers };
        const config = { ...base, loader };
        await show(
          await benchPretrain({ ...options, config, data: dataOf(options), python: pythonOf(options) }),
          options,
        );
      },
    );
}

/** Adds the options that say which frames make which samples. */
function withData(made: Command): Command {
  return made
    .option('--data <folder>', 'a data set in the layout of the KITTI object benchmark')
    .option('--image-set <name>', 'only the frames that ImageSets/<name>.txt lists')
    .option('--preset <name>', `one of ${presetNames.join(', ')}`, 'simipu-small');
}

function dataOf({ data, imageSet }: DataOptions): DataSelection {
  if (data !== undefined) return { root: data, imageSet };
  throw new InputError({ file: 'options', expected: '--data <folder>', found: 'none' });
}

function configOf({ preset }: Pick<DataOptions, 'preset'>): RunConfig {
  const config = presetOf(preset);
  if (config === undefined) throw unknownKey('--preset', preset, presetNames);
  return config;
}

/** A bench with the options that all have. */
function bench(
  name: string,
  description: string,
  { runs, peer }: { readonly runs: number; readonly peer: boolean },
): Command {
  const made = new Command(name)
    .description(description)
    .option('--threads <number>', 'threads of one operation', wholeNumber(1), availableParallelism())
    .option('--runs <number>', 'runs that are timed', wholeNumber(1), runs)
    .option('--warmup <number>', 'runs before them that are not', wholeNumber(0), 3)
    .option('--json', 'print JSON instead of a table');
  if (!peer) return made;
  return made
    .option('--peer', 'take turns with the same work in PyTorch, where it is installed')
    .option('--python <path>', 'the Python that has it', 'python3');
}

function pythonOf({ peer, python }: Common): string | undefined {
  return peer ? python : undefined;
}

async function show(rows: readonly Row[], { json }: Common): Promise<void> {
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
