import { z } from 'zod';

const whole = z.int().positive();
const probability = z.number().min(0).max(1);
const strength = z.number().min(0);

function rangeOf(number: z.ZodNumber) {
  return z
    .tuple([number, number])
    .refine(([low, high]) => low <= high, { message: 'expected the lower end first' })
    .readonly();
}

/** Where a view lies in its picture, and what its pixels look like: the steps, in the order in which they are applied. */
const pictureFields = {
  /** The size of the view, pixels. */
  width: whole,
  height: whole,
  /** A random rectangle, resized to the view; absent, the picture is scaled until it covers the view, and its middle taken. */
  crop: z
    .strictObject({
      /** The rectangle's share of the picture's area. */
      area: rangeOf(z.number().positive().max(1)),
      /** Its width by its height, 3/4 to 4/3 by default. */
      aspect: rangeOf(z.number().positive()).optional(),
      /** Bilinear by default. */
      interpolation: z.enum(['bilinear', 'bicubic']).optional(),
    })
    .optional(),
  /** The probability that left and right are swapped. */
  flip: probability.optional(),
  /** Brightness, contrast and saturation by factors of 1 ± the strength, hue by up to so many turns; in random order. */
  jitter: z
    .strictObject({
      probability,
      brightness: strength,
      contrast: strength,
      saturation: strength,
      hue: z.number().min(0).max(0.5),
    })
    .optional(),
  /** The probability that colour is taken away. */
  grey: probability.optional(),
  /** Whether colour is taken away before the jitter (MoCo v1, InstDisc) instead of after it. */
  greyFirst: z.boolean().optional(),
  blur: z
    .strictObject({
      probability,
      /** The range of the Gaussian's standard deviation, pixels of the view. */
      sigma: rangeOf(z.number().min(0).max(100)),
      /**
       * How many pixels the Gaussian is cut off to along each axis, an odd number; `tenth`: a tenth of the view's height and
       * what makes it odd (SimCLR, BYOL). Absent: three standard deviations each way.
       */
      kernel: z
        .union([
          z.literal('tenth'),
          whole.max(999).refine((size) => size % 2 === 1, 'expected an odd number'),
        ])
        .optional(),
    })
    .optional(),
  solarise: z
    .strictObject({
      probability,
      /** Values from here on are inverted; 128 by default. */
      threshold: z.int().min(0).max(256).optional(),
    })
    .optional(),
};

/** Whole pictures: SimCLR, MoCo, BYOL, SwAV, DINO and the like take two or more. */
export const pictureSchema = z.strictObject({
  kind: z.literal('picture'),
  ...pictureFields,
  /** How many are drawn of every picture, 1 by default. */
  copies: whole.optional(),
});

/** How pairs of neighbouring patches are drawn. */
const patchesFields = {
  /** The side of a patch, pixels. */
  size: whole,
  /** What lies between two patches before they are moved. */
  gap: z.int().min(0),
  /** Every patch is moved by up to so many pixels along each axis. */
  jitter: z.int().min(0),
  /** Pairs that are drawn of every picture. */
  pairs: whole,
  /** Whether each pair also comes the other way round, right after it, with the label 7 - label. */
  reversed: z.boolean().optional(),
  /** The picture is scaled first, its aspect kept, to so many pixels in all. */
  pixels: rangeOf(whole).optional(),
  /** With this probability a patch is scaled down to a side from this range (evenly in its area) and back. */
  resampling: z.strictObject({ probability, side: rangeOf(whole) }).optional(),
  /** With this probability two channels of a patch are replaced by mid-grey and uniform noise of so many levels either way. */
  colourDropping: z.strictObject({ probability, noise: z.number().min(0).max(128) }).optional(),
};

const apart = {
  check: ({ gap, jitter }: { readonly gap: number; readonly jitter: number }) => gap >= 2 * jitter,
  fault: { path: ['gap'], message: 'expected at least twice the jitter, or patches overlap' },
};

