import { Command, InvalidArgumentError, Option } from 'commander';
import type { LabelEfficiencyOptions } from './label-efficiency.ts';
import { collected, share, wholeNumber } from './options.ts';

/** The command line of `pointpair experiment`. */
export function command(): Command {
  return new Command('experiment')
    .description('Experiments that show whether pretraining is worth it.')
    .addCommand(labelEfficiency())
    .addHelpText('after', '\nExample:\n  pointpair experiment label-efficiency --seeds 3');
}

function labelEfficiency(): Command {
  return new Command('label-efficiency')
    .description(
      'Pretrain once without labels, or in several ways, then train a detector with few and many labels, from scratch and pretrained; rerun it and it resumes.',
    )
    .option('--out <folder>', 'where everything goes', 'runs/label-efficiency')
    .option('--data <folder>', 'generated scenes; made where they are missing', 'data/label-efficiency')
    .option('--frames <number>', 'scenes to learn from', wholeNumber(8), 400)
    .option('--held-out <number>', 'scenes to measure on', wholeNumber(8), 80)
    .option('--drives <folder>', 'labelled drives to learn from, in place of generated scenes')
    .option('--held-out-drives <folder>', 'other drives to measure on')
    .option(
      '--arm <name=what>',
      'a pretraining to compare: a preset, or the folder of a run (repeatable) (default: pretrained=simipu-small)',
      collected,
      [],
    )
    .addOption(
      new Option('--detector <name>', 'which detector')
        .choices(['point3d', 'image3d', 'fusion'])
        .default('point3d'),
    )
    .option(
      '--pretrain-steps <number>',
      'steps of each pretraining (default: 600, on drives 250)',
      wholeNumber(1),
    )
    .option('--steps <number>', 'steps of each training of the detector', wholeNumber(1), 240)
    .option('--fractions <list>', 'shares of the labels', fractions, [0.01, 0.05, 0.1, 1])
    .option('--seeds <number>', 'seeds of each', wholeNumber(1), 3)
    .option('--set <key.path=value>', "change the detector's configuration", collected, [])
    .option('--pretrain-set <key.path=value>', "change the pretraining's configuration", collected, [])
    .option('--strict', 'stop at a damaged or incomplete frame instead of skipping it')
    .addHelpText(
      'after',
      `
Examples:
  pointpair experiment label-efficiency --detector image3d --out runs/image3d-labels
  pointpair experiment label-efficiency --drives data/drives --held-out-drives data/drives-held-out \\
    --arm still=simipu-small --arm time=temporal-small --fractions 0.01,0.05,1 --out runs/time-labels`,
    )
    .action(async (options: LabelEfficiencyOptions) => {
      const { labelEfficiencyExperiment } = await import('./label-efficiency.ts');
      await labelEfficiencyExperiment(options);
    });
}

function fractions(text: string): number[] {
  try {
    return text.split(',').map(share);
  } catch {
    throw new InvalidArgumentError('expected shares above 0 and up to 1, such as 0.01,0.05,1');
  }
}
