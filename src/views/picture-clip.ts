import type { ClipOptions } from '../datasets/clips.ts';
import type { PictureInput } from '../encoders/encoder-config.ts';
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
}

/** The pictures of a clip in the order of their times, and where they come from. */
export interface ClipPictures {
  readonly pictures: readonly RgbImage[];
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
  /** int32 [frames]: the place in time of each picture, 0 for the earliest. */
  readonly order: Int32Array;
  /** What was done to each. */
  readonly steps: readonly ImageView[];
}

/** Draws the pictures of a clip, each with random numbers of its own. */
export function drawPictureClip(
  { pictures, sequence, timesS }: ClipPictures,
  random: Random,
  config: PictureClipView,
): PictureClip {
  const { picture, shuffled = false } = config;
  const inTime = Int32Array.from(pictures, (_, moment) => moment);
  const order = shuffled ? random.fork('order').permutation(pictures.length) : inTime;
  const drawn = Array.from(order, (moment) => {
    const [only] = drawPicture(
      pictures[moment],
      { kind: 'picture', ...picture },
      random.fork('moment', moment),
    );
    return only;
  });
  return {
    kind: 'picture-clip',
    sequence,
    timesS: Float32Array.from(order, (moment) => timesS[moment]),
    pixels: joinFloats(drawn.map(({ image }) => normalizeImage(image, normalizationOf(config)))),
    order: Int32Array.from(order),
    steps: drawn.map(({ view }) => view),
  };
}