/** Pairs of neighbouring patches (Doersch et al. 2015), as the configuration of a system has them. */
export const patchOptionsSchema = z.strictObject(patchesFields).refine(apart.check, apart.fault);

/** Pairs of neighbouring patches (Doersch et al. 2015). */
const patchesSchema = z
  .strictObject({ kind: z.literal('patches'), ...patchesFields })
  .refine(apart.check, apart.fault);

const exemplarFields = {
  /** The side of a patch, pixels. */
  size: whole,
  /** How many are drawn of every picture, 1 by default. */
  copies: whole.optional(),
  /** At how many scales, each 0.8 of the one before, the picture's patch may be cut; those where it fits count. */
  levels: whole,
  /** A patch is moved along each axis by up to this share of its side. */
  shift: z.number().min(0),
  /** The range of the factor by which more (or less) of the picture is seen; drawn evenly in the logarithm. */
  scale: rangeOf(z.number().positive()),
  /** It is turned by up to so many degrees either way. */
  rotation: z.number().min(0).max(180),
  recolouring: z.strictObject({
    /** Along three axes of colour (brightness, red against blue, green against both) by 2 to a normal number with these deviations. */
    axes: z.tuple([strength, strength, strength]).readonly(),
    /** Saturation and value to the power of 2 to up to this, either way. */
    power: strength,
    /** Then times 2 to up to this, either way. */
    factor: strength,
    /** Then, and hue in turns, plus up to this, either way. */
    offset: strength,
  }),
};

/** A patch that stands for its picture, deformed (Dosovitskiy et al. 2014), as the configuration of a system has it. */
export const exemplarOptionsSchema = z.strictObject(exemplarFields);

/** A patch that stands for its picture, deformed (Dosovitskiy et al. 2014). */
const exemplarSchema = z.strictObject({ kind: z.literal('exemplar'), ...exemplarFields });

/** What is hidden of a picture. */
export const hiddenSchema = z.discriminatedUnion('shape', [
  /** A rectangle in the middle, pixels. */
  z.strictObject({ shape: z.literal('centre'), width: whole, height: whole }),
  /** Rectangles with sides from this range, pixels, until so large a share is hidden. */
  z.strictObject({ shape: z.literal('blocks'), coverage: rangeOf(probability), side: rangeOf(whole) }),
  /** Regions of any form, of about `grain` pixels and more, that hide so large a share. */
  z.strictObject({ shape: z.literal('regions'), coverage: rangeOf(probability), grain: z.number().min(1) }),
]);

/** A picture and what is hidden of it (Pathak et al. 2016). */
const maskSchema = z
  .strictObject({ kind: z.literal('mask'), ...pictureFields, hidden: hiddenSchema })
  .refine(
    ({ width, height, hidden }) =>
      hidden.shape !== 'centre' || (hidden.width <= width && hidden.height <= height),
    { path: ['hidden'], message: 'expected a rectangle inside of the view' },
  );

/** One view of a picture, as plain data; what is absent is not done. */
export const imageViewSchema = z.discriminatedUnion('kind', [
  pictureSchema,
  patchesSchema,
  maskSchema,
  exemplarSchema,
]);

/** What kind of view, of which size, and what it is drawn with. */
export type ImageViewConfig = z.infer<typeof imageViewSchema>;
/** A view of a whole picture. */
export type PictureConfig = z.infer<typeof pictureSchema>;
/** Pairs of patches. */
export type PatchesConfig = z.infer<typeof patchesSchema>;
/** A part of a picture, whole: its size, and what its pixels look like. */
export type PartConfig = Omit<PictureConfig, 'kind' | 'copies' | 'crop' | 'width' | 'height'>;
/** A picture and its mask. */
export type MaskConfig = z.infer<typeof maskSchema>;
/** A deformed patch. */
export type ExemplarConfig = z.infer<typeof exemplarOptionsSchema>;
/** What is hidden of a picture. */
export type HiddenConfig = z.infer<typeof hiddenSchema>;
