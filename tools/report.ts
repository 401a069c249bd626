import { Command } from 'commander';
import type { DetectionSectionOptions } from '../src/report/detection-sections.ts';

/** The command line of `pointpair report`. */
export function command(): Command {
  return new Command('report')
    .description(
      "Write a run's report.html: curves, evaluation, configuration; one file, to be opened anywhere.",
    )
    .argument('<run>', "the run's folder")
    .option('--detections <folder>', "a detector's results; those in the run's folder by default")
    .option('--data <folder>', 'the data set with the labels, if not where the results have it')
    .addHelpText('after', '\nExamples:\n  pointpair report runs/kitti\n  pointpair report runs/point3d')
    .action(async (run: string, options: DetectionSectionOptions) => {
      const { writeReport } = await import('../src/report/run-report.ts');
      const { detectionSections } = await import('../src/report/detection-sections.ts');
      const sections = await detectionSections(run, options);
      process.stdout.write(`${await writeReport(run, { sections })}\n`);
    });
}
