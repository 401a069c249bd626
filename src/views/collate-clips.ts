import { float32, type HostTensor, int32 } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import { drawnFrames, type PictureClip, type PictureClipView } from './picture-clip.ts';
import type { PointClip, PointClipView } from './point-clip.ts';
import { joinFloats, stackFloats, stackPointViews, stackTables } from './stack-points.ts';

/**
 * Stacks clips of sweeps to a batch of B: `sweeps/0` and `sweeps/1` (as `stackPointViews` gives them), the first and the last,
 * and `pairs/first` and `pairs/second` with `rows` int32 and `weights` float32 [B·most·perPair] (rows count through the stacked
 * places of the first and the last), `pairs/there` and `pairs/moving` float32 [B·most].
 */
export function collatePointClips(clips: readonly PointClip[], config: PointClipView): Tree<HostTensor> {
  const { levels } = config.pointEncoder;
  const places = levels[levels.length - 1].points;
  const sweep = (which: 0 | 1) =>
    stackPointViews(
      clips.map(({ sweeps }) => sweeps[which]),
      config.pointEncoder,
    );
  const side = (which: 'first' | 'second'): Tree<HostTensor> => ({
    rows: stackTables(
      clips.map(({ pairs }) => pairs[which].rows),
      places,
    ),
    weights: rowOf(stackFloats(clips, ({ pairs }) => pairs[which].weights)),
  });
  return {
    sweeps: { 0: sweep(0), 1: sweep(1) },
    pairs: {
      first: side('first'),
      second: side('second'),
      there: rowOf(stackFloats(clips, ({ pairs }) => pairs.there)),
      moving: rowOf(stackFloats(clips, ({ pairs }) => pairs.moving)),
    },
  };
}

/**
 * Stacks clips of n drawn pictures (3 where they are tuples) to a batch of B: `pixels` float32 [n·B, H, W, 3], all that come
 * first first, and `order` int32 [n·B], the place in time of each, `timeS` float32 [n·B], its seconds since its sequence began;
 * and `sequence` int32 [B].
 */
export function collatePictureClips(
  clips: readonly PictureClip[],
  config: PictureClipView,
): Tree<HostTensor> {
  const { width, height } = config.picture;
  const frames = drawnFrames(config);
  const size = width * height * 3;
  const count = clips.length;
  const places = Array.from({ length: frames }, (_, place) => place);
  const pixels = places.flatMap((place) =>
    clips.map((each) => each.pixels.subarray(place * size, (place + 1) * size)),
  );
  const order = places.flatMap((place) => clips.map((each) => each.order[place]));
  const timesS = places.flatMap((place) => clips.map((each) => each.timesS[place]));
  return {
    pixels: float32(joinFloats(pixels), [frames * count, height, width, 3]),
    order: int32(Int32Array.from(order), [order.length]),
    timeS: rowOf(Float32Array.from(timesS)),
    sequence: int32(
      Int32Array.from(clips, ({ sequence }) => sequence),
      [count],
    ),
  };
}

function rowOf(values: Float32Array): HostTensor {
  return float32(values, [values.length]);
}
