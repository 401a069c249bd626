// What the help of commands lists. It stands here a second time, for the modules that have it load whole libraries.

/** The names of the presets of pretraining. */
export const presetNames = [
  'simipu-kitti',
  'simipu-small',
  'simipu-smoke',
  'temporal-small',
  'relative-patch-cifar',
  'cpc-cifar',
  'instdisc-cifar',
  'invaspread-cifar',
  'cmc-cifar',
  'moco-v1-cifar',
  'moco-v2-cifar',
  'moco-v2-small',
  'moco-v3-cifar',
  'simclr-cifar',
  'simclr-v2-cifar',
  'byol-cifar',
  'swav-cifar',
  'swav-small',
  'simsiam-cifar',
  'dino-cifar',
  'dino-small',
  'orl-cifar',
  'seed-cifar',
  'seer-cifar',
  's2-bnn-cifar',
  's2-bnn-cifar-binary',
  'exemplar-cifar',
  'colorization-cifar',
  'context-encoder-cifar',
  'bev-contrast-small',
  'track-contrast-small',
  'frame-contrast-small',
  'random-walk-small',
  'frame-order-small',
  'shuffle-learn-small',
  'pseudo-boxes-small',
  'occupancy-small',
] as const;

/** The names of the detectors. */
export const detectorNames = ['image3d', 'point3d', 'fusion', 'monorun'] as const;

/** The names of the detectors' presets. */
export const detectionPresetNames = [
  'image3d-small',
  'image3d-kitti',
  'point3d-small',
  'point3d-kitti',
  'fusion-small',
  'fusion-kitti',
  'monorun-small',
  'monorun-kitti',
] as const;
