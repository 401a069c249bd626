import { describe, expect, test } from 'vitest';
import { type ImageViewConfig, imageViewSchema } from '../../src/views/image-view-config.ts';

const picture = { kind: 'picture', width: 224, height: 224 };
const patches = { kind: 'patches', size: 96, gap: 48, jitter: 7, pairs: 4 };
const mask = { kind: 'mask', width: 128, height: 128 };

describe('the schema of image views', () => {
  test.each<[string, object]>([
    ['a plain picture', picture],
    [
      'MoCo v2',
      {
        ...picture,
        copies: 2,
        crop: { area: [0.2, 1] },
        flip: 0.5,
        jitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
        grey: 0.2,
        blur: { probability: 0.5, sigma: [0.1, 2] },
      },
    ],
    [
      "BYOL's second view",
      {
        ...picture,
        crop: { area: [0.08, 1], aspect: [0.75, 1.3333], interpolation: 'bicubic' },
        blur: { probability: 0.1, sigma: [0.1, 2], kernel: 'tenth' },
        solarise: { probability: 0.2, threshold: 128 },
      },
    ],
    ['patches', { ...patches, reversed: true, pixels: [150_000, 450_000] }],
    ['a centre', { ...mask, hidden: { shape: 'centre', width: 64, height: 64 } }],
    ['blocks', { ...mask, hidden: { shape: 'blocks', coverage: [0.2, 0.25], side: [16, 32] } }],
    ['regions', { ...mask, flip: 0.5, hidden: { shape: 'regions', coverage: [0.2, 0.3], grain: 16 } }],
  ])('takes %s as it is', (_, config) => {
    const parsed: ImageViewConfig = imageViewSchema.parse(config);
    expect(parsed).toEqual(config);
  });

  test.each<[string, object, RegExp]>([
    ['an unknown key', { ...picture, gray: 0.2 }, /gray/],
    ['an unknown kind', { ...picture, kind: 'clip' }, /kind/],
    ['an empty view', { ...picture, width: 0 }, /width/],
    ['a range turned round', { ...picture, crop: { area: [1, 0.2] } }, /lower end first/],
    ['more than the picture', { ...picture, crop: { area: [0.2, 1.5] } }, /area/],
    ['a blur without a middle', { ...picture, blur: { probability: 1, sigma: [1, 1], kernel: 4 } }, /kernel/],
    ['more than certain', { ...picture, flip: 1.5 }, /flip/],
    ['patches that overlap', { ...patches, gap: 13 }, /twice the jitter/],
    [
      'a hole wider than the view',
      { ...mask, hidden: { shape: 'centre', width: 129, height: 1 } },
      /inside of the view/,
    ],
    ['a mask without a mask', mask, /hidden/],
  ])('refuses %s', (_, config, message) => {
    const { success, error } = imageViewSchema.safeParse(config);
    expect(success).toBe(false);
    expect(JSON.stringify(error?.issues)).toMatch(message);
  });
});
