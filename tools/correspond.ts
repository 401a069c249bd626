import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import type { Device } from '../src/engine/device.ts';
import type { CorrespondProgress } from '../src/training/correspond/correspond.ts';
import { ProgressLine } from '../src/training/run/progress.ts';
import { shellPath } from '../src/training/run/shell-word.ts';
import { deviceOption, interruptSignal, share, wholeNumber } from './options.ts';

interface Options {
  readonly data: string;
  readonly imageSet?: string;
  readonly out: string;
  readonly step?: number;
  readonly neighbours: number;
  readonly keep: number;
  readonly leastSide: number;
  readonly mostOverlap: number;
  readonly most: number;
  readonly picture?: string;
  readonly strict?: boolean;
  readonly overwrite?: boolean;
  readonly workers: number;
  readonly threads?: number;
  readonly device: Device;
}

/** The command line of `pointpair correspond`. */
export function command(): Command {
  return new Command('correspond')
    .description(
      "Find boxes in pictures, each picture's nearest neighbours by a run's encoder, and the boxes of both that belong together.",
    )
    .argument('<run>', 'the run whose image encoder, and projector where it has one, compares them')
    .requiredOption('--data <folder>', 'pictures: a folder of them, or a data set with cameras')
    .requiredOption('--out <file>', 'where to; what was interrupted goes on')
    .option('--image-set <name>', 'only the frames of this list, or the pictures in the folder of that name')
    .option('--step <number>', 'the checkpoint of this step instead of the newest', wholeNumber(0))
    .option('--neighbours <number>', 'neighbours of a picture', wholeNumber(1), 10)
    .option('--keep <share>', 'pairs with each neighbour, as a share of the boxes; at least one', share, 0.1)
    .option('--least-side <share>', "a box's sides, of the picture's shorter one, at least", share, 0.3)
    .option('--most-overlap <share>', 'what two boxes share of their union, at most', share, 0.5)
    .option('--most <number>', 'boxes of a picture', wholeNumber(1), 100)
    .option('--picture <file>', 'draw some pictures, their boxes and their neighbours, as PNG')
    .option('--strict', 'stop at a damaged picture instead of leaving it out')
    .option('--overwrite', 'replace another file, and parts of one')
    .option(
      '--workers <number>',
      'threads that read and match; the bytes do not depend on it',
      wholeNumber(0),
      availableParallelism(),
    )
    .option('--threads <number>', 'threads of the encoder', wholeNumber(1))
    .addOption(deviceOption())
    .addHelpText(
      'after',
      `
Example:
  pointpair correspond runs/byol --data data/pictures --out runs/boxes.safetensors --picture runs/boxes.png
  pointpair pretrain --preset orl-cifar --correspondences runs/boxes.safetensors --data data/pictures --out runs/orl`,
    )
    .action(run);
}

async function run(folder: string, options: Options): Promise<void> {
  const { correspond } = await import('../src/training/correspond/correspond.ts');
  const { releasedMatching } = await import('../src/training/correspond/correspondence-file.ts');
  const { loadRun } = await import('../src/training/run/model-state.ts');
  const { data: root, imageSet, strict, step, picture } = options;
  const { neighbours, keep, leastSide, mostOverlap, most } = options;
  const { out, overwrite, workers, threads, device } = options;
  const data = { root, imageSet, strict };
  const began = performance.now();
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const result = await withProgress(async (onProgress, signal) =>
    correspond({
      ...{ run: await loadRun(folder, { step }), folder, data, out, overwrite, workers, threads, device },
      matching: { ...releasedMatching, neighbours, keep, leastSide, mostOverlap, most },
      ...{ onProgress, signal, say },
    }),
  );
  const { correspondences, about, kept, damaged } = result;
  const [boxes, pairs] = [correspondences.boxes.length / 4, correspondences.pairs.length / 2];
  const seconds = (performance.now() - began) / 1000;
  const what = `${about.names.length} pictures, ${boxes} boxes, ${pairs} pairs with neighbours`;
  process.stdout.write(
    `${kept ? 'there already' : `${seconds.toFixed(1)} s`}: ${what}${damaged > 0 ? `; ${damaged} damaged` : ''}: ${out}\n`,
  );
  if (picture !== undefined) {
    const { drawCorrespondences } = await import('../src/report/draw-correspondences.ts');
    await drawCorrespondences({ correspondences, data, file: picture });
    process.stdout.write(`drawn: ${picture}\n`);
  }
  const next = `pointpair pretrain --preset orl-cifar --correspondences ${shellPath(out)} --data ${shellPath(root)}`;
  process.stdout.write(
    `  ${next}${imageSet === undefined ? '' : ` --image-set ${imageSet}`} --out runs/orl\n`,
  );
}

/** Works with a line of progress for each pass, and until the first Ctrl-C. */
async function withProgress<Result>(
  work: (onProgress: (progress: CorrespondProgress) => void, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const interrupt = interruptSignal(() =>
    process.stderr.write('\ninterrupted: giving up the pictures in work\n'),
  );
  const lines = new Map<string, ProgressLine>();
  let shown = '';
  try {
    return await work(({ pass, done, count }) => {
      if (!lines.has(pass)) for (const line of lines.values()) line.end();
      const unit = pass === 'boxes' ? 'boxes of picture' : 'neighbours of picture';
      const line = lines.get(pass) ?? new ProgressLine({ total: count, done, unit });
      lines.set(pass, line);
      // Told again without a change, it would write the last line twice.
      if (shown === `${pass} ${done}`) return;
      shown = `${pass} ${done}`;
      line.update({ step: done });
    }, interrupt.signal);
  } finally {
    interrupt.release();
    for (const line of lines.values()) line.end();
  }
}
