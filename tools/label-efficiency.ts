import { readdir, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import type { DataSelection } from '../src/datasets/data-selection.ts';
import { InputError } from '../src/engine/input-error.ts';
import { areDrives, readDriveResults } from '../src/evaluation/kitti/drive-results.ts';
import { evaluateKitti, measuresOf, minOverlapOf } from '../src/evaluation/kitti/kitti-evaluation.ts';
import { type KittiFolderPairs, readKittiFolders } from '../src/evaluation/kitti/kitti-result-files.ts';
import { labelEfficiencyChart } from '../src/report/label-efficiency-chart.ts';
import {
  type CellCurve,
  labelEfficiencyRows,
  labelEfficiencyTable,
} from '../src/report/label-efficiency-report.ts';
import { applySettings } from '../src/training/config.ts';
import { unknownName } from '../src/training/config-keys.ts';
import { applyDetectionSettings } from '../src/training/detection/detection-config.ts';
import { detectionPresetOf } from '../src/training/detection/detection-presets.ts';
import {
  type Arm,
  type CellResult,
  cellName,
  runLabelEfficiency,
} from '../src/training/detection/label-efficiency.ts';
import { presetNames, presetOf } from '../src/training/presets.ts';
import { writeFileAtomically } from '../src/training/run/atomic-file.ts';
import { describeDamaged } from '../src/training/run/damaged-frames.ts';
import { clockTime } from '../src/training/run/progress.ts';
import { interruptSignal } from './options.ts';
import { makeScenes } from './scenes.ts';

/** What `pointpair experiment label-efficiency` is told. */
export interface LabelEfficiencyOptions {
  readonly out: string;
  readonly data: string;
  readonly frames: number;
  readonly heldOut: number;
  readonly drives?: string;
  readonly heldOutDrives?: string;
  readonly arm: readonly string[];
  readonly detector: string;
  readonly pretrainSteps?: number;
  readonly clusterSteps?: number;
  readonly steps: number;
  readonly fractions: readonly number[];
  readonly seeds: number;
  readonly set: readonly string[];
  readonly pretrainSet: readonly string[];
  readonly strict?: boolean;
}

/** Pretrains in several ways, trains detectors from each and from scratch, and prints what that is worth. */
export async function labelEfficiencyExperiment(options: LabelEfficiencyOptions): Promise<void> {
  const { out, seeds, strict } = options;
  const began = performance.now();
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const arms = await Promise.all(armsOf(options.arm).map((arm) => readArm(arm, options)));
  const { train, heldOut } = await dataOf(options, say);
  const cells = (1 + arms.length) * options.fractions.length;
  const names = arms.map((arm) => `${arm.name}${stepsOf(arm)}`).join(', ');
  say(
    `2/3 pretraining (${names}), then 3/3 the detector ${seeds * cells} times, ${options.steps} steps each: ${out}`,
  );
  const interrupt = interruptSignal(() => say('\ninterrupted: ending this step and writing a checkpoint'));
  let seconds = 0;
  const known: CellResult[] = [];
  const results = await runLabelEfficiency({
    out,
    train: { ...train, strict },
    heldOut: { ...heldOut, strict },
    arms,
    detector: applyDetectionSettings(detectionPresetOf(`${options.detector}-small`)!, [
      `steps=${options.steps}`,
      ...options.set,
    ]),
    fractions: options.fractions,
    seeds: Array.from({ length: seeds }, (_, i) => i + 1),
    evaluate: (detections) => averagePrecisions({ heldOut, detections, strict }, say),
    signal: interrupt.signal,
    onCell: (done, total, result) => {
      known.push(result);
      // Whole seeds can be compared before the last one is done.
      if (done < total && done % cells === 0) say(tablesOf(known).join('\n\n'));
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
  say('intervals of the differences, over draws of the held-out frames and of the seeds');
  const tables = tablesOf(results, await curvesOf(results, { out, heldOut, strict }));
  const chart = await labelEfficiencyChart(
    measures.map((measure) => ({ measure, rows: labelEfficiencyRows(results, measure) })),
  );
  await writeFileAtomically(join(out, 'label-efficiency.svg'), chart);
  await writeFileAtomically(join(out, 'table.md'), `${tables.join('\n\n')}\n`);
  process.stdout.write(
    `${tables.join('\n\n')}\n\ndone in ${((performance.now() - began) / 60_000).toFixed(1)} minutes (what was there before not counted): ` +
      `${join(out, 'table.md')}, ${join(out, 'label-efficiency.svg')}, ${join(out, 'results.json')}\n`,
  );
}

function tablesOf(
  results: readonly CellResult[],
  curves: ReadonlyMap<string, readonly CellCurve[]> = new Map(),
): string[] {
  return measures.map((measure) =>
    labelEfficiencyTable(labelEfficiencyRows(results, measure, curves.get(measure)), measure),
  );
}

/** By measure, the curves of all cells, from the result files that each left. */
async function curvesOf(
  results: readonly CellResult[],
  { out, ...from }: Omit<HeldOutResults, 'detections'> & { readonly out: string },
): Promise<Map<string, CellCurve[]>> {
  const curves = new Map<string, CellCurve[]>(measures.map((measure) => [measure, []]));
  for (const { beginning, fraction, seed } of results) {
    const detections = join(out, 'cells', cellName({ beginning, fraction, seed }), 'detections');
    const { frames } = await pairsOf({ ...from, detections });
    const all = {
      strict: [...measuresOf(frames, { overlaps: 'strict' })],
      loose: [...measuresOf(frames, { overlaps: 'loose' })],
    };
    measured.forEach(({ name, metric, overlaps }, i) => {
      const measure = all[overlaps].find(
        (each) => each.name === name && each.metric === metric && each.difficulty === 'moderate',
      );
      if (measure === undefined) return;
      const { curve } = measure;
      curves.get(measures[i])!.push({ beginning, fraction, seed, frames: frames.length, curve });
    });
  }
  return curves;
}

interface ExperimentData {
  readonly train: DataSelection;
  readonly heldOut: DataSelection;
}

/** The drives that are given, or generated scenes, made where they are missing. */
async function dataOf(options: LabelEfficiencyOptions, say: (line: string) => void): Promise<ExperimentData> {
  const { data, frames, heldOut, drives, heldOutDrives } = options;
  if (drives === undefined && heldOutDrives === undefined) {
    say(`1/3 ${frames + heldOut} driving scenes: ${data}`);
    await makeScenes({
      out: data,
      count: frames + heldOut,
      heldOut,
      seed: 0,
      workers: availableParallelism(),
    });
    return { train: { root: data, imageSet: 'train' }, heldOut: { root: data, imageSet: 'val' } };
  }
  if (drives === undefined || heldOutDrives === undefined || resolve(drives) === resolve(heldOutDrives)) {
    const found = drives === undefined ? 'held-out drives alone' : `${heldOutDrives ?? 'none'} to measure on`;
    const expected = '--drives to learn from, and --held-out-drives with other drives to measure on';
    throw new InputError({ file: 'options', expected, found });
  }
  say(`1/3 drives: ${drives} to learn from, ${heldOutDrives} to measure on`);
  return { train: { root: drives }, heldOut: { root: heldOutDrives } };
}

/** The arms that are given, as name and what it names. */
function armsOf(given: readonly string[]): ReadonlyArray<readonly [name: string, what: string]> {
  if (given.length === 0) return [['pretrained', 'simipu-small']];
  return given.map((arm) => {
    const at = arm.indexOf('=');
    return at < 0 ? [arm, arm] : [arm.slice(0, at), arm.slice(at + 1)];
  });
}

/** What is named where the detector itself is to begin with boxes of clusters. */
const CLUSTERS = 'clusters';

/** An arm's configuration, with coordinates for its points as the detector has them, or its run. */
async function readArm(
  [name, what]: readonly [string, string],
  options: LabelEfficiencyOptions,
): Promise<Arm> {
  const steps = options.pretrainSteps ?? (options.drives === undefined ? 600 : 250);
  if (what === CLUSTERS) return { name, clusters: { steps: options.clusterSteps ?? options.steps } };
  const preset = presetOf(what);
  if (preset === undefined) {
    const isRun = await stat(join(what, 'config.json')).then(
      () => true,
      () => false,
    );
    if (isRun) return { name, run: what };
    throw unknownName('--arm', what, [...presetNames, CLUSTERS]);
  }
  const asTheDetector = preset.encoders.points === undefined ? [] : ['encoders.points.useXyz=true'];
  const settings = [`steps=${steps}`, ...asTheDetector, ...options.pretrainSet];
  return { name, config: applySettings(preset, settings) };
}

/** How long it is pretrained, in words; nothing of a run that is there. */
function stepsOf(arm: Arm): string {
  if ('clusters' in arm) return ` ${arm.clusters.steps} steps on boxes of clusters`;
  return 'config' in arm ? ` ${arm.config.steps} steps` : '';
}

function shownMeasures({ ap }: CellResult): string {
  return measures
    .slice(0, 2)
    .map((name) => `${name} ${ap[name]?.toFixed(1) ?? 'n/a'}`)
    .join(', ');
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

/** The held-out frames, and a folder of result files of them. */
interface HeldOutResults {
  readonly heldOut: DataSelection;
  readonly detections: string;
  readonly strict?: boolean;
}

async function averagePrecisions(from: HeldOutResults, say: (line: string) => void) {
  const { frames, damaged } = await pairsOf(from);
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

/** The labels and results of the frames that have results. */
async function pairsOf({ heldOut, detections, strict }: HeldOutResults): Promise<KittiFolderPairs> {
  const damaged = strict ? 'error' : 'left out';
  if (await areDrives(heldOut.root))
    return readDriveResults({ labels: heldOut, detections, foundOnly: true, damaged });
  const ids = (await readdir(detections)).flatMap((name) =>
    name.endsWith('.txt') ? [name.slice(0, -4)] : [],
  );
  const labels = join(heldOut.root, 'training', 'label_2');
  return readKittiFolders({ labels, detections, ids: ids.sort(), damaged });
}
