import type { Need } from '../datasets/open-frames.ts';
import type { PictureInput } from '../encoders/encoder-config.ts';
import type { BoxPairView } from './box-pair.ts';
import type { ImageViewConfig } from './image-view-config.ts';
import type { PictureClipView } from './picture-clip.ts';
import type { PointClipView } from './point-clip.ts';
import type { PointPairView } from './point-pair.ts';

/** A view of a picture, and how its colours are scaled for the encoder. */
export type PictureView = ImageViewConfig & Pick<PictureInput, 'colours'>;

/** What is drawn of a frame: plain data, all that a worker thread needs to know. */
export type ViewConfig = PointPairView | PictureView | PointClipView | PictureClipView | BoxPairView;

/** Views by name. */
export type Views = { readonly [name: string]: ViewConfig };

/** What has to be there of a frame for all of these views to be drawn. */
export function needsOf(views: Views): readonly Need[] {
  const kinds = Object.values(views).map(({ kind }) => kind);
  const points = kinds.some((kind) => kind === 'point-pair' || kind === 'point-clip');
  const image = kinds.some((kind) => kind !== 'point-clip');
  return [...(image ? ['image' as const] : []), ...(points ? ['points' as const] : [])];
}
