import { z } from 'zod';
import { chain, linearNet, type Net, normNet, reluNet } from '../encoders/net.ts';
import type { BatchNormOptions } from '../nn/batch-norm.ts';
import { cameraRun, cameraView } from './drive-run.ts';
import { cifarRun, swappedView } from './image-run.ts';
import { system } from './objective.ts';
import { share, swappedCrops, swappedCropsMeanings, swappedCropsSchema } from './parts/swapped-crops.ts';

const schema = swappedCropsSchema.extend({
  /** Embeddings that are assigned together with a batch, and the share of the run after which they are gathered. */
  queue: z.strictObject({ size: z.int().positive(), from: share }).optional(),
});

type SwavConfig = z.infer<typeof schema>;

const means = swappedCropsMeanings;

/** What some hundred steps can learn: few prototypes at a high temperature. */
const fewPrototypes = {
  hidden: 512,
  dimensions: 128,
  prototypes: 30,
  temperature: 0.5,
  assignment: { epsilon: 0.05, iterations: 3 },
  frozenUntil: 0.1,
};

/**
 * SwAV: every crop predicts to which prototypes the other crops of its picture are assigned (`swappedCrops` has the loss).
 * The paper's views: two crops of 224 pixels, 0.14 to 1 of the area, and six of 96, 0.05 to 0.14; flip, jitter 0.8/0.8/0.8/0.2 with 0.8,
 * grey 0.2, blur with 0.5. Its optimizer is LARS.
 */
export const swav = system<SwavConfig>({
  name: 'swav',
  citation:
    'Caron et al., Unsupervised Learning of Visual Features by Contrasting Cluster Assignments, NeurIPS 2020, arXiv 2006.09882',
  summary:
    'Predicts from a crop to which of some prototypes another crop of the picture is assigned, prototypes being used about alike.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    hidden: { means: means.hidden, paper: '2048' },
    dimensions: { means: means.dimensions, paper: '128' },
    prototypes: { means: means.prototypes, paper: '3000' },
    temperature: { means: means.temperature, paper: '0.1' },
    'assignment.epsilon': { means: means.epsilon, paper: '0.05' },
    'assignment.iterations': { means: means.iterations, paper: '3' },
    'queue.size': {
      means: 'embeddings that are assigned together with a batch, once there are so many',
      paper: 'none for batches of 4096, 3840 for 256',
    },
    'queue.from': {
      means: 'the share of the run after which they are gathered',
      paper: 'after 15 of 200 or 400 epochs',
    },
    frozenUntil: {
      means: means.frozenUntil,
      paper: 'one epoch',
      code: '313 steps for batches of 4096, 5005 for 256',
    },
  },
  gradient:
    'Encoder, projector and prototypes get a gradient from the predictions; assignments and queue carry none.',
  presets: {
    'swav-cifar': {
      about:
        'SwAV on some thousand photographs of 32 pixels, without blur and small crops; about two minutes on two cores. Few prototypes and a high temperature: at 0.1, with 30 and with 100 prototypes, embeddings draw together in the first 60 steps and the loss stays at ln K.',
      run: cifarRun({
        swav: {
          crops: swappedView,
          ...fewPrototypes,
          queue: { size: 512, from: 0.5 },
        },
      }),
    },
    'swav-small': {
      about:
        'SwAV on the camera pictures of some hundred frames of driving, in about six minutes on two cores; `image3d-small` can begin with its encoder.',
      run: cameraRun({
        swav: {
          crops: { ...cameraView, copies: 2 },
          ...fewPrototypes,
          queue: { size: 256, from: 0.5 },
        },
      }),
    },
  },
  make: (config, given) =>
    swappedCrops(config, given, {
      name: 'swav',
      projector: (inputs, norm) => projectorOf(inputs, config, norm),
    }),
});

function projectorOf(inputs: number, { hidden, dimensions }: SwavConfig, norm: BatchNormOptions): Net {
  return chain(
    linearNet({ inputs, outputs: hidden }),
    normNet(hidden, norm),
    reluNet,
    linearNet({ inputs: hidden, outputs: dimensions }),
  );
}
