import { Command } from 'commander';
import { shellPath } from '../src/training/run/shell-word.ts';
import { interruptSignal, sequenceOption, share } from './options.ts';

interface Options {
  readonly data: string;
  readonly imageSet?: string;
  readonly sequence?: readonly string[];
  readonly out: string;
  readonly leastScore: number;
  readonly tracks: boolean;
  readonly strict?: boolean;
}

/** The command line of `pointpair pseudo-label`. */
export function command(): Command {
  return new Command('pseudo-label')
    .description(
      'Write boxes of cars, pedestrians and cyclists without labels and without a network: ground off, clusters, boxes, followed through drives.',
    )
    .requiredOption('--data <folder>', 'a data set in the layout of the KITTI object benchmark, or drives')
    .requiredOption('--out <folder>', 'where the label files go; those that are there are kept')
    .option('--image-set <name>', 'only the frames that ImageSets/<name>.txt lists')
    .option('--least-score <share>', 'boxes of lower scores are left out', share, 0.3)
    .option('--no-tracks', 'take each frame of a drive by itself, without the ones before and after it')
    .option('--strict', 'stop at a damaged frame instead of skipping it')
    .addOption(sequenceOption())
    .addHelpText(
      'after',
      `
Example:
  pointpair pseudo-label --data data/kitti --out data/kitti-pseudo
  pointpair finetune --detector point3d --data data/kitti --labels-from data/kitti-pseudo --out runs/pseudo
  pointpair finetune --detector point3d --data data/kitti --from runs/pseudo --labels-fraction 0.01 --out runs/few`,
    )
    .action(run);
}

async function run({
  data: root,
  imageSet,
  sequence,
  out,
  leastScore,
  tracks,
  strict,
}: Options): Promise<void> {
  const { pseudoLabel } = await import('../src/training/detection/pseudo-label.ts');
  const interrupt = interruptSignal(() =>
    process.stderr.write('\ninterrupted: ending after the frames that were begun\n'),
  );
  try {
    const result = await pseudoLabel({
      data: { root, imageSet, strict, ...(sequence?.length ? { sequences: sequence } : {}) },
      ...{ out, scoreThreshold: leastScore, single: !tracks, signal: interrupt.signal },
    });
    const { frames, before, boxes, damaged } = result;
    const found = Object.entries(boxes).map(([type, count]) => `${count} ${type}`);
    const parts = [
      `${frames} frames with a file: ${out}`,
      ...(before > 0 ? [`${before} were there`] : []),
      ...(found.length > 0 ? [found.join(', ')] : []),
      ...(damaged.length > 0 ? [`${damaged.length} damaged`] : []),
    ];
    process.stdout.write(`${parts.join('; ')}\n`);
    if (result.interrupted) process.stdout.write('  the same command goes on\n');
    const [data, labels] = [root, out].map(shellPath);
    process.stdout.write(
      `  pointpair finetune --detector point3d --data ${data}${imageSet === undefined ? '' : ` --image-set ${imageSet}`} --labels-from ${labels} --out runs/pseudo\n`,
    );
  } finally {
    interrupt.release();
  }
}
