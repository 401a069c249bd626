import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { type GenerateDrivesReport, generateDrives } from '../src/datasets/scenes/drives/generate-drives.ts';
import { maxFrames } from '../src/datasets/scenes/drives/timeline.ts';
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
  readonly small?: boolean;
}

interface DriveOptions {
  readonly drives?: number;
  readonly frames: number;
  readonly rolling?: boolean;
}

/** What `--small` makes: a quarter of the rays, a fifteenth of the pixels. */
const small = { imageSize: { width: 320, height: 96 }, scanner: { beams: 32, steps: 1080 } } as const;

/** The command line of `pointpair scenes`. */
export function command(): Command {
  return new Command('scenes')
    .description(
      'Generate driving scenes in the layout of the KITTI object benchmark, or drives in that of KITTI raw data.',
    )
    .requiredOption('--out <folder>', "the data set's folder; frames that are there already are kept")
    .option('--count <number>', 'frames', wholeNumber(1), 100)
    .option('--held-out <number>', 'of these, frames for validation (a fifth by default)', wholeNumber(0))
    .option('--seed <number>', 'the same seed gives the same bytes', wholeNumber(0), 0)
    .option('--workers <number>', 'threads', wholeNumber(0), availableParallelism())
    .option('--depth', "also each pixel's depth, as 16-bit pictures: training/depth_2")
    .option(
      '--small',
      'pictures of 320 x 96 and sweeps of 32 beams and 1080 firings, made in a fraction of the time',
    )
    .option(
      '--drives <number>',
      'drives instead of single scenes, as KITTI raw data with tracks',
      wholeNumber(1, 2000),
    )
    .option('--frames <number>', 'frames of each drive, ten a second', wholeNumber(1, maxFrames), 40)
    .option('--rolling', 'sweeps of drives are taken during a tenth of a second, not in an instant')
    .addHelpText(
      'after',
      '\nExamples:\n  pointpair scenes --count 500 --out data/scenes\n  pointpair scenes --drives 8 --frames 40 --rolling --out data/drives',
    )
    .action(async (options: Options & DriveOptions, program: Command) => {
      const given = (name: string): boolean => program.getOptionValueSource(name) === 'cli';
      const foreign = (options.drives === undefined ? ofDrives : ofScenes).find(given);
      if (foreign !== undefined)
        program.error(
          options.drives === undefined
            ? `--${foreign} is of drives: give --drives with it`
            : `--drives cannot be combined with --${flagOf(foreign)}, which is of single scenes`,
        );
      if (options.drives !== undefined) {
        const report = await makeDrives({ ...options, drives: options.drives });
        const { out, drives, made, kept, meanPoints, elapsedMs } = report;
        process.stdout.write(
          `${made} frames made, ${kept} kept: ${out} (${drives} drives)\n${speed(made, meanPoints, elapsedMs)}`,
        );
        return;
      }
      const report = await makeScenes({
        ...options,
        heldOut: options.heldOut ?? Math.floor(options.count / 5),
      });
      const { out, made, kept, train, val, meanPoints, elapsedMs } = report;
      process.stdout.write(
        `${made} frames made, ${kept} kept: ${out} (${train} for training, ${val} held out)\n` +
          speed(made, meanPoints, elapsedMs),
      );
    });
}

const ofDrives = ['frames', 'rolling'];
const ofScenes = ['count', 'heldOut', 'depth'];

function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function speed(made: number, meanPoints: number, elapsedMs: number): string {
  if (made === 0) return '';
  return `${meanPoints.toFixed(0)} points a sweep, ${((1000 * made) / elapsedMs).toFixed(1)} frames a second\n`;
}

/** Generates scenes with a progress line; Ctrl-C leaves whole frames, and the same command goes on. */
export async function makeScenes(
  options: Options & { readonly heldOut: number },
): Promise<GenerateScenesReport> {
  return watched((watch) => generateScenes({ ...options, ...(options.small ? small : {}), ...watch }));
}

function makeDrives(
  options: Options & DriveOptions & { readonly drives: number },
): Promise<GenerateDrivesReport> {
  return watched((watch) => generateDrives({ ...options, ...(options.small ? small : {}), ...watch }));
}

/** Runs a generator with a progress line and a signal for Ctrl-C. */
async function watched<Report>(
  generate: (watch: {
    readonly signal: AbortSignal;
    readonly onProgress: (progress: { readonly done: number; readonly count: number }) => void;
  }) => Promise<Report>,
): Promise<Report> {
  const interrupt = interruptSignal(() => process.stderr.write('\ninterrupted: ending the frames in work\n'));
  let progress: ProgressLine | undefined;
  const began = performance.now();
  let first = 0;
  try {
    return await generate({
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
