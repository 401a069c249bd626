import type { Need } from '../datasets/open-frames.ts';
import type { PointPairView } from './point-pair.ts';

/** What is drawn of a frame: plain data, all that a worker thread needs to know. */
export type ViewConfig = PointPairView;

/** Views by name. */
export type Views = { readonly [name: string]: ViewConfig };

/** What has to be there of a frame for a view to be drawn. */
export function needsOf(views: Views): readonly Need[] {
  const points = Object.values(views).some(({ kind }) => kind === 'point-pair');
  return points ? ['image', 'points'] : ['image'];
}
