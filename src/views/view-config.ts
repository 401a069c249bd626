import type { Need } from '../datasets/open-frames.ts';
import type { PictureInput } from '../encoders/encoder-config.ts';
import type { BoxPairView } from './box-pair.ts';
import type { ImageViewConfig } from './image-view-config.ts';
import type { PictureClipView } from './picture-clip.ts';
import type { PointClipView } from './point-clip.ts';
import type { PointPairView } from './point-pair.ts';
import type { SweepView } from './sweep-view.ts';

/** A view of a picture, and how its colours are scaled for the encoder. */
export type PictureView = ImageViewConfig & Pick<PictureInput, 'colours'>;

/** What is drawn of a frame: plain data, all that a worker thread needs to know. */
export type ViewConfig =
  | PointPairView
  | PictureView
  | PointClipView
  | PictureClipView
  | BoxPairView
  | SweepView;

/** Views by name. */
export type Views = { readonly [name: string]: ViewConfig };

/** What has to be there of a frame for all of these views to be drawn. */
export function needsOf(views: Views): readonly Need[] {
  const all = Object.values(views);
  const points = all.some(({ kind }) => kind === 'point-pair' || kind === 'point-clip' || kind === 'sweep');
  const image = takesPixels(views) || all.some((view) => view.kind === 'sweep' && view.points.cropToImage);
  return [...(image ? ['image' as const] : []), ...(points ? ['points' as const] : [])];
}

/** Whether any of these views shows pixels; others may need to know what the camera sees. */
export function takesPixels(views: Views): boolean {
  return Object.values(views).some(({ kind }) => kind !== 'point-clip' && kind !== 'sweep');
}
