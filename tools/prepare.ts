import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import type { PrepareReport } from '../src/datasets/prepared/prepare-sequences.ts';
import { InputError } from '../src/engine/input-error.ts';
import { ProgressLine } from '../src/training/run/progress.ts';
import { columnsOption, interruptSignal, wholeNumber } from './options.ts';

interface Options {
  readonly out: string;
  readonly momentsPerShard?: number;
  readonly workers: number;
  readonly strict?: boolean;
  readonly verify?: boolean;
  readonly tracks?: string;
  readonly sequence?: string;
  readonly camera?: string;
  readonly columns?: number;
}

/** The command line of `pointpair prepare`. */
export function command(): Command {
  return new Command('prepare')
    .description('Pack the frames of any sequences into tar files that training reads in order.')
    .argument('[source]', 'drives, a data set or point clouds; not needed to verify alone')
    .requiredOption('--out <folder>', 'where to; shards that are there already are kept')
    .option('--moments-per-shard <number>', 'frames in a tar file (50 by default)', wholeNumber(1))
    .option(
      '--workers <number>',
      'threads; the bytes do not depend on it',
      wholeNumber(0),
      availableParallelism(),
    )
    .option('--strict', 'end with an error where a part of a frame is missing or damaged')
    .option('--verify', 'read all shards back and compare them with their checksums')
    .option('--tracks <file>', 'a KITTI tracking label file that goes with a raw drive')
    .option('--sequence <name>', 'one of several sequences')
    .option('--camera <name>', 'the camera that comes first')
    .addOption(columnsOption())
    .addHelpText(
      'after',
      `
Examples:
  pointpair prepare 2011_09_26 --out data/prepared
  pointpair prepare --verify --out data/prepared
  pointpair pretrain --preset simipu-small --data data/prepared --out runs/drives`,
    )
    .action(async (path: string | undefined, options: Options) => {
      if (path === undefined && options.verify !== true) {
        throw new InputError({ file: 'prepare', expected: 'a source, or --verify', found: 'neither' });
      }
      if (path !== undefined) process.stdout.write(describe(await prepare(path, options)));
      if (options.verify === true) await verify(options.out);
    });
}

async function prepare(path: string, options: Options): Promise<PrepareReport> {
  const { sourceOf } = await import('../src/datasets/prepared/prepare-source.ts');
  const { prepareSequences } = await import('../src/datasets/prepared/prepare-sequences.ts');
  const { tracks, columns, sequence, camera, ...rest } = options;
  return withProgress('giving up the shards in work', (onProgress, signal) =>
    prepareSequences({
      ...rest,
      ...sourceOf({ path, tracks, columns, sequence, camera }),
      onProgress,
      signal,
    }),
  );
}

async function verify(folder: string): Promise<void> {
  const { verifyPrepared } = await import('../src/datasets/prepared/verify-prepared.ts');
  const began = performance.now();
  const { shards, members, bytes, faults } = await withProgress('', (onProgress, signal) =>
    verifyPrepared(folder, { onProgress, signal }),
  );
  for (const fault of faults) process.stdout.write(`${new InputError(fault).message}\n`);
  if (faults.length > 0) {
    process.stdout.write('A shard that was removed is made again by the command that made it.\n');
    const found = `${counted(faults.length, 'fault')}, named above`;
    throw new InputError({ file: folder, expected: 'shards as they were written', found });
  }
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(
    `verified: ${counted(shards, 'shard')}, ${counted(members, 'file')}, ${megabytes(bytes)}, all as they were written; ${seconds.toFixed(1)} s\n`,
  );
}

/** The summary, a line for each thing to know. */
function describe(report: PrepareReport): string {
  const { out, sequences, shards, made, kept, bytes, leftOut, examples, elapsedMs } = report;
  const seconds = elapsedMs / 1000;
  const speed = made === 0 ? '' : `, ${(made / seconds).toFixed(1)} frames a second`;
  const lacking = Object.entries(leftOut).map(([part, count]) => `${part} in ${counted(count, 'frame')}`);
  const lines = [
    `${counted(made, 'frame')} written, ${kept} kept: ${out}`,
    `${counted(sequences, 'sequence')}, ${counted(shards, 'shard')}, ${megabytes(bytes)}; ${seconds.toFixed(1)} s${speed}`,
    ...(lacking.length === 0
      ? []
      : [`left out: ${lacking.join(', ')}`, ...examples.map((each) => `  ${each}`)]),
  ];
  return `${lines.join('\n')}\n`;
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Works with a progress line that Ctrl-C ends. */
async function withProgress<T>(
  onInterrupt: string,
  work: (
    onProgress: (progress: { readonly done: number; readonly count: number }) => void,
    signal: AbortSignal,
  ) => Promise<T>,
): Promise<T> {
  const interrupt = interruptSignal(() =>
    process.stderr.write(`\ninterrupted${onInterrupt === '' ? '' : `: ${onInterrupt}`}\n`),
  );
  let progress: ProgressLine | undefined;
  const began = performance.now();
  let first = 0;
  let shown = -1;
  try {
    return await work(({ done, count }) => {
      if (progress === undefined) first = done;
      progress ??= new ProgressLine({ total: count, done, unit: 'frame' });
      // Told again without a change, it would write the last line twice.
      if (done === shown) return;
      shown = done;
      const seconds = (performance.now() - began) / 1000;
      progress.update({ step: done, samplesPerSecond: done > first ? (done - first) / seconds : undefined });
    }, interrupt.signal);
  } finally {
    interrupt.release();
    progress?.end();
  }
}
