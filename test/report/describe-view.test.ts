import { expect, it } from 'vitest';
import { describeView } from '../../src/report/describe-view.ts';
import type { ViewConfig } from '../../src/views/view-config.ts';

const size = { width: 32, height: 24, colours: 'imagenet-rgb' } as const;

it.each<[ViewConfig, string]>([
  [{ kind: 'picture', ...size }, 'the middle of the picture on 32 x 24 pixels'],
  [
    { kind: 'picture', ...size, copies: 6, crop: { area: [0.05, 0.14] }, flip: 0.5, grey: 0 },
    '6 times a crop of 0.05 to 0.14 of the area on 32 x 24 pixels, mirrored 0.5',
  ],
  [
    {
      kind: 'picture',
      ...size,
      jitter: { probability: 0.8, brightness: 0.4, contrast: 0.3, saturation: 0.2, hue: 0.1 },
      blur: { probability: 1, sigma: [0.1, 2] },
      solarise: { probability: 0.2 },
    },
    'the middle of the picture on 32 x 24 pixels, jitter 0.8 (brightness 0.4, contrast 0.3, saturation 0.2, hue 0.1), blur 1 (sigma 0.1 to 2), solarise 0.2',
  ],
  [
    {
      kind: 'picture',
      ...size,
      jitter: { probability: 1, brightness: 0.4, contrast: 0.3, saturation: 0.2, hue: 0.1 },
      grey: 0.2,
      greyFirst: true,
    },
    'the middle of the picture on 32 x 24 pixels, grey 0.2, jitter 1 (brightness 0.4, contrast 0.3, saturation 0.2, hue 0.1)',
  ],
  [
    { kind: 'patches', size: 10, gap: 2, jitter: 1, pairs: 8, pixels: [1296, 1296], colours: 'imagenet-rgb' },
    '8 pairs of neighbouring patches of 10 x 10 pixels, 2 apart, moved by up to 1, from a picture of 1296 pixels',
  ],
  [
    { kind: 'mask', ...size, hidden: { shape: 'centre', width: 16, height: 12 } },
    'the middle of the picture on 32 x 24 pixels, 16 x 12 in its middle hidden',
  ],
  [
    { kind: 'mask', ...size, hidden: { shape: 'blocks', coverage: [0.25, 0.5], side: [4, 8] } },
    'the middle of the picture on 32 x 24 pixels, blocks hidden, 0.25 to 0.5 of it',
  ],
  [
    {
      kind: 'exemplar',
      size: 24,
      copies: 2,
      levels: 4,
      shift: 0.25,
      scale: [0.7, 1.4],
      rotation: 20,
      recolouring: { axes: [1, 1, 0.5], power: 2, factor: 0.5, offset: 0.1 },
      colours: 'imagenet-rgb',
    },
    '2 times a patch of 24 x 24 pixels that is the same of a picture always, at one of 4 scales, moved by up to 0.25 of its side, scaled by 0.7 to 1.4, turned by up to 20 degrees, recoloured (axes 1, 1, 0.5, power 2, factor 0.5, offset 0.1)',
  ],
  [
    { kind: 'box-pair', ...size, second: 'neighbour', steps: [{ flip: 0.5 }, { flip: 0.5, grey: 0.2 }] },
    'a box of the picture on 32 x 24 pixels, and the box of a neighbour that belongs to it, the first mirrored 0.5; the second mirrored 0.5, grey 0.2',
  ],
  [
    {
      kind: 'box-pair',
      ...size,
      second: { shift: 0.5, area: [0.5, 2], aspect: [0.5, 2], overlap: 0.5, tries: 200 },
      steps: [{}, {}],
    },
    'a box of the picture on 32 x 24 pixels, and another one that shares more than 0.5 with it',
  ],
])('%j in words', (view, words) => {
  expect(describeView(view)).toBe(words);
});
