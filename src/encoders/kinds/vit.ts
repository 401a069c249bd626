import { z } from 'zod';
import { InputError } from '../../engine/input-error.ts';
import { initVit, type VitOptions, vit } from '../../image/vit.ts';
import { batchNormSchema, type ImageKind, type PictureSize, sideFaults } from '../image-kind.ts';
import { vitElsewhere } from './vit-elsewhere.ts';

const whole = z.int().positive();

const schema = z.strictObject({
  kind: z.literal('vit'),
  /** ViT-Tiny, -Small or -Base; what is given beside it counts instead. Without it width, depth and heads must be given. */
  size: z.enum(['tiny', 'small', 'base']).optional(),
  width: whole.optional(),
  depth: whole.optional(),
  heads: whole.optional(),
  /** The side of a patch, pixels. */
  patch: whole,
  /** `sine`: fixed (MoCo v3). `learned`: for the canvas, and interpolated to views of other sizes (DINO). */
  positions: z.enum(['sine', 'learned']),
  /** Whether the projection of patches stays as it was drawn (MoCo v3). */
  frozenPatch: z.boolean().optional(),
  /** Of heads over it; the encoder has none. */
  batchNorm: batchNormSchema.default({ eps: 1e-5, momentum: 0.1 }),
});

/** The options of a vision transformer. */
export type VitConfig = z.infer<typeof schema>;

const SIZES = {
  tiny: { width: 192, depth: 12, heads: 3 },
  small: { width: 384, depth: 12, heads: 6 },
  base: { width: 768, depth: 12, heads: 12 },
} as const;

const NAMES = { tiny: 'Tiny', small: 'Small', base: 'Base' } as const;

function sizesOf({ size, width, depth, heads }: VitConfig) {
  const named = size && SIZES[size];
  return {
    width: width ?? named?.width ?? 0,
    depth: depth ?? named?.depth ?? 0,
    heads: heads ?? named?.heads ?? 0,
  };
}

function optionsOf(encoder: VitConfig & { readonly input?: PictureSize }): VitOptions {
  const { patch, positions, frozenPatch, input } = encoder;
  const sizes = { ...sizesOf(encoder), patch, frozenPatch };
  if (positions === 'sine') return { ...sizes, positions };
  if (input === undefined) throw new Error('learned positions need a canvas');
  return { ...sizes, positions: { rows: input.height / patch, columns: input.width / patch } };
}

/** A vision transformer: its rows are the class token, its maps the tokens of the patches, both after the last norm. */
export const vitKind: ImageKind<VitConfig> = {
  kind: 'vit',
  schema,
  isPyramid: false,
  title: (encoder) => {
    const { width, depth, heads } = sizesOf(encoder);
    const named = encoder.size && SIZES[encoder.size];
    const same = named?.width === width && named.depth === depth && named.heads === heads;
    const name = same
      ? `ViT-${NAMES[encoder.size!]}`
      : `ViT of width ${width}, ${depth} blocks, ${heads} heads`;
    return `${name} with patches of ${encoder.patch} pixels`;
  },
  channels: (encoder) => sizesOf(encoder).width,
  stride: ({ patch }) => patch,
  faults: (encoder, canvas) => {
    const sizes = sizesOf(encoder);
    const missing = Object.entries(sizes).filter(([, value]) => value === 0);
    if (missing.length > 0)
      return missing.map(([path]) => ({ path: [path], message: 'expected a number, as there is no size' }));
    const { width, heads } = sizes;
    const divisor = encoder.positions === 'sine' ? 4 : 1;
    return [
      ...(width % heads === 0
        ? []
        : [{ path: ['heads'], message: `expected a number that divides the width ${width}` }]),
      ...(width % divisor === 0
        ? []
        : [{ path: ['width'], message: 'expected a multiple of 4, as sine positions need' }]),
      ...sideFaults(canvas, encoder.patch),
    ];
  },
  initialize: (random, encoder) => initVit(random, optionsOf(encoder)),
  elsewhere: vitElsewhere(optionsOf),
  encode: ({ params, stats }, images, { encoder }) => {
    const [, height, width] = images.shape as number[];
    if (height % encoder.patch !== 0 || width % encoder.patch !== 0) {
      const expected = `a patch that divides its pictures and views, of ${width} x ${height} pixels`;
      throw new InputError({
        file: 'configuration',
        place: 'encoders.image.patch',
        expected,
        found: `${encoder.patch}`,
      });
    }
    const { token, map } = vit(params, images, optionsOf(encoder));
    return { features: { c5: map }, pooled: token, stats };
  },
};
