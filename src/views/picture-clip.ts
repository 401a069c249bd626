import type { ClipOptions } from '../datasets/clips.ts';
import type { PictureInput } from '../encoders/encoder-config.ts';
import { InputError } from '../engine/input-error.ts';
import type { Random } from '../engine/random.ts';
import type { ImageView } from '../image/image-view.ts';
import { normalizeImage } from '../image/normalize-image.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { normalizationOf } from './canvas.ts';
import { drawPicture } from './draw-image-views.ts';
import type { PictureConfig } from './image-view-config.ts';
import { joinFloats } from './stack-points.ts';

/** How several pictures of a drive are drawn: plain data. */
export interface PictureClipView extends Pick<PictureInput, 'colours'> {
  readonly kind: 'picture-clip';
  readonly clip: Omit<ClipOptions, 'posed'>;
  /** How each picture is drawn, with random numbers of its own: a crop and colours of its own betray no order. */
  readonly picture: Omit<PictureConfig, 'kind' | 'copies'>;
  /** Whether the pictures come in a random order instead of that of their times. */
  readonly shuffled?: boolean;
  /**
   * Three of the five pictures a, b, c, d, e of a clip instead of all (Misra et al. 2016): (b, c, d), or with the probability
   * `outOfOrder` one of (b, a, d) and (b, e, d), as likely as the other; either from behind as often as not.
   */
  readonly tuple?: { readonly outOfOrder: number };
}

/** The pictures of a clip in the order of their times, and where they come from. */
export interface ClipPictures {
  /** Those that `drawClipOrder` leaves out may be absent. */
  readonly pictures: ReadonlyArray<RgbImage | undefined>;
  /** The number of their sequence in the data set. */
  readonly sequence: number;
  /** When each was taken, seconds since the sequence began. */
  readonly timesS: readonly number[];
}

/** Several pictures as they were drawn. */
export interface PictureClip {
  readonly kind: 'picture-clip';
  /** The number of their sequence in the data set. */
  readonly sequence: number;
  /** float32 [frames]: when each was taken, seconds since the sequence began, in the order in which they come. */
  readonly timesS: Float32Array;
  /** float32 [frames·H·W·3], normalised, in the order in which they come. */
  readonly pixels: Float32Array;
  /** int32 [frames]: the place in time of each picture in the clip, 0 for the earliest. */
  readonly order: Int32Array;
  /** What was done to each. */
  readonly steps: readonly ImageView[];
}

/** How many pictures are drawn of a clip. */
export function drawnFrames({ clip, tuple }: Pick<PictureClipView, 'clip' | 'tuple'>): number {
  return tuple === undefined ? clip.frames : 3;
}

/** The places in time of the pictures of a clip, in the order in which they come. Throws InputError for tuples of other than 5 frames. */
export function drawClipOrder(config: PictureClipView, random: Random): Int32Array {
  const { shuffled = false, tuple } = config;
  const { frames } = config.clip;
  const own = random.fork('order');
  if (tuple === undefined)
    return shuffled ? own.permutation(frames) : Int32Array.from({ length: frames }, (_, i) => i);
  if (frames !== 5)
    throw new InputError({
      file: 'view',
      place: 'clip.frames',
      expected: '5 for tuples',
      found: `${frames}`,
    });
  const middle = own.chance(tuple.outOfOrder) ? own.pick([0, 4]) : 2;
  const order = [1, middle, 3];
  return Int32Array.from(own.chance(0.5) ? order.reverse() : order);
}

/** Draws the pictures of a clip, each with random numbers of its own. */
export function drawPictureClip(
  { pictures, sequence, timesS }: ClipPictures,
  random: Random,
  config: PictureClipView,
): PictureClip {
  const order = drawClipOrder(config, random);
  const drawn = Array.from(order, (moment) => {
    const own = random.fork('moment', moment);
    const [only] = drawPicture(pictures[moment]!, { kind: 'picture', ...config.picture }, own);
    return only;
  });
  return {
    kind: 'picture-clip',
    sequence,
    timesS: Float32Array.from(order, (moment) => timesS[moment]),
    pixels: joinFloats(drawn.map(({ image }) => normalizeImage(image, normalizationOf(config)))),
    order,
    steps: drawn.map(({ view }) => view),
  };
}
