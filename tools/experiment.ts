import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { evaluateKitti, minOverlapOf } from '../src/evaluation/kitti/kitti-evaluation.ts';
import { readKittiFolders } from '../src/evaluation/kitti/kitti-result-files.ts';
import {
  labelEfficiencyChart,
  labelEfficiencyRows,
  labelEfficiencyTable,
} from '../src/report/label-efficiency-report.ts';
import { applySettings } from '../src/training/config.ts';
import { applyDetectionSettings } from '../src/training/detection/detection-config.ts';
import { detectionPresetOf } from '../src/training/detection/detection-presets.ts';
import { type CellResult, cellName, runLabelEfficiency } from '../src/training/detection/label-efficiency.ts';
import { presetOf } from '../src/training/presets.ts';
import { writeFileAtomically } from '../src/training/run/atomic-file.ts';
import { describeDamaged } from '../src/training/run/damaged-frames.ts';
import { clockTime } from '../src/training/run/progress.ts';
import { collected, interruptSignal, share, wholeNumber } from './options.ts';
import { makeScenes } from './scenes.ts';

interface Options {
  readonly out: string;
  readonly data: string;
  readonly frames: number;
  readonly heldOut: number;
  readonly detector: string;
  readonly pretrainSteps: number;
  readonly steps: number;
  readonly fractions: readonly number[];
  readonly seeds: number;
  readonly set: readonly string[];
  readonly pretrainSet: readonly string[];
  readonly strict?: boolean;
}

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
      'Pretrain once without labels, then train a detector with few and many labels, from scratch and pretrained; begun again, it goes on where it was.',
    )
    .option('--out <folder>', 'where everything goes', 'runs/label-efficiency')
    .option('--data <folder>', 'generated scenes; made where they are missing', 'data/label-efficiency')
    .option('--frames <number>', 'scenes to learn from', wholeNumber(8), 400)
    .option('--held-out <number>', 'scenes to measure on', wholeNumber(8), 80)
    .addOption(
      new Option('--detector <name>', 'which detector')
        .choices(['point3d', 'image3d', 'fusion'])
        .default('point3d'),
    )
    .option('--pretrain-steps <number>', 'steps of pretraining', wholeNumber(1), 600)
    .option('--steps <number>', 'steps of each training of the detector', wholeNumber(1), 240)
    .option('--fractions <list>', 'shares of the labels', fractions, [0.01, 0.05, 0.1, 1])
    .option('--seeds <number>', 'seeds of each', wholeNumber(1), 3)
    .option('--set <key.path=value>', "change the detector's configuration", collected, [])
    .option('--pretrain-set <key.path=value>', "change the pretraining's configuration", collected, [])
    .option('--strict', 'end at a damaged or incomplete frame instead of leaving it out')
    .addHelpText(
      'after',
      '\nExample:\n  pointpair experiment label-efficiency --detector image3d --out runs/image3d-labels',
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { out, data, frames, heldOut, seeds } = options;
  const began = performance.now();
  const say = (line: string) => process.stderr.write(`${line}\n`);
  say(`1/3 ${frames + heldOut} driving scenes: ${data}`);
  await makeScenes({ out: data, count: frames + heldOut, heldOut, seed: 0, workers: availableParallelism() });
  say(`2/3 pretraining, then 3/3 the detector ${2 * seeds * options.fractions.length} times: ${out}`);
  const interrupt = interruptSignal(() => say('\ninterrupted: ending this step and writing a checkpoint'));
  let seconds = 0;
  const results = await runLabelEfficiency({
    out,
    data,
    pretraining: applySettings(presetOf('simipu-small')!, [
      `steps=${options.pretrainSteps}`,
      'encoders.points.useXyz=true',
      ...options.pretrainSet,
    ]),
    detector: applyDetectionSettings(detectionPresetOf(`${options.detector}-small`)!, [
      `steps=${options.steps}`,
      ...options.set,
    ]),
    fractions: options.fractions,
    seeds: Array.from({ length: seeds }, (_, i) => i + 1),
    strict: options.strict,
    evaluate: (folders) => averagePrecisions({ ...folders, strict: options.strict }, say),
    signal: interrupt.signal,
    onCell: (done, total, result) => {
      // Of those that were done before too: how long a cell takes is kept with it.
      seconds += result.seconds;
      const left =
        done === total ? '' : `; about ${clockTime((1000 * seconds * (total - done)) / done)} left`;
      say(`cell ${done}/${total} ${cellName(result)}: ${shownMeasures(result)}${left}`);
    },
  }).finally(interrupt.release);
  if (results === undefined) {
    say('stopped; the same command goes on');
    process.exitCode = 130;
    return;
  }
  const tables = measures.map((measure) =>
    labelEfficiencyTable(labelEfficiencyRows(results, measure), measure),
  );
  const chart = await labelEfficiencyChart(labelEfficiencyRows(results, measures[0]));
  await writeFileAtomically(join(out, 'label-efficiency.svg'), chart);
  await writeFileAtomically(join(out, 'table.md'), `${tables.join('\n\n')}\n`);
  process.stdout.write(
    `${tables.join('\n\n')}\n\ndone in ${((performance.now() - began) / 60_000).toFixed(1)} minutes (what was there before not counted): ` +
      `${join(out, 'table.md')}, ${join(out, 'label-efficiency.svg')}, ${join(out, 'results.json')}\n`,
  );
}

function shownMeasures({ ap }: CellResult): string {
  return measures
    .slice(0, 2)
    .map((name) => `${name} ${ap[name]?.toFixed(1) ?? 'n/a'}`)
    .join(', ');
}

function fractions(text: string): number[] {
  try {
    return text.split(',').map(share);
  } catch {
    throw new InvalidArgumentError('expected shares above 0 and up to 1, such as 0.01,0.05,1');
  }
}

/** What is compared: R40 at moderate difficulty, with the benchmark's overlaps and with looser ones; the first one is drawn. */
const measured = [
  { name: 'Car', metric: '3d', overlaps: 'strict' },
  { name: 'Car', metric: 'bev', overlaps: 'strict' },
  { name: 'Car', metric: 'bev', overlaps: 'loose' },
  { name: 'Pedestrian', metric: 'bev', overlaps: 'loose' },
  { name: 'Cyclist', metric: 'bev', overlaps: 'loose' },
] as const;

const measures = measured.map(
  ({ name, metric, overlaps }) => `${name} ${metric} > ${minOverlapOf(overlaps, name, metric)} R40 moderate`,
);

async function averagePrecisions(
  { strict, ...folders }: { readonly labels: string; readonly detections: string; readonly strict?: boolean },
  say: (line: string) => void,
) {
  const ids = (await readdir(folders.detections)).flatMap((name) =>
    name.endsWith('.txt') ? [name.slice(0, -4)] : [],
  );
  const { frames, damaged } = await readKittiFolders({
    ...folders,
    ids: ids.sort(),
    damaged: strict ? 'error' : 'left out',
  });
  for (const message of damaged) say(describeDamaged('held-out labels', message));
  const evaluations = {
    strict: evaluateKitti(frames, { overlaps: 'strict' }),
    loose: evaluateKitti(frames, { overlaps: 'loose' }),
  };
  return Object.fromEntries(
    measured.map(({ name, metric, overlaps }, i) => [
      measures[i],
      evaluations[overlaps].ap[name][metric].moderate?.R40 ?? null,
    ]),
  );
}
