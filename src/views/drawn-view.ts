import type { ImageView } from '../image/image-view.ts';
import type { DrawnBoxPair } from './box-pair.ts';
import type { PictureClip } from './picture-clip.ts';
import type { PointClip } from './point-clip.ts';
import type { PointPair } from './point-pair.ts';
import type { DrawnSweep } from './sweep-view.ts';

/** Pictures that were drawn of one, and the steps that made each. */
export interface DrawnPictures {
  readonly kind: 'picture';
  /** float32 [copies·H·W·3], normalised. */
  readonly pixels: Float32Array;
  readonly steps: readonly ImageView[];
}

/** Pairs of patches of a picture. */
export interface DrawnPatches {
  readonly kind: 'patches';
  /** float32 [pairs·S·S·3] each, normalised. */
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** Where the second lies as seen from the first, int32 [pairs]. */
  readonly labels: Int32Array;
  readonly steps: ReadonlyArray<{ readonly first: ImageView; readonly second: ImageView }>;
}

/** A picture and what is hidden of it. */
export interface DrawnMask {
  readonly kind: 'mask';
  /** float32 [H·W·3], normalised, nothing hidden. */
  readonly pixels: Float32Array;
  /** float32 [H·W]: 1 where it is hidden. */
  readonly mask: Float32Array;
  readonly steps: ImageView;
}

/** Deformed copies of a patch that stands for its picture. */
export interface DrawnExemplar {
  readonly kind: 'exemplar';
  /** float32 [copies·S·S·3], normalised. */
  readonly pixels: Float32Array;
}

/** One view as it was drawn, of the form that its kind has. */
export type DrawnView =
  | PointPair
  | DrawnPictures
  | DrawnPatches
  | DrawnMask
  | DrawnExemplar
  | PointClip
  | PictureClip
  | DrawnBoxPair
  | DrawnSweep;

/** What was drawn of one frame: its views by name. */
export interface DrawnSample {
  readonly id: string;
  /** The frame's place in the selection. */
  readonly index: number;
  readonly views: { readonly [name: string]: DrawnView };
}
