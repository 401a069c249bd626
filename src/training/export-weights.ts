import { join } from 'node:path';
import type { Library } from '../encoders/image-kind.ts';
import { toLibrary } from '../encoders/library-weights.ts';
import { InputError } from '../engine/input-error.ts';
import { branchAt, branchOrNone } from '../nn/layer.ts';
import { normalizationOf } from '../views/canvas.ts';
import { makeFolder, writeFileAtomically } from './run/atomic-file.ts';
import { describeTraining, type EncoderRun } from './run/encoder-run.ts';
import { encodeSafetensors } from './run/safetensors.ts';

/**
 * Writes a run's image encoder as `image-encoder.<library>.safetensors`, under the names of torchvision or timm; gives its path,
 * and Python that makes a model which takes it and loads it. The file's metadata say that too, how pictures are normalised, and
 * what the weights come from. Throws an InputError where the run has no image encoder, or the library no such network.
 */
export async function exportWeights(
  run: EncoderRun,
  folder: string,
  library: Library,
): Promise<{ readonly file: string; readonly python: readonly string[] }> {
  const { image } = run.config.encoders;
  if (image === undefined) {
    const expected = 'a run with an image encoder';
    throw new InputError({
      file: run.checkpoint,
      expected,
      found: Object.keys(run.config.encoders).join(', '),
    });
  }
  const [params, stats] = [branchAt(run.state, 'params'), branchOrNone(run.state, 'stats')];
  const encoder = {
    params: branchAt(params, 'imageEncoder'),
    stats: branchOrNone(stats, 'imageEncoder'),
  };
  const { tensors, python: made } = toLibrary(image, encoder, library);
  await makeFolder(folder);
  const file = join(folder, `image-encoder.${library}.safetensors`);
  const python = [
    ...made,
    'import safetensors.torch',
    `model.load_state_dict(safetensors.torch.load_file(${JSON.stringify(file)}))`,
  ];
  const { mean, std, order } = normalizationOf(image.input);
  const metadata = {
    format: 'pt',
    python: python.join('\n'),
    pictures: `${order}, from 0 to 255, less mean ${mean.join(', ')}, divided by std ${std.join(', ')}`,
    canvas: `${image.input.width} x ${image.input.height} pixels`,
    source: `pointpair: ${describeTraining(run.config)}, step ${run.step}, on ${run.data.root}`,
  };
  await writeFileAtomically(file, encodeSafetensors(tensors, metadata));
  return { file, python };
}
