import { z } from 'zod';
import { imageEncoderChannels, imageEncoderSchema } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { chain, initializeAll, linearNet, reluNet, running } from '../encoders/net.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import { cifarRun, imageEncoderOf, oneViewSchema, pictureView, smallNetwork, weakView } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { distillation, firstIsHighest } from './parts/cross-entropy.ts';
import { frozenTeacher } from './parts/frozen-teacher.ts';
import { mocoLogits } from './parts/momentum-keys.ts';
import { enqueued, initQueue, requireWholeBatches } from './parts/queue.ts';
import { spreadOf } from './parts/spread.ts';

const whole = z.int().positive();
const positive = z.number().positive();

const schema = z.strictObject({
  view: oneViewSchema,
  /** The teacher's network, as the run has it that it comes from. */
  teacher: imageEncoderSchema,
  /** The width of the student's head between its two layers. */
  hidden: whole,
  /** Rows of the teacher that are remembered; a multiple of the batch. */
  queue: whole,
  studentTemperature: positive,
  teacherTemperature: positive,
});

type SeedConfig = z.infer<typeof schema>;

/**
 * SEED: a student is as near to what a frozen teacher made of other pictures as the teacher itself is, and to what it makes of
 * this one. Loss: the cross-entropy of softmax([t·t, t·queue]/τ_t) and softmax([s·t, s·queue]/τ_s), all rows of length one. Both
 * see the same view. The teacher is the image encoder of another run, its last map averaged (the released one has the head
 * of its MoCo above), with the running statistics of its batch norms; its configuration and values are part of this run.
 */
export const seed = system<SeedConfig>({
  name: 'seed',
  citation:
    'Fang et al., SEED: Self-Supervised Distillation for Visual Representation, ICLR 2021, arXiv 2101.04731',
  summary:
    'Learns from a frozen teacher how near pictures are to each other; begins with `pretrain --teacher`, the run that has it.',
  needs: ['image'],
  teacher: true,
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    hidden: { means: "the width inside of the student's head", paper: 'not stated' },
    queue: { means: 'rows of the teacher that are remembered', paper: '65536' },
    studentTemperature: { means: "divides the student's similarities", paper: '0.2' },
    teacherTemperature: {
      means: "divides the teacher's; where it is small the loss is MoCo's with the teacher's rows as keys",
      paper: '0.01',
      code: '0.0001',
    },
  },
  gradient: 'The student carries a gradient; teacher and queue do not.',
  presets: {
    'seed-cifar': {
      about:
        'SEED on some thousand photographs of 32 pixels, from the encoder of a run such as moco-v2-cifar.',
      run: cifarRun(
        {
          seed: {
            view: weakView,
            teacher: smallNetwork,
            hidden: 128,
            queue: 1024,
            studentTemperature: 0.2,
            teacherTemperature: 0.07,
          },
        },
        { steps: 450 },
      ),
      begins: { teacher: 'moco-v2-cifar' },
    },
  },
  make,
});

function make(config: SeedConfig, { encoders, batchSize }: Given): Objective {
  const { hidden, queue: size, studentTemperature, teacherTemperature } = config;
  const image = imageEncoderOf(encoders, 'seed');
  const encoder = imageEncoderNet(image);
  const teacher = frozenTeacher(config.teacher);
  const { width } = teacher;
  const head = chain(
    linearNet({ inputs: imageEncoderChannels(image), outputs: hidden }),
    reluNet,
    linearNet({ inputs: hidden, outputs: width }),
  );
  requireWholeBatches(size, batchSize, 'objectives.seed.queue');
  return {
    views: { picture: pictureView(config.view, image) },
    chance: { distillation: Math.log(size + 1) },

    initialize: (random) => ({
      ...initializeAll(random, { head }),
      memory: {
        teacher: teacher.initialize(random),
        queue: initQueue(random.fork('queue'), { size, width }),
      },
    }),

    loss: (model, batch, how) => {
      const pictures = leafAt(batch, 'picture');
      const student = running(model, how);
      const s = l2Normalize(student.of('head', head, student.of('imageEncoder', encoder, pictures))); // [N, D]
      const t = teacher.rows(model.memory, pictures); // [N, D]
      const queue = stopGradient(leafAt(model.memory, 'queue'));
      const logits = mocoLogits(s, t, { queue, temperature: studentTemperature });
      return {
        terms: {
          distillation: distillation(logits, mocoLogits(t, t, { queue, temperature: teacherTemperature })),
        },
        metrics: { top1: firstIsHighest(logits), spread: spreadOf(s) },
        stats: student.stats,
        kept: { rows: { taught: t } },
      };
    },

    // The queue takes the teacher's rows after it was used.
    after: ({ memory }, { rows }) => ({
      teacher: branchAt(memory, 'teacher'),
      queue: enqueued(leafAt(memory, 'queue'), leafAt(rows!, 'taught')),
    }),
  };
}
