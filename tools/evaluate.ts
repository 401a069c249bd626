import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { InputError } from '../src/engine/input-error.ts';
import type { Overlaps } from '../src/evaluation/kitti/kitti-evaluation.ts';
import type { KittiFolderPairs } from '../src/evaluation/kitti/kitti-result-files.ts';
import { shellPath } from '../src/training/run/shell-word.ts';
import { sequenceOption, wholeNumber } from './options.ts';

interface Options {
  readonly labels: string;
  readonly detections: string;
  readonly json?: boolean;
  readonly overlaps: Overlaps;
  readonly missing: 'error' | 'empty';
  readonly frames?: string;
  readonly imageSet?: string;
  readonly strict?: boolean;
  readonly sequence: readonly string[];
  readonly bootstrap?: number;
}

/** The command line of `pointpair evaluate`. */
export function command(): Command {
  return new Command('evaluate')
    .description("Average precision of detections by the rules of KITTI's benchmark.")
    .requiredOption('--labels <folder>', 'label files, or a data set or drives with them')
    .requiredOption(
      '--detections <folder>',
      "result files, as pointpair detect writes them, or a detector's run with them",
    )
    .option('--json', 'print every number as JSON')
    .addOption(
      new Option('--overlaps <kind>', 'how much boxes have to overlap: the benchmark, or less in space')
        .choices(['strict', 'loose'])
        .default('strict'),
    )
    .addOption(
      new Option('--missing <rule>', 'what a labelled frame without a result file is')
        .choices(['error', 'empty'])
        .default('error'),
    )
    .option(
      '--bootstrap <number>',
      'give the interval of each R40 at moderate difficulty over so many draws of the frames, such as 1000',
      wholeNumber(100),
    )
    .option('--strict', 'end at a type that KITTI does not know instead of leaving it aside')
    .option('--image-set <name>', "only the frames that the data set's ImageSets/<name>.txt lists")
    .addOption(new Option('--frames <file>', 'only the frames that this file lists').conflicts('imageSet'))
    .addOption(sequenceOption())
    .addHelpText(
      'after',
      `
Examples:
  pointpair evaluate --labels data/kitti --detections runs/point3d/detections --image-set val
  pointpair evaluate --labels data/kitti --detections runs/point3d/detections --image-set val --bootstrap 1000
  pointpair evaluate --labels data/drives-held-out --detections runs/on-drives/detections`,
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { areDrives } = await import('../src/evaluation/kitti/drive-results.ts');
  const { kittiTable, lowBoxes } = await import('../src/report/kitti-table.ts');
  const { describeUnknownClass } = await import('../src/evaluation/kitti/unknown-classes.ts');
  const { evaluateKitti } = await import('../src/evaluation/kitti/kitti-evaluation.ts');
  const { kittiIntervals } = await import('../src/evaluation/kitti/bootstrap.ts');
  const { labels, json, overlaps } = options;
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const detections = await resultFolderOf(options.detections);
  const given = { ...options, detections };
  const pairs = (await areDrives(labels)) ? await ofDrives(given, say) : await ofFolders(given);
  if (detections !== options.detections) say(`results: ${detections}`);
  if (pairs.missing.length > 0) {
    say(
      `${pairs.missing.length} of ${pairs.frames.length} frames have no result file and count as frames without detections`,
    );
  }
  for (const unknown of pairs.unknown) say(describeUnknownClass(unknown));
  const evaluation = evaluateKitti(pairs.frames, { overlaps });
  const { bootstrap: resamples } = options;
  const intervals = resamples === undefined ? [] : kittiIntervals(pairs.frames, { overlaps, resamples });
  if (!json) {
    process.stdout.write(`${kittiTable(evaluation, intervals)}\n`);
    return;
  }
  for (const line of lowBoxes(evaluation)) say(line);
  const found = structuredClone(evaluation.ap) as {
    [name: string]: { [metric: string]: { [difficulty: string]: object | null } };
  };
  for (const { name, metric, difficulty, R40 } of intervals)
    found[name][metric][difficulty] = { ...found[name][metric][difficulty], interval95: R40 };
  process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
}

/** The labels and results of folders of files. */
async function ofFolders(options: Options): Promise<KittiFolderPairs> {
  const { imageSetFile, readKittiFolders } = await import('../src/evaluation/kitti/kitti-result-files.ts');
  const { readFrameNames } = await import('../src/datasets/frame-names.ts');
  const { labels, detections, missing, imageSet, strict, sequence } = options;
  if (sequence.length > 0) throw onlyFor(labels, `sequence ${sequence}`, 'drives');
  const list = imageSet === undefined ? options.frames : await imageSetFile(labels, imageSet);
  const ids = list === undefined ? undefined : await readFrameNames(list);
  return readKittiFolders({ labels, detections, ids, missing, strict });
}

/** The labels of drives and their results. */
async function ofDrives(options: Options, say: (line: string) => void): Promise<KittiFolderPairs> {
  const { describeKittiPixels, readDriveResults } = await import('../src/evaluation/kitti/drive-results.ts');
  const { labels: root, detections, missing, strict, sequence, imageSet, frames } = options;
  if (frames !== undefined) throw onlyFor(root, `the list ${frames}`, 'folders of label files');
  const sequences = sequence.length === 0 ? undefined : sequence;
  const data = { root, sequences, imageSet };
  const pairs = await readDriveResults({ labels: data, detections, missing, strict });
  const scaled = describeKittiPixels(pairs);
  if (scaled !== undefined) say(scaled);
  return pairs;
}

function onlyFor(file: string, place: string, expected: string): InputError {
  const found = expected === 'drives' ? 'label files' : 'drives';
  return new InputError({ file, place, expected: `${expected}, which it goes with`, found });
}

/**
 * The folder of result files that a path means: of a detector's run its `detections`, of anything else itself. Throws an
 * InputError that says what makes them where a run has none.
 */
export async function resultFolderOf(path: string): Promise<string> {
  const names = await readdir(path).catch((): string[] => []);
  if (!names.includes('config.json') || names.some((name) => name.endsWith('.txt'))) return path;
  if (names.includes('detections')) return join(path, 'detections');
  const out = shellPath(join(path, 'detections'));
  throw new InputError({
    file: path,
    expected: 'a folder of result files, such as 000000.txt',
    found: `a run without any: pointpair detect ${shellPath(path)} --out ${out} makes them`,
  });
}
