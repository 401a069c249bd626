import { Command, Option } from 'commander';
import { InputError } from '../src/engine/input-error.ts';
import { share, wholeNumber } from './options.ts';

interface Options {
  readonly to: string;
  readonly step?: number;
  readonly batch: number;
  readonly minScore?: number;
  readonly names?: 'torchvision' | 'timm';
}

/** The command line of `pointpair export`. */
export function command(): Command {
  return new Command('export')
    .description(
      "Write the encoders of a run as standard ONNX files, and encoders.json that says what goes in and comes out; of a detector's run the whole detector, from pictures and points to boxes; or its image encoder's weights for PyTorch.",
    )
    .argument('<run>', "the run's folder")
    .requiredOption('--to <folder>', 'where the files go')
    .option('--step <number>', 'the checkpoint of this step instead of the newest', wholeNumber(0))
    .option(
      '--batch <number>',
      'samples a batch of the point encoder, whose shapes are fixed; the image encoder takes any',
      wholeNumber(1),
      1,
    )
    .option(
      '--min-score <score>',
      "of a detector: what it finds from this score on (default: the run's own)",
      share,
    )
    .addOption(
      new Option(
        '--names <library>',
        'weights instead of ONNX, under the names of a library: safetensors that its load_state_dict takes',
      ).choices(['torchvision', 'timm']),
    )
    .addHelpText(
      'after',
      '\nExample:\n  pointpair export runs/kitti --to out/\n  pointpair export runs/point3d --to out/\n  pointpair export runs/kitti --to out/ --names torchvision',
    )
    .action(async (run: string, { to, step, batch, names, minScore }: Options) => {
      const { loadEncoderRun } = await import('../src/training/run/encoder-run.ts');
      if (names !== undefined) {
        const { exportWeights } = await import('../src/training/export-weights.ts');
        const { file, python } = await exportWeights(await loadEncoderRun(run, { step }), to, names);
        process.stdout.write(`${file}\n${python.map((line) => `  ${line}\n`).join('')}`);
        return;
      }
      const { isDetectionRun } = await import('../src/training/detection/detection-run.ts');
      if (await isDetectionRun(run)) {
        process.stdout.write(`${await wholeDetector(run, { to, step, batch, minScore })}\n`);
        return;
      }
      refuse(minScore !== undefined, {
        option: '--min-score',
        expected: "a detector's run, as pointpair finetune leaves it",
        found: run,
      });
      const { exportEncoders } = await import('../src/training/export-encoders.ts');
      const trained = await loadEncoderRun(run, { step });
      const files = await exportEncoders(trained, to, { batch });
      process.stdout.write(`${files.join('\n')}\n`);
    });
}

/** Writes a detector's run as one file; gives its path. */
async function wholeDetector(folder: string, { to, step, batch, minScore }: Options): Promise<string> {
  refuse(batch !== 1, {
    option: '--batch',
    expected: "1: a detector's file looks at one frame",
    found: `${batch}`,
  });
  const { loadDetectionRun, withThreshold } = await import('../src/training/detection/detection-run.ts');
  const { exportDetector } = await import('../src/training/detection/export-detector.ts');
  return exportDetector(withThreshold(await loadDetectionRun(folder, { step }), minScore), to);
}

function refuse(
  condition: boolean,
  { option, ...fault }: { readonly option: string; readonly expected: string; readonly found: string },
): void {
  if (condition) throw new InputError({ file: option, ...fault });
}
