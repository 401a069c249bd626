import { join } from 'node:path';
import { dotChartSvg } from '../src/report/dot-chart.ts';
import {
  type ImageSystemsSummary,
  imageSystemsDots,
  imageSystemsTable,
  summarizeImageSystems,
} from '../src/report/image-systems-table.ts';
import { applySettings } from '../src/training/config.ts';
import { presetOf } from '../src/training/presets.ts';
import { runImageSystems, type SystemResult } from '../src/training/probe/image-systems.ts';
import { writeFileAtomically } from '../src/training/run/atomic-file.ts';
import { clockTime } from '../src/training/run/progress.ts';
import { presetNames } from './names.ts';
import { interruptSignal } from './options.ts';

/** What `pointpair experiment image-systems` is told. */
export interface ImageSystemsCommand {
  readonly out: string;
  readonly data: string;
  readonly presets?: readonly string[];
  readonly seeds: number;
  readonly randomSeeds: number;
  readonly patches: boolean;
  readonly finetune: readonly number[];
  readonly finetuneSteps: number;
  readonly set: readonly string[];
  readonly threads?: number;
}

/** The presets on photographs of 32 pixels. */
const photographs = presetNames.filter((name) => name.endsWith('-cifar'));

/** Trains and probes all systems of pictures on the same photographs, and prints their table. */
export async function imageSystemsExperiment(options: ImageSystemsCommand): Promise<void> {
  const { out, presets = photographs, seeds, set, ...rest } = options;
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const { signal, release } = interruptSignal(() =>
    say('\ninterrupted: ending this step and writing a checkpoint'),
  );
  let seconds = 0;
  const known: SystemResult[] = [];
  const results = await runImageSystems({
    ...rest,
    out,
    presets,
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    settings: set,
    signal,
    say,
    onCell: (done, total, result) => {
      known.push(result);
      // Of those that were done before too: how long a run takes is kept with it.
      seconds += result.seconds;
      const left =
        done === total ? '' : `; about ${clockTime((1000 * seconds * (total - done)) / done)} left`;
      const { knn, knnLeaveOneOut, linear } = result.report;
      const shown = Object.entries({ kNN: knn, 'leave-one-out': knnLeaveOneOut, linear })
        .map(([name, value]) => `${name} ${value?.toFixed(1) ?? 'n/a'}`)
        .join(', ');
      say(`run ${done}/${total} ${result.preset}, seed ${result.seed}: ${shown}${left}`);
    },
  }).finally(release);
  if (results === undefined) {
    if (known.length > 0) say(imageSystemsTable(summaryOf(known, set)));
    say('stopped; the same command goes on');
    process.exitCode = 130;
    return;
  }
  const summary = summaryOf(results, set);
  const table = imageSystemsTable(summary);
  const files = {
    table: join(out, 'table.md'),
    chart: join(out, 'image-systems.svg'),
    json: join(out, 'results.json'),
  };
  await writeFileAtomically(files.table, `${table}\n`);
  await writeFileAtomically(files.chart, await chartOf(summary));
  process.stdout.write(`${table}\n\n${Object.values(files).join(', ')}\n`);
}

function summaryOf(results: readonly SystemResult[], settings: readonly string[]): ImageSystemsSummary {
  const encoderOf = (preset: string) => applySettings(presetOf(preset)!, settings).encoders.image!;
  return summarizeImageSystems(results, encoderOf);
}

function chartOf(summary: ImageSystemsSummary): Promise<string> {
  const { rawPixels, randomPatches } = summary;
  const levels = [
    { name: 'raw pixels', value: rawPixels?.knnLeaveOneOut },
    { name: 'random patches', value: randomPatches?.knnLeaveOneOut },
  ];
  return dotChartSvg({
    title: 'Leave-one-out kNN, % right: mean and deviation over seeds',
    names: ['pretrained', 'random encoder of its form'],
    rows: imageSystemsDots(summary),
    levels: levels.flatMap(({ name, value }) => (value == null ? [] : [{ name, value }])),
  });
}
