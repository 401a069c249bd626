import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { type GenerateScenesReport, generateScenes } from '../src/datasets/scenes/generate-scenes.ts';
import { ProgressLine } from '../src/training/run/progress.ts';
import { interruptSignal, wholeNumber } from './options.ts';

interface Options {
  readonly out: string;
  readonly count: number;
  readonly heldOut?: number;
  readonly seed: number;
  readonly workers: number;
  readonly depth?: boolean;
}

/** The command line of `pointpair scenes`. */
export function command(): Command {
  return new Command('scenes')
    .description('Generate a data set of driving scenes in the layout of the KITTI object benchmark.')
    .requiredOption('--out <folder>', "the data set's folder; frames that are there already are kept")
    .option('--count <number>', 'frames', wholeNumber(1), 100)
    .option('--held-out <number>', 'of these, frames for validation (a fifth by default)', wholeNumber(0))
    .option('--seed <number>', 'the same seed gives the same bytes', wholeNumber(0), 0)
    .option('--workers <number>', 'threads', wholeNumber(0), availableParallelism())
    .option('--depth', "also each pixel's depth, as 16-bit pictures: training/depth_2")
    .addHelpText('after', '\nExample:\n  pointpair scenes --count 500 --out data/scenes')
    .action(async (options: Options) => {
      const report = await makeScenes({
        ...options,
        heldOut: options.heldOut ?? Math.floor(options.count / 5),
      });
      const { out, made, kept, train, val, meanPoints, elapsedMs } = report;
      process.stdout.write(
        `${made} frames made, ${kept} kept: ${out} (${train} for training, ${val} held out)\n` +
          (made > 0
            ? `${meanPoints.toFixed(0)} points a sweep, ${((1000 * made) / elapsedMs).toFixed(1)} frames a second\n`
            : ''),
      );
    });
}

/** Generates scenes with a progress line; Ctrl-C leaves whole frames, and the same command goes on. */
export async function makeScenes(
  options: Options & { readonly heldOut: number },
): Promise<GenerateScenesReport> {
  const interrupt = interruptSignal(() => process.stderr.write('\ninterrupted: ending the frames in work\n'));
  let progress: ProgressLine | undefined;
  const began = performance.now();
  let first = 0;
  try {
    return await generateScenes({
      ...options,
      signal: interrupt.signal,
      onProgress: ({ done, count }) => {
        if (progress === undefined) first = done;
        progress ??= new ProgressLine({ total: count, done });
        const seconds = (performance.now() - began) / 1000;
        progress.update({
          step: done,
          samplesPerSecond: done > first ? (done - first) / seconds : undefined,
        });
      },
    });
  } finally {
    interrupt.release();
    progress?.end();
  }
}
