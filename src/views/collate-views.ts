import { float32, type HostTensor, int32 } from '../engine/host-tensor.ts';
import { leavesOf, type Tree, treeOf } from '../engine/tree.ts';
import type { DrawnBoxPair } from './box-pair.ts';
import { collatePictureClips, collatePointClips } from './collate-clips.ts';
import { collatePointPairs } from './collate-point-pairs.ts';
import { collateSweeps } from './collate-sweeps.ts';
import type {
  DrawnExemplar,
  DrawnMask,
  DrawnPatches,
  DrawnPictures,
  DrawnSample,
  DrawnView,
} from './drawn-view.ts';
import type { PictureClip } from './picture-clip.ts';
import type { PointClip } from './point-clip.ts';
import type { PointPair } from './point-pair.ts';
import { joinFloats, stackFloats } from './stack-points.ts';
import type { DrawnSweep } from './sweep-view.ts';
import type { ViewConfig, Views } from './view-config.ts';

/**
 * Samples as a batch of B: under each view's name what its kind has (names with `/` are branches), and `index` int32 [B],
 * the places of the frames in the selection. A pair of point views has what `collatePointPairs` gives, clips have what `collatePointClips` and `collatePictureClips` give, a sweep what `collateSweeps` gives; a picture is float32
 * [copies·B, H, W, 3], all first copies first, and so is a patch that stands for its picture; patches are `first` and `second` float32 [B·pairs, S, S, 3] and `label`
 * int32 [B·pairs]; two boxes are `first` and `second` float32 [B, H, W, 3]; a mask is `image` float32 [B, H, W, 3] and `mask` float32 [B, H, W].
 */
export function collateViews(samples: readonly DrawnSample[], views: Views): Tree<HostTensor> {
  const batch = Object.entries(views).map(([name, view]) => {
    const drawn = samples.map((sample) => sample.views[name]);
    return [name, collateView(drawn, view)] as const;
  });
  const index = int32(
    Int32Array.from(samples, (sample) => sample.index),
    [samples.length],
  );
  return { ...treeOf(leavesOf<HostTensor>(Object.fromEntries(batch))), index };
}

function collateView(drawn: readonly DrawnView[], view: ViewConfig): HostTensor | Tree<HostTensor> {
  const count = drawn.length;
  switch (view.kind) {
    case 'point-pair':
      return collatePointPairs(drawn as readonly PointPair[], view);
    case 'point-clip':
      return collatePointClips(drawn as readonly PointClip[], view);
    case 'picture-clip':
      return collatePictureClips(drawn as readonly PictureClip[], view);
    case 'sweep':
      return collateSweeps(drawn as readonly DrawnSweep[], view);
    case 'picture':
    case 'exemplar': {
      const { copies = 1 } = view;
      const { width, height } = view.kind === 'picture' ? view : { width: view.size, height: view.size };
      const size = width * height * 3;
      const pictures = drawn as ReadonlyArray<DrawnPictures | DrawnExemplar>;
      const inOrder = Array.from({ length: copies }, (_, copy) =>
        pictures.map(({ pixels }) => pixels.subarray(copy * size, (copy + 1) * size)),
      );
      return float32(joinFloats(inOrder.flat()), [copies * count, height, width, 3]);
    }
    case 'patches': {
      const pairs = drawn as readonly DrawnPatches[];
      const labels = pairs.flatMap((each) => [...each.labels]);
      const shape = [labels.length, view.size, view.size, 3];
      return {
        first: float32(
          stackFloats(pairs, ({ first }) => first),
          shape,
        ),
        second: float32(
          stackFloats(pairs, ({ second }) => second),
          shape,
        ),
        label: int32(labels, [labels.length]),
      };
    }
    case 'box-pair': {
      const pairs = drawn as readonly DrawnBoxPair[];
      const shape = [count, view.height, view.width, 3];
      const side = (which: 'first' | 'second') =>
        float32(
          stackFloats(pairs, (pair) => pair[which]),
          shape,
        );
      return { first: side('first'), second: side('second') };
    }
    case 'mask': {
      const { width, height } = view;
      const masks = drawn as readonly DrawnMask[];
      return {
        image: float32(
          stackFloats(masks, ({ pixels }) => pixels),
          [count, height, width, 3],
        ),
        mask: float32(
          stackFloats(masks, ({ mask }) => mask),
          [count, height, width],
        ),
      };
    }
  }
}
