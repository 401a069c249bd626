import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { DataSelection } from '../src/datasets/data-selection.ts';
import { InputError } from '../src/engine/input-error.ts';
import type { DetectionConfig } from '../src/training/detection/detection-config.ts';
import type { PretrainedReference } from '../src/training/pretrained.ts';
import { shellPath } from '../src/training/run/shell-word.ts';
import { detectionPresetNames, detectorNames } from './names.ts';
import { sequenceOption, share, wholeNumber } from './options.ts';
import { addTrainingOptions, runToItsEnd, selectedData, type TrainingOptions } from './run-options.ts';

interface Options extends TrainingOptions {
  readonly detector?: string;
  readonly from?: string;
  readonly fromStep?: number;
  readonly heads?: boolean;
  readonly labelsFraction?: number;
  readonly labelsSeed?: number;
  readonly labelsFrom?: string;
}

/** What a run's own configuration says beside the detector's. */
interface Recorded {
  readonly data?: DataSelection;
  readonly from?: PretrainedReference;
}

/** The command line of `pointpair finetune`. */
export function command(): Command {
  const finetuning = new Command('finetune')
    .description('Train a 3D detector on labelled frames, from pretrained encoders or from scratch.')
    .addOption(new Option('--detector <name>', 'its small preset').choices([...detectorNames]))
    .option(
      '--from <run>',
      'begin with the encoders of this run, or with weights.safetensors of torchvision or timm; without it everything begins at random',
    )
    .option('--from-step <number>', "of the run's checkpoint; the newest by default", wholeNumber(0))
    .option('--heads', 'begin with the heads of --from too, a run of the same detector')
    .option('--labels-fraction <share>', 'use the labels of this share of the frames, such as 0.05', share)
    .option('--labels-seed <number>', 'draws which frames', wholeNumber(0))
    .option(
      '--labels-from <folder>',
      "label or result files, <frame>.txt, in place of the data's own labels, such as those of pseudo-label",
    );
  return addTrainingOptions(finetuning, {
    data: 'a labelled data set in the layout of the KITTI object benchmark, or drives with labels',
    presets: detectionPresetNames,
  })
    .addOption(sequenceOption())
    .addHelpText(
      'after',
      `
Examples:
  pointpair finetune --detector point3d --from runs/kitti --labels-fraction 0.05 --data data/kitti --image-set train --out runs/point3d
  pointpair finetune --detector image3d --data data/kitti --out runs/scratch --set image3d.frozenStages=2
  pointpair finetune --detector point3d --data data/drives --labels-fraction 0.05 --out runs/on-drives
  pointpair finetune --detector point3d --from runs/pseudo --heads --labels-fraction 0.01 --data data/kitti --image-set train --out runs/few
  pointpair finetune --out runs/point3d --resume`,
    )
    .action(train);
}

async function train(options: Options): Promise<void> {
  const { finetune } = await import('../src/training/detection/finetune.ts');
  const recorded: Recorded = options.resume ? await recordOf(options.out) : {};
  if (options.heads && options.from === undefined) {
    throw new InputError({ file: 'options', expected: '--from with --heads', found: '--heads alone' });
  }
  const config = await configuration(options);
  const labels = options.labelsFrom ?? recorded.data?.labels;
  const data = { ...selectedData(options, recorded.data), ...(labels === undefined ? {} : { labels }) };
  const from = options.from === undefined ? recorded.from : referenceOf(options.from, options);
  const result = await runToItsEnd(options, (how) =>
    finetune({ config, data, from: from ?? undefined, ...how }),
  );
  if (result === undefined) return;
  const { out } = options;
  const next = await whatIsNext({ out, root: data.root, withPictures: config.detector !== 'point3d' });
  process.stdout.write(`${result.step} steps done: ${out}\n${next.map((line) => `  ${line}\n`).join('')}`);
}

function referenceOf(run: string, { fromStep, heads }: Options): PretrainedReference {
  return { run, ...(fromStep !== undefined && { step: fromStep }), ...(heads && { heads }) };
}

/** The commands that take the run, as the data allows them. */
export async function whatIsNext({
  out,
  root,
  withPictures,
}: {
  readonly out: string;
  readonly root: string;
  readonly withPictures: boolean;
}): Promise<string[]> {
  const [run, data, detections] = [out, root, join(out, 'detections')].map(shellPath);
  const frames = (await hasFrames(root, 'val', withPictures)) ? ' --image-set val' : '';
  return [
    `pointpair detect ${run} --data ${data}${frames} --out ${detections}`,
    `pointpair view ${run}`,
    `pointpair report ${run}`,
  ];
}

/** Whether a data set has a list of that name, of frames that can be looked at. */
async function hasFrames(root: string, imageSet: string, withPictures: boolean): Promise<boolean> {
  const { openFrames } = await import('../src/datasets/open-frames.ts');
  return openFrames({ root, imageSet }, ['image', 'points'], { withPictures }).then(
    () => true,
    () => false,
  );
}

/** From a preset, a file, or, with --resume, the run itself; the encoders of --from; then --set and its short forms. */
async function configuration(options: Options): Promise<DetectionConfig> {
  const { applyDetectionSettings } = await import('../src/training/detection/detection-config.ts');
  const { adoptEncoders } = await import('../src/training/detection/adopt-encoders.ts');
  const base = await baseOf(options);
  const adopted = options.from === undefined ? base : await adoptEncoders(base, options.from);
  const settings = [
    ...options.set,
    ...(options.labelsFraction === undefined ? [] : [`labels.fraction=${options.labelsFraction}`]),
    ...(options.labelsSeed === undefined ? [] : [`labels.seed=${options.labelsSeed}`]),
    ...(options.steps === undefined ? [] : [`steps=${options.steps}`]),
  ];
  return applyDetectionSettings(adopted, settings);
}

async function baseOf({ detector, preset, config, resume, out }: Options): Promise<DetectionConfig> {
  const { detectionPresetOf } = await import('../src/training/detection/detection-presets.ts');
  const { parseDetectionConfig } = await import('../src/training/detection/detection-config.ts');
  const { notedParts, unknownName } = await import('../src/training/config-keys.ts');
  const { readConfigJson } = await import('../src/training/config-file.ts');
  const given = Object.entries({ '--detector': detector, '--preset': preset, '--config': config });
  const named = given.flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (named.length > 1 || (named.length === 0 && !resume)) {
    throw new InputError({
      file: 'options',
      expected: `one of --detector (${detectorNames.join(', ')}), --preset (${detectionPresetNames.join(', ')}) and --config`,
      found: named.join(' and ') || 'none',
    });
  }
  const file = config ?? (named.length === 0 ? join(out, 'config.json') : undefined);
  if (file !== undefined) {
    const noted = await readConfigJson(file, { file, expected: 'a configuration' });
    return parseDetectionConfig(notedParts(noted).config, { file });
  }
  const name = preset ?? `${detector}-small`;
  const found = detectionPresetOf(name);
  if (found === undefined) throw unknownName('--preset', name, detectionPresetNames);
  return found;
}

async function recordOf(out: string): Promise<Recorded> {
  const { readConfigJson } = await import('../src/training/config-file.ts');
  const file = join(out, 'config.json');
  const { notedParts } = await import('../src/training/config-keys.ts');
  const noted = await readConfigJson(file, { file: out, expected: 'a run to go on with' });
  const { data, from } = notedParts(noted).beside;
  return { data: data as Recorded['data'], from: (from ?? undefined) as Recorded['from'] };
}
