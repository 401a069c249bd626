import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { writeJsonAtomically } from '../src/training/run/atomic-file.ts';
import { ProgressLine } from '../src/training/run/progress.ts';
import { shellPath } from '../src/training/run/shell-word.ts';
import { interruptSignal, wholeNumber } from './options.ts';
import { makeScenes } from './scenes.ts';

interface Options {
  readonly data: string;
  readonly out: string;
  readonly frames: number;
  readonly heldOut: number;
  readonly steps: number;
  readonly seed: number;
}

/** The command line of `pointpair demo`. */
export function command(): Command {
  return new Command('demo')
    .description(
      'Generate driving scenes, pretrain on them, and show what was learned; rerun it and it resumes.',
    )
    .option('--data <folder>', 'where the scenes go', 'data/demo')
    .option('--out <folder>', "the run's folder", 'runs/demo')
    .option('--frames <number>', 'scenes to learn from', wholeNumber(8), 64)
    .option('--held-out <number>', 'scenes to measure on', wholeNumber(8), 16)
    .option('--steps <number>', 'steps of training', wholeNumber(1), 80)
    .option('--seed <number>', 'of scenes and training', wholeNumber(0), 0)
    .addHelpText('after', '\nExample:\n  pointpair demo --steps 200 --out runs/longer')
    .action(demo);
}

async function demo({ data, out, frames, heldOut, steps, seed }: Options): Promise<void> {
  const { evaluateRetrieval } = await import('../src/evaluation/retrieval.ts');
  const { retrievalTable } = await import('../src/report/retrieval-table.ts');
  const { writeReport } = await import('../src/report/run-report.ts');
  const { sampleSections } = await import('../src/report/sample-pictures.ts');
  const { applySettings } = await import('../src/training/config.ts');
  const { createPretraining } = await import('../src/training/create-pretraining.ts');
  const { lookingThrough } = await import('../src/training/export-features.ts');
  const { presetOf } = await import('../src/training/presets.ts');
  const { initialState, pretrain } = await import('../src/training/pretrain.ts');
  const { latestCheckpoint } = await import('../src/training/run/checkpoint.ts');
  const { loadRun } = await import('../src/training/run/model-state.ts');
  const { requireLength } = await import('../src/training/training-loop.ts');
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const began = performance.now();
  const checkpoint = await latestCheckpoint(out);
  if (checkpoint !== undefined) requireLength(out, steps, checkpoint);
  say(`1/4 generating ${frames + heldOut} driving scenes: ${data}`);
  await makeScenes({ out: data, count: frames + heldOut, heldOut, seed, workers: availableParallelism() });

  say(`2/4 pretraining SimIPU: ${out}`);
  const config = applySettings(presetOf('simipu-small')!, [
    `steps=${steps}`,
    `seed=${seed}`,
    'checkpoint.everySteps=25',
  ]);
  const resume = checkpoint !== undefined;
  const interrupt = interruptSignal(() => say('\ninterrupted: ending this step and writing a checkpoint'));
  const training = { root: data, imageSet: 'train' };
  const result = await pretrain({
    config,
    data: training,
    out,
    resume,
    overwrite: !resume,
    signal: interrupt.signal,
  }).finally(interrupt.release);
  if (result.interrupted) {
    say('stopped; the same command goes on');
    process.exitCode = 130;
    return;
  }

  say(`3/4 measuring retrieval on ${heldOut} held-out scenes`);
  const { state } = await loadRun(out);
  const pretraining = createPretraining(config, config.batchSize);
  const { comparison } = lookingThrough(pretraining);
  const model = ({ params, stats }: typeof state) =>
    ({ params, stats }) as Parameters<typeof evaluateRetrieval>[0]['after'];
  let progress: ProgressLine | undefined;
  const retrieval = await evaluateRetrieval({
    pretraining,
    heldOut: { root: data, imageSet: 'val' },
    frames: heldOut,
    calibration: { data: training, frames: config.batchSize },
    after: model(state),
    before: model(initialState(config, { frames })),
    randomSeeds: [1, 2, 3].map((each) => seed + each),
    seed,
    onProgress: (step, total) => {
      progress ??= new ProgressLine({ total });
      progress.update({ step });
    },
  });
  progress?.end();
  await writeJsonAtomically(join(out, 'evaluation.json'), retrieval);

  say('4/4 writing the report');
  const report = await writeReport(out, {
    sections: await sampleSections({ root: data, imageSet: 'val' }, comparison!.view),
  });
  const run = shellPath(out);
  process.stdout.write(
    `\n${retrievalTable(retrieval)}\n\ndone in ${((performance.now() - began) / 60_000).toFixed(1)} minutes. What to look at next:\n` +
      `  npx pointpair view ${run}\n  ${report}\n  npx pointpair inspect ${run}\n` +
      `  npx pointpair inspect ${shellPath(data)} --frame 000000 --picture frame.png\n  npx pointpair export ${run} --to out/\n`,
  );
}
