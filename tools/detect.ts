import { Command, Option } from 'commander';
import { readFrameNames } from '../src/datasets/frame-names.ts';
import type { Device } from '../src/engine/device.ts';
import { InputError } from '../src/engine/input-error.ts';
import { areDrives, readDriveResults } from '../src/evaluation/kitti/drive-results.ts';
import { imageSetFile, readKittiFolders } from '../src/evaluation/kitti/kitti-result-files.ts';
import { detect } from '../src/training/detection/detect.ts';
import { loadDetectionRun } from '../src/training/detection/detection-run.ts';
import { shellPath, shellWord } from '../src/training/run/shell-word.ts';
import { deviceOption, interruptSignal, sequenceOption, wholeNumber } from './options.ts';

interface Options {
  readonly data?: string;
  readonly split?: 'training' | 'testing';
  readonly imageSet?: string;
  readonly sequence: readonly string[];
  readonly out: string;
  readonly step?: number;
  readonly boxes: 'own' | 'labels';
  readonly overwrite?: boolean;
  readonly strict?: boolean;
  readonly device: Device;
  readonly threads?: number;
}

/** The command line of `pointpair detect`. */
export function command(): Command {
  return new Command('detect')
    .description("Look at frames with a trained detector and write KITTI's result files.")
    .argument('<run>', 'what pointpair finetune left')
    .option('--data <folder>', "the frames to look at; those of the run's own data set by default")
    .option('--image-set <name>', 'only the frames that ImageSets/<name>.txt lists')
    .addOption(
      new Option('--split <name>', 'of KITTI object or tracking data (default: training)').choices([
        'training',
        'testing',
      ]),
    )
    .addOption(sequenceOption())
    .requiredOption('--out <folder>', 'where the result files go, one a frame')
    .option('--step <number>', "of the run's checkpoint; the newest by default", wholeNumber(0))
    .addOption(
      new Option('--boxes <whose>', 'look into boxes that it finds, or into those of the labels (monorun)')
        .choices(['own', 'labels'])
        .default('own'),
    )
    .option('--overwrite', 'remove other results that are in --out')
    .option('--strict', 'end at a damaged frame instead of leaving it out')
    .option('--threads <number>', 'threads of one operation', wholeNumber(1))
    .addOption(deviceOption())
    .addHelpText(
      'after',
      `
Example:
  pointpair detect runs/point3d --data data/kitti --image-set val --out runs/point3d/detections
  pointpair evaluate --labels data/kitti --detections runs/point3d/detections --image-set val
  pointpair detect runs/on-drives --data data/drives-held-out --out runs/on-drives/detections`,
    )
    .action(run);
}

async function run(folder: string, options: Options): Promise<void> {
  const trained = await loadDetectionRun(folder, { step: options.step });
  const { root } = options.data === undefined ? trained.data : { root: options.data };
  const interrupt = interruptSignal(() => process.stderr.write('\ninterrupted: ending this batch\n'));
  const { split, imageSet, strict } = options;
  const sequences = options.sequence.length === 0 ? undefined : options.sequence;
  const result = await detect({
    run: trained,
    data: { root, split, imageSet, sequences, strict },
    out: options.out,
    device: options.device,
    threads: options.threads,
    overwrite: options.overwrite,
    givenBoxes: options.boxes === 'labels',
    signal: interrupt.signal,
  }).finally(interrupt.release);
  if (result.damaged > 0)
    process.stderr.write(`damaged frames left out, without a result file: ${result.damaged}\n`);
  if (result.interrupted) {
    process.stderr.write(`stopped after ${result.frames} frames; the same command goes on\n`);
    process.exitCode = 130;
    return;
  }
  const commands = await whatIsNext({ root, split, imageSet, sequences, out: options.out });
  process.stdout.write(
    `${result.detections} detections in ${result.frames - result.before} frames${result.before > 0 ? ` (${result.before} were there before)` : ''}: ${options.out}\n` +
      commands.map((line) => `  ${line}\n`).join(''),
  );
}

/** The commands that take the results and work as they are: there may be no labels, nor a result for each of them. */
async function whatIsNext(results: {
  readonly root: string;
  readonly split?: string;
  readonly imageSet?: string;
  readonly sequences?: readonly string[];
  readonly out: string;
}): Promise<string[]> {
  // Labels, and what the viewer shows, are of the training split.
  if (results.split === 'testing') return [];
  const [root, out] = [results.root, results.out].map(shellPath);
  const { imageSet, sequences = [] } = results;
  if (await areDrives(results.root)) {
    const only = sequences.map((name) => ` --sequence ${shellWord(name)}`).join('');
    const data = { root: results.root, sequences: results.sequences };
    const found = await readDriveResults({ labels: data, detections: results.out, missing: 'empty' }).then(
      ({ missing }) => missing,
      ifInput(() => undefined),
    );
    const rule = found?.length === 0 ? '' : ' --missing empty';
    return found === undefined
      ? []
      : [`pointpair evaluate --labels ${root} --detections ${out}${only}${rule}`];
  }
  const only = imageSet === undefined ? '' : ` --image-set ${shellWord(imageSet)}`;
  const missing = await whatIsMissing(results).catch(ifInput(() => undefined));
  const rule = missing?.length === 0 ? '' : ' --missing empty';
  return [
    ...(missing === undefined
      ? []
      : [`pointpair evaluate --labels ${root} --detections ${out}${only}${rule}`]),
    `pointpair view ${root} --detections ${out}`,
  ];
}

/** What an InputError gives; any other error is thrown on. */
function ifInput<Value>(value: () => Value): (error: unknown) => Value {
  return (error) => {
    if (error instanceof InputError) return value();
    throw error;
  };
}

/** The labelled frames without a result. Throws an InputError where the results cannot be evaluated. */
async function whatIsMissing(results: {
  readonly root: string;
  readonly imageSet?: string;
  readonly out: string;
}): Promise<readonly string[]> {
  const { root: labels, imageSet, out: detections } = results;
  const ids = imageSet === undefined ? undefined : await readFrameNames(await imageSetFile(labels, imageSet));
  return (await readKittiFolders({ labels, detections, ids, missing: 'empty' })).missing;
}
