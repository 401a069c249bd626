import type { z } from 'zod';
import { chain, linearNet, type Net, reluNet } from '../encoders/net.ts';
import { cifarRun, smallEncoder, swappedView } from './image-run.ts';
import { system } from './objective.ts';
import { swappedCrops, swappedCropsMeanings, swappedCropsSchema } from './parts/swapped-crops.ts';

type SeerConfig = z.infer<typeof swappedCropsSchema>;

const means = swappedCropsMeanings;

const { input, batchNorm, stem } = smallEncoder;
/** A RegNetY with the small stem whose groups are narrow, as their width is what a convolution in groups costs. */
const smallRegNetY = {
  ...{ kind: 'regnety', stem, batchNorm, input },
  ...{ depths: [1, 1, 2, 1], widths: [8, 16, 64, 128], groupWidth: 4, stemWidth: 8 },
};

/**
 * SEER: swapped prediction of crops (`swappedCrops` has the loss) by a RegNetY, over an endless stream of pictures that nobody
 * chose: a run of steps without epochs. Assignments are harder than usual and take more rounds, the projector has three
 * layers and no batch norm. Released assignments subtract the highest score before the exponential and replace what
 * overflows; here they are logarithms all along. The paper's views: two crops of 160 pixels, 0.14 to 1 of the area, and four of
 * 96, 0.05 to 0.14; flip, jitter 0.8/0.8/0.8/0.2 with 0.8, grey 0.2, blur with 0.5. Its optimizer is SGD in LARC, which divides by
 * |g| + λ·|p| where `lars` divides by |g + λ·p|, and takes in biases and norms (`excludeVectors: false`).
 */
export const seer = system<SeerConfig>({
  name: 'seer',
  citation:
    'Goyal et al., Self-supervised Pretraining of Visual Features in the Wild, 2021, arXiv 2103.01988; Goyal et al., Vision Models Are More Robust And Fair When Pretrained On Uncurated Images Without Supervision, 2022, arXiv 2202.08360 (its code)',
  summary:
    'Predicts from a crop to which of some prototypes another crop of the picture is assigned, by a RegNetY over an endless stream of pictures that nobody chose.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema: swappedCropsSchema,
  options: {
    hidden: { means: `${means.hidden}, whose three layers have no batch norm`, paper: '?', code: '8192' },
    dimensions: { means: means.dimensions, paper: '?', code: '256' },
    prototypes: { means: means.prototypes, paper: '?', code: '16000' },
    temperature: { means: means.temperature, paper: '?', code: '0.1' },
    'assignment.epsilon': { means: means.epsilon, paper: '?', code: '0.03' },
    'assignment.iterations': { means: means.iterations, paper: '?', code: '10' },
    frozenUntil: { means: means.frozenUntil, paper: '?', code: '313 steps of some 120,000' },
  },
  gradient: 'Encoder, projector and prototypes get a gradient from the predictions; assignments carry none.',
  presets: {
    'seer-cifar': {
      about:
        'SEER on a folder of pictures of 32 pixels or so, of which more may come while it pauses: a small RegNetY, 300 steps without epochs, without blur and small crops, trained by SGD; about two minutes on two cores. Few prototypes and a high temperature, as for swav-cifar.',
      run: cifarRun(
        {
          seer: {
            crops: swappedView,
            hidden: 512,
            dimensions: 128,
            prototypes: 30,
            temperature: 0.5,
            assignment: { epsilon: 0.03, iterations: 10 },
            frozenUntil: 0.1,
          },
        },
        {
          encoders: { image: smallRegNetY },
          epochs: null,
          weightDecay: 1e-5,
        },
      ),
    },
  },
  make: (config, given) =>
    swappedCrops(config, given, { name: 'seer', projector: (inputs) => projectorOf(inputs, config) }),
});

/** Three linear layers with a ReLU between them. */
function projectorOf(inputs: number, { hidden, dimensions }: SeerConfig): Net {
  return chain(
    linearNet({ inputs, outputs: hidden }),
    reluNet,
    linearNet({ inputs: hidden, outputs: hidden }),
    reluNet,
    linearNet({ inputs: hidden, outputs: dimensions }),
  );
}
