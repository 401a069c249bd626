import type * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import type { ResNetStage } from '../image/resnet.ts';
import type { BatchNormOptions } from '../nn/batch-norm.ts';
import type { Initialized, Mode } from '../nn/layer.ts';

type Tensors = Tree<tf.Tensor>;

/** The options of a batch norm. */
export const batchNormSchema = z.strictObject({
  eps: z.number().positive(),
  momentum: z.number().min(0).max(1),
});

/** What the options of every kind of image encoder have. */
export interface AnyImageEncoder {
  readonly kind?: string;
  /** Of the encoder, and of heads over it; where an encoder has no batch norms, of the heads alone. */
  readonly batchNorm: BatchNormOptions;
}

/** The size of pictures, pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** What an image encoder makes of pictures. */
export interface ImageFeatures {
  /** Maps [B, C, h, w] of the stages that were wanted, of `c5` the last one; an encoder without stages has `c5` alone. */
  readonly features: { readonly [stage in ResNetStage]?: tf.Tensor };
  /** One row a picture [B, C]. */
  readonly pooled: tf.Tensor;
  /** The next running statistics. */
  readonly stats: Tensors;
}

/** Where a configuration cannot be right: the path below the encoder, what was expected there, and what was found. */
export interface ImageEncoderFault {
  readonly path: readonly string[];
  readonly message: string;
}

/** Libraries whose names encoders are written out and read under. */
export const libraries = ['torchvision', 'timm'] as const;

/** A library that has networks of a kind, in PyTorch. */
export type Library = (typeof libraries)[number];

/** How a library has the networks of a kind. */
export interface LibraryForm<Options> {
  /** The library's name of a tensor, by its path below the encoder. Matrices are [outputs, inputs] there. */
  name(path: string): string;
  /** What the library's network has beside our tensors: fixed positions, the zeros of a classifier that we have none of. */
  beside(encoder: Options & { readonly input?: PictureSize }): Readonly<Record<string, HostTensor>>;
  /** Python that makes the `model` which takes the tensors. Throws an InputError where the library has none. */
  python(encoder: Options & { readonly input?: PictureSize }): readonly string[];
}

/** A kind of image encoder: its options, its sizes, how it begins, and what it makes of pictures. */
export interface ImageKind<Options extends AnyImageEncoder = AnyImageEncoder> {
  /** The value of `kind` in configurations. */
  readonly kind: string;
  readonly schema: z.ZodType<Options>;
  /** Whether it gives maps at strides of 4, 8, 16 and 32, which detectors need. */
  readonly isPyramid: boolean;
  /** Its name in sentences, such as `ResNet-18`. */
  title(encoder: Options): string;
  /** The channels of a stage's maps; those of `c5` are also the length of a row. */
  channels(encoder: Options, stage: ResNetStage): number;
  /** Pixels between two cells of the last maps. */
  stride(encoder: Options): number;
  /** What is wrong with the options, and with this canvas for them. */
  faults(encoder: Options, canvas: PictureSize): readonly ImageEncoderFault[];
  /** How it begins, for a canvas where it is known, up to the last stage that is wanted. */
  initialize(
    random: Random,
    encoder: Options & { readonly input?: PictureSize },
    stages: readonly ResNetStage[],
  ): Initialized;
  /** The names of its tensors elsewhere. */
  readonly elsewhere: { readonly [library in Library]?: LibraryForm<Options> };
  /** Features of images [B, H, W, 3]; the first `frozenStages` stages get no gradient. */
  encode(
    model: { readonly params: Tensors; readonly stats: Tensors },
    images: tf.Tensor,
    how: Mode & {
      readonly encoder: Options & { readonly input?: PictureSize };
      readonly stages: readonly ResNetStage[];
      readonly frozenStages?: number;
    },
  ): ImageFeatures;
}

/** The faults of a canvas whose sides are no multiples of what is needed. */
export function sideFaults({ width, height }: PictureSize, side: number): ImageEncoderFault[] {
  return Object.entries({ width, height }).flatMap(([name, pixels]) =>
    pixels % side === 0 ? [] : [{ path: ['input', name], message: `expected a multiple of ${side}` }],
  );
}
