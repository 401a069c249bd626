import { Command, Option } from 'commander';
import type { Device } from '../src/engine/device.ts';
import { InputError } from '../src/engine/input-error.ts';
import type { DetectResult } from '../src/training/detection/detect.ts';
import type { DetectionConfig } from '../src/training/detection/detection-config.ts';
import type { DetectionRun } from '../src/training/detection/detection-run.ts';
import { shellPath, shellWord } from '../src/training/run/shell-word.ts';
import { deviceOption, interruptSignal, sequenceOption, share, wholeNumber } from './options.ts';

interface Options {
  readonly data?: string;
  readonly split?: 'training' | 'testing';
  readonly imageSet?: string;
  readonly sequence: readonly string[];
  readonly out: string;
  readonly step?: number;
  readonly boxes: 'own' | 'labels';
  readonly minScore?: number;
  readonly overwrite?: boolean;
  readonly strict?: boolean;
  readonly device: Device;
  readonly threads?: number;
}

/** The command line of `pointpair detect`. */
export function command(): Command {
  return new Command('detect')
    .description("Look at frames with a trained detector and write KITTI's result files.")
    .argument('<run>', 'a run folder from pointpair finetune')
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
    .option('--min-score <score>', "write detections from this score on (default: the run's own)", share)
    .option('--overwrite', 'remove the results that are in --out and do all frames again')
    .option('--strict', 'stop at a damaged frame instead of skipping it')
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
  const { loadDetectionRun } = await import('../src/training/detection/detection-run.ts');
  const { detect } = await import('../src/training/detection/detect.ts');
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
    scoreThreshold: options.minScore,
    signal: interrupt.signal,
  }).finally(interrupt.release);
  if (result.damaged > 0)
    process.stderr.write(`damaged frames left out, without a result file: ${result.damaged}\n`);
  if (result.interrupted) {
    const how = options.overwrite
      ? 'the same command without --overwrite goes on'
      : 'the same command goes on';
    process.stderr.write(`stopped after ${result.frames} frames; ${how}\n`);
    process.exitCode = 130;
    return;
  }
  const commands = await whatIsNext({ root, split, imageSet, sequences, out: options.out });
  process.stdout.write(
    `${describeDetections(result, { run: trained, out: options.out, minScore: options.minScore })}\n` +
      commands.map((line) => `  ${line}\n`).join(''),
  );
}

/** What was done, and why there may be nothing to see. */
export function describeDetections(
  { detections, frames, before }: Pick<DetectResult, 'detections' | 'frames' | 'before'>,
  {
    run: { config, step },
    out,
    minScore,
  }: {
    readonly run: Pick<DetectionRun, 'config' | 'step'>;
    readonly out: string;
    readonly minScore?: number;
  },
): string {
  const done = frames - before;
  const again = '--overwrite does them again';
  if (done === 0) return `nothing to do: all ${counted(frames, 'frame')} were there (${again}): ${out}`;
  const skipped = before === 0 ? '' : `; skipped ${counted(before, 'frame')} that were there (${again})`;
  const found = `${counted(detections, 'detection')} in ${counted(done, 'frame')}${skipped}: ${out}`;
  if (detections > 0) return found;
  const lowest = minScore ?? thresholdOf(config);
  return `${found}\nnothing had a score of ${lowest} or more after ${counted(step, 'step')} of training: a lower --min-score (with --overwrite) shows weaker ones, more steps make better ones`;
}

function thresholdOf(config: DetectionConfig): number {
  switch (config.detector) {
    case 'image3d':
      return config.image3d.scoreThreshold;
    case 'point3d':
      return config.point3d.scoreThreshold;
    case 'fusion':
      return config.fusion.scoreThreshold;
    case 'monorun':
      return config.monorun.scoreThreshold;
  }
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** The commands that take the results and work as they are: there may be no labels, nor a result for each of them. */
export async function whatIsNext(results: {
  readonly root: string;
  readonly split?: string;
  readonly imageSet?: string;
  readonly sequences?: readonly string[];
  readonly out: string;
}): Promise<string[]> {
  // Labels, and what the viewer shows, are of the training split.
  if (results.split === 'testing') return [];
  const [root, out] = [results.root, results.out].map(shellPath);
  const { areDrives, readDriveResults } = await import('../src/evaluation/kitti/drive-results.ts');
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
  const { imageSetFile, readKittiFolders } = await import('../src/evaluation/kitti/kitti-result-files.ts');
  const { readFrameNames } = await import('../src/datasets/frame-names.ts');
  const { root: labels, imageSet, out: detections } = results;
  const ids = imageSet === undefined ? undefined : await readFrameNames(await imageSetFile(labels, imageSet));
  return (await readKittiFolders({ labels, detections, ids, missing: 'empty' })).missing;
}
