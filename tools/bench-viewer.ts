import { type Command, Option } from 'commander';
import {
  bench,
  load,
  type OutputOptions,
  type RunOptions,
  show,
  wholeNumbers,
  withRuns,
} from './bench-options.ts';

/** The command line of `pointpair bench viewer`. */
export function viewer(): Command {
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
