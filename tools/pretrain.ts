import { join } from 'node:path';
import { Command, Option } from 'commander';
import { InputError } from '../src/engine/input-error.ts';
import type { RunConfig } from '../src/training/config.ts';
import { shellPath } from '../src/training/run/shell-word.ts';
import { presetNames } from './names.ts';
import { cameraOption, sequenceOption } from './options.ts';
import { addTrainingOptions, runToItsEnd, selectedData, type TrainingOptions } from './run-options.ts';

/** The command line of `pointpair pretrain`. */
export function command(): Command {
  const pretraining = new Command('pretrain').description(
    'Pretrain encoders of pictures and points without labels, by one system of `pointpair methods` or several.',
  );
  return addTrainingOptions(pretraining, {
    data: 'a data set, drives or sequences (pointpair inspect says what a folder is), or a folder of pictures',
    presets: presetNames,
  })
    .option(
      '--from <run or file>',
      "begin with the encoders of a run, or with an image encoder's weights.safetensors under names of torchvision or timm",
    )
    .addOption(cameraOption())
    .addOption(sequenceOption())
    .addOption(
      new Option(
        '--teacher <run>',
        'the run whose image encoder a system learns from that has a teacher (seed, s2-bnn)',
      ),
    )
    .addOption(
      new Option(
        '--correspondences <file>',
        'the boxes that a system learns from that needs them (orl), as pointpair correspond writes them',
      ),
    )
    .addHelpText(
      'after',
      `
Example:
  pointpair pretrain --preset simipu-small --data data/kitti --out runs/kitti --set optimizers.image.learningRate=0.01
  pointpair pretrain --preset simipu-small --set objectives.moco.weight=0.5 --data data/kitti --out runs/both
  pointpair pretrain --preset simipu-small --data kitti-tracking --sequence 0003 --camera image_03 --out runs/tracking
  pointpair pretrain --out runs/kitti --resume`,
    )
    .action(train);
}

/** The configuration with what systems learn from beside the data, and that itself. */
async function adopted(
  config: RunConfig,
  { teacher: run, correspondences: file }: { readonly teacher?: string; readonly correspondences?: string },
) {
  const { adoptTeacher } = await import('../src/training/adopt-teacher.ts');
  const { adoptCorrespondences } = await import('../src/training/correspond/adopt-correspondences.ts');
  const taught = run === undefined ? { config } : await adoptTeacher(config, run);
  return file === undefined ? taught : { ...taught, ...(await adoptCorrespondences(taught.config, file)) };
}

async function train(
  options: TrainingOptions & {
    readonly from?: string;
    readonly teacher?: string;
    readonly correspondences?: string;
  },
): Promise<void> {
  const { readRunConfig } = await import('../src/training/run/model-state.ts');
  const { pretrain } = await import('../src/training/pretrain.ts');
  const { out } = options;
  const given = await configuration(options);
  const learned = await adopted(given, options);
  const recorded = options.resume ? await readRunConfig(out) : undefined;
  const data = selectedData(options, recorded?.data);
  const from = options.from === undefined ? recorded?.from : { run: options.from };
  const result = await runToItsEnd(options, (how) => pretrain({ ...learned, data, from, ...how }));
  if (result === undefined) return;
  const next = whatIsNext(out).map((line) => `  ${line}\n`);
  process.stdout.write(`${result.step} steps done: ${out}\n${next.join('')}`);
}

/** The commands that take the run. */
export function whatIsNext(out: string): string[] {
  const run = shellPath(out);
  return [
    ...['view', 'report', 'inspect'].map((name) => `pointpair ${name} ${run}`),
    `pointpair export ${run} --to out/`,
  ];
}

/** From a preset, a file, or, with --resume, the run itself; then --set and --steps. */
async function configuration(options: TrainingOptions): Promise<RunConfig> {
  const { readConfigFile } = await import('../src/training/run/model-state.ts');
  const { applySettings } = await import('../src/training/config.ts');
  const file =
    options.config ??
    (options.resume && options.preset === undefined ? join(options.out, 'config.json') : undefined);
  if (options.preset !== undefined && options.config !== undefined) {
    throw new InputError({ file: 'options', expected: 'either --preset or --config', found: 'both' });
  }
  const base = file === undefined ? await preset(options.preset) : (await readConfigFile(file)).config;
  const settings = options.steps === undefined ? options.set : [...options.set, `steps=${options.steps}`];
  return applySettings(base, settings);
}

async function preset(name: string | undefined): Promise<RunConfig> {
  const { presetOf } = await import('../src/training/presets.ts');
  const { unknownName } = await import('../src/training/config-keys.ts');
  if (name === undefined) {
    throw new InputError({
      file: 'options',
      expected: `--preset (${presetNames.join(', ')}) or --config`,
      found: 'neither',
    });
  }
  const config = presetOf(name);
  if (config === undefined) throw unknownName('--preset', name, presetNames);
  return config;
}
