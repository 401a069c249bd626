import { Command } from 'commander';
import { wholeNumber } from './options.ts';

/** The command line of `pointpair export`. */
export function command(): Command {
  return new Command('export')
    .description(
      'Write the encoders of a run as standard ONNX files, and encoders.json that says what goes in and comes out.',
    )
    .argument('<run>', "the run's folder")
    .requiredOption('--to <folder>', 'where the files go')
    .option('--step <number>', 'the checkpoint of this step instead of the newest', wholeNumber(0))
    .option('--batch <number>', 'samples a batch; shapes are fixed', wholeNumber(1), 1)
    .addHelpText('after', '\nExample:\n  pointpair export runs/kitti --to out/')
    .action(async (run: string, { to, step, batch }: { to: string; step?: number; batch: number }) => {
      const { loadRun } = await import('../src/training/run/model-state.ts');
      const { exportEncoders } = await import('../src/training/export-encoders.ts');
      const trained = await loadRun(run, { step });
      const files = await exportEncoders(trained, to, { batch });
      process.stdout.write(`${files.join('\n')}\n`);
    });
}
