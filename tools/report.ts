import { Command } from 'commander';
import { writeReport } from '../src/report/run-report.ts';

/** The command line of `pointpair report`. */
export function command(): Command {
  return new Command('report')
    .description(
      "Write a run's report.html: curves, evaluation, configuration; one file, to be opened anywhere.",
    )
    .argument('<run>', "the run's folder")
    .addHelpText('after', '\nExample:\n  pointpair report runs/kitti')
    .action(async (run: string) => {
      process.stdout.write(`${await writeReport(run, { sections: [] })}\n`);
    });
}
