/**
 * Images as plain bytes, recorded and invertible augmentation, and ResNets:
 * `import { decodeImage, imageView, resnet } from 'pointpair/image'`.
 */

// Drawing views at random, and making their images.
export {
  applyImageView,
  colorJitter,
  randomBlur,
  randomFlip,
  randomGreyscale,
  randomResizedCrop,
} from '../src/image/augment.ts';
// Images and their files.
export { type DecodeOptions, decodeImage, encodeJpeg, encodePng } from '../src/image/decode-image.ts';

// Views: what is done to an image, as data that pixels can be mapped through and back.
export {
  affineOf,
  crop,
  flip,
  type GeometricStep,
  type ImageSize,
  type ImageStep,
  type ImageView,
  imageView,
  mapPixel,
  mapPixels,
  type PhotometricStep,
  type PixelAffine,
  pad,
  recolour,
  resize,
  unmapPixels,
} from '../src/image/image-view.ts';
export {
  IMAGENET_BGR,
  IMAGENET_RGB,
  type ImageNormalization,
  normalizeImage,
} from '../src/image/normalize-image.ts';
export { resample } from '../src/image/resample.ts';
// The encoder.
export {
  initResNet,
  type ResNetFeatures,
  type ResNetOptions,
  type ResNetStage,
  resNetChannels,
  resnet,
} from '../src/image/resnet.ts';
export type { RgbImage } from '../src/image/rgb-image.ts';
// Pictures as a pinhole takes them.
export { type LensCamera, undistortImage } from '../src/image/undistort.ts';
