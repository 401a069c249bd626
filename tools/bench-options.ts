import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import type { Row } from '../bench/measurement.ts';
import type { Device } from '../src/engine/device.ts';
import { InputError } from '../src/engine/input-error.ts';
import { deviceOption, wholeNumber } from './options.ts';

/** How often a bench runs what it times. */
export interface RunOptions {
  readonly runs: number;
  readonly warmup: number;
}

/** How a step of a bench is run. */
export interface StepOptions {
  readonly threads: number;
  readonly device: Device;
  readonly blocked: boolean;
}

/** A ResNet and its images, and how its steps are run. */
export interface NetworkOptions extends StepOptions {
  readonly model: 'resnet18' | 'resnet50';
  readonly batch: number;
  readonly height: number;
  readonly width: number;
}

/** How a result is printed. */
export interface OutputOptions {
  readonly json?: boolean;
}

/** A bench that says what its rows are, with an example of its use. */
export function bench(
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

/** Adds `RunOptions`, with so many runs by default. */
export function withRuns(made: Command, runs: number): Command {
  return made
    .option('--runs <number>', 'timed runs', wholeNumber(1), runs)
    .option('--warmup <number>', 'runs before them that are not timed', wholeNumber(0), 3);
}

/** Adds `StepOptions`. */
export function withStep(made: Command): Command {
  return made
    .option('--threads <number>', 'threads of one operation', wholeNumber(1), availableParallelism())
    .option('--no-blocked', 'on the CPU, compute in standard operations instead of in blocks of channels')
    .addOption(deviceOption());
}

/** Adds the options of a ResNet and its images. */
export function withNetwork(
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

/** The depth of the network that is asked for. Throws an InputError for images that its batch norms cannot train on. */
export function networkOf({ model, batch, height, width }: NetworkOptions): { readonly depth: 18 | 50 } {
  // Batch norm of the last features, 32 times smaller than the image, needs two values a channel.
  if (batch === 1 && height <= 32 && width <= 32) {
    const found = `one of ${width} x ${height}`;
    throw new InputError({ file: '--batch', expected: '2 images or more, or larger ones', found });
  }
  return { depth: model === 'resnet18' ? 18 : 50 };
}

/** Whole numbers with commas between them. */
export function wholeNumbers(text: string): number[] {
  return text.split(',').map(wholeNumber(0));
}

/** Prints rows as a table, or as JSON. */
export async function show(rows: readonly Row[], { json }: OutputOptions): Promise<void> {
  const { formatResult, resultOf } = await load(() => import('../bench/result.ts'));
  const result = resultOf(rows);
  process.stdout.write(`${json ? JSON.stringify(result, null, 2) : formatResult(result)}\n`);
}

/** A module of the benches, which the package leaves out. */
export async function load<Module>(importIt: () => Promise<Module>): Promise<Module> {
  return importIt().catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || !/[\\/]dist[\\/]bench[\\/]/.test(error.message)) throw error;
    throw new InputError({
      file: 'bench',
      expected: 'a clone of the repository',
      found: 'the package alone',
    });
  });
}
