import { Command, Option } from 'commander';
import { InputError } from '../src/engine/input-error.ts';
import { wholeNumber } from './options.ts';

interface Options {
  readonly to: string;
  readonly step?: number;
  readonly batch: number;
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
    .action(async (run: string, { to, step, batch, names }: Options) => {
      const { loadEncoderRun } = await import('../src/training/run/encoder-run.ts');
      if (names !== undefined) {
        const { exportWeights } = await import('../src/training/export-weights.ts');
        const { file, python } = await exportWeights(await loadEncoderRun(run, { step }), to, names);
        process.stdout.write(`${file}\n${python.map((line) => `  ${line}\n`).join('')}`);
        return;
      }
      const { isDetectionRun, loadDetectionRun } = await import('../src/training/detection/detection-run.ts');
      if (await isDetectionRun(run)) {
        const { exportDetector } = await import('../src/training/detection/export-detector.ts');
        if (batch !== 1) {
          const expected = "1: a detector's file looks at one frame";
          throw new InputError({ file: '--batch', expected, found: `${batch}` });
        }
        process.stdout.write(`${await exportDetector(await loadDetectionRun(run, { step }), to)}\n`);
        return;
      }
      const { exportEncoders } = await import('../src/training/export-encoders.ts');
      const trained = await loadEncoderRun(run, { step });
      const files = await exportEncoders(trained, to, { batch });
      process.stdout.write(`${files.join('\n')}\n`);
    });
}
