/**
 * The networks that are pretrained, their configuration, and small networks to put on top of them:
 * `import { chain, initEncoders, linearNet, running } from 'pointpair/encoders'`.
 */

// Configuration.
export {
  type EncodersConfig,
  encodersSchema,
  imageEncoderChannels,
  imageEncoderSchema,
  imageEncoderStride,
  type PictureInput,
  type PointEncoderConfig,
  pointEncoderChannels,
  pointEncoderSchema,
} from '../src/encoders/encoder-config.ts';
// The encoders of a run.
export {
  type EncoderTensors,
  encodeImages,
  encodePoints,
  imageEncoderNet,
  initEncoders,
} from '../src/encoders/encoders.ts';
export type { ImageEncoderConfig } from '../src/encoders/image-kinds.ts';
// Networks as two functions, and how they are put together.
export {
  chain,
  globalMean,
  initializeAll,
  linearNet,
  type Net,
  normNet,
  type Running,
  reluNet,
  running,
} from '../src/encoders/net.ts';
export { sampleFeatures } from '../src/encoders/sample-features.ts';
// What a step of training asks of what it trains.
export type {
  GroupRule,
  How,
  Learner,
  LossResult,
  Model,
  StepPlace,
  Tensors,
  Trainable,
} from '../src/encoders/trainable.ts';
