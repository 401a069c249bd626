import type * as tf from '@tensorflow/tfjs-core';
import { type ImageEncoderConfig, imageEncoderChannels } from '../../encoders/encoder-config.ts';
import { imageEncoderNet } from '../../encoders/encoders.ts';
import { initializeAll, running } from '../../encoders/net.ts';
import type { Tensors } from '../../encoders/trainable.ts';
import type { Random } from '../../engine/random.ts';
import { l2Normalize } from '../../nn/l2-normalize.ts';
import { stopGradient } from '../../nn/stop-gradient.ts';
import { followerIn } from './momentum.ts';

/** The image encoder of another run that a system learns from and never changes: the branch `teacher` of its memory. */
export function frozenTeacher(encoder: ImageEncoderConfig) {
  const net = imageEncoderNet(encoder);
  return {
    /** The length of its rows. */
    width: imageEncoderChannels(encoder),
    /** The branch `teacher`; its values are those of another run, put there before the first step. */
    initialize: (random: Random) => initializeAll(random.fork('teacher'), { imageEncoder: net }),
    /** What it makes of pictures, by its running statistics: rows of length one [N, width], without gradient. */
    rows: (memory: Tensors, pictures: tf.Tensor): tf.Tensor => {
      const nets = running(followerIn(memory, 'teacher'), { training: false });
      return stopGradient(l2Normalize(nets.of('imageEncoder', net, pictures)));
    },
  };
}
