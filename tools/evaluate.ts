import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { readFrameNames } from '../src/datasets/frame-names.ts';
import { InputError } from '../src/engine/input-error.ts';
import { evaluateKitti, type Overlaps } from '../src/evaluation/kitti/kitti-evaluation.ts';
import { imageSetFile, readKittiFolders } from '../src/evaluation/kitti/kitti-result-files.ts';
import { describeUnknownClass } from '../src/evaluation/kitti/unknown-classes.ts';
import { kittiTable, lowBoxes } from '../src/report/kitti-table.ts';
import { shellPath } from '../src/training/run/shell-word.ts';

interface Options {
  readonly labels: string;
  readonly detections: string;
  readonly json?: boolean;
  readonly overlaps: Overlaps;
  readonly missing: 'error' | 'empty';
  readonly frames?: string;
  readonly imageSet?: string;
  readonly strict?: boolean;
}

/** The command line of `pointpair evaluate`. */
export function command(): Command {
  return new Command('evaluate')
    .description("Average precision of detections by the rules of KITTI's benchmark.")
    .requiredOption('--labels <folder>', 'label files, or a data set with them')
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
    .option('--strict', 'end at a type that KITTI does not know instead of leaving it aside')
    .option('--image-set <name>', "only the frames that the data set's ImageSets/<name>.txt lists")
    .addOption(new Option('--frames <file>', 'only the frames that this file lists').conflicts('imageSet'))
    .addHelpText(
      'after',
      `
Example:
  pointpair evaluate --labels data/kitti --detections runs/point3d/detections --image-set val`,
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { labels, detections, json, overlaps, missing, imageSet, strict } = options;
  const list = imageSet === undefined ? options.frames : await imageSetFile(labels, imageSet);
  const ids = list === undefined ? undefined : await readFrameNames(list);
  const results = await resultFolderOf(detections);
  const pairs = await readKittiFolders({ labels, detections: results, ids, missing, strict });
  const say = (line: string) => process.stderr.write(`${line}\n`);
  if (results !== detections) say(`results: ${results}`);
  if (pairs.missing.length > 0) {
    say(
      `${pairs.missing.length} of ${pairs.frames.length} frames have no result file and count as frames without detections`,
    );
  }
  for (const unknown of pairs.unknown) say(describeUnknownClass(unknown));
  const evaluation = evaluateKitti(pairs.frames, { overlaps });
  if (json) for (const line of lowBoxes(evaluation)) say(line);
  process.stdout.write(json ? `${JSON.stringify(evaluation.ap, null, 2)}\n` : `${kittiTable(evaluation)}\n`);
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
