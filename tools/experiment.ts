import { Command, InvalidArgumentError, Option } from 'commander';
import type { ImageSystemsCommand } from './image-systems.ts';
import type { LabelEfficiencyOptions } from './label-efficiency.ts';
import { collected, share, wholeNumber } from './options.ts';

/** The command line of `pointpair experiment`. */
export function command(): Command {
  return new Command('experiment')
    .description('Experiments that show whether pretraining is worth it.')
    .addCommand(labelEfficiency())
    .addCommand(imageSystems())
    .addHelpText(
      'after',
      '\nExamples:\n  pointpair experiment label-efficiency --seeds 3\n  pointpair experiment image-systems --data data/cifar10',
    );
}

function imageSystems(): Command {
  return new Command('image-systems')
    .description(
      'Pretrain with every system of pictures on the same photographs and probe each run, beside random encoders; rerun it and it resumes.',
    )
    .requiredOption('--data <folder>', 'pictures in a folder a class, as train and test')
    .option('--out <folder>', 'where everything goes', 'runs/image-systems')
    .option(
      '--presets <list>',
      'which ones, such as byol-cifar,dino-cifar (default: all for photographs)',
      names,
    )
    .option('--seeds <number>', 'seeds of each', wholeNumber(1), 3)
    .option('--random-seeds <number>', 'encoders with random weights to compare with', wholeNumber(0), 3)
    .option('--no-patches', 'leave out whitened random patches, whose linear classifier takes half a minute')
    .option(
      '--finetune <list>',
      'train the whole network on these shares of the labels, such as 0.01,0.1,1',
      fractions,
      [],
    )
    .option('--finetune-steps <number>', 'steps of each such training', wholeNumber(1), 200)
    .option('--set <key.path=value>', 'change one value of every configuration (repeatable)', collected, [])
    .option('--threads <number>', 'threads of one operation', wholeNumber(1))
    .addHelpText(
      'after',
      `
Examples:
  pointpair experiment image-systems --data data/cifar10
  pointpair experiment image-systems --data data/cifar10 --presets moco-v2-cifar,seed-cifar --seeds 1 --finetune 0.01,0.1,1`,
    )
    .action(async (options: ImageSystemsCommand) => {
      const { imageSystemsExperiment } = await import('./image-systems.ts');
      await imageSystemsExperiment(options);
    });
}

function names(text: string): string[] {
  return text.split(',').filter((name) => name !== '');
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
      'a pretraining to compare: a preset, the folder of a run, or clusters, the detector itself on boxes of clusters without labels (repeatable) (default: pretrained=simipu-small)',
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
    .option(
      '--cluster-steps <number>',
      'steps on boxes of clusters (default: as many as --steps)',
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
    --arm still=simipu-small --arm time=temporal-small --fractions 0.01,0.05,1 --out runs/time-labels
  pointpair experiment label-efficiency --arm clusters --frames 1000 --held-out 300 --fractions 0.01,0.05,1 --out runs/clusters`,
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
