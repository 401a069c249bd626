import type { DataSelection } from '../datasets/data-selection.ts';
import { type SampleSource, type SourceReference, sourceBeside } from '../datasets/loader-source.ts';
import { openFrames } from '../datasets/open-frames.ts';
import { Stopwatch } from '../datasets/stopwatch.ts';
import type { Random } from '../engine/random.ts';
import { drawPointPair, type PointPair } from './point-pair.ts';
import { needsOf, type ViewConfig, type Views } from './view-config.ts';

/** What was drawn of one frame: its views by name. */
export interface DrawnSample {
  readonly id: string;
  /** The frame's place in the selection. */
  readonly index: number;
  readonly views: { readonly [name: string]: DrawnView };
}

/** One view as it was drawn, of the form that its kind has. */
export type DrawnView = PointPair;

/** Which views of which frames. */
export interface ViewSourceOptions {
  readonly data: DataSelection;
  readonly views: Views;
}

/** The factory of these views, for worker threads to import. */
export function viewSourceReference(options: ViewSourceOptions): SourceReference {
  return sourceBeside(import.meta.url, { name: 'draw-views', export: 'viewSource', options });
}

/** Draws the views of the frames of a selection; labels are neither needed nor read. */
export async function viewSource({ data, views }: ViewSourceOptions): Promise<SampleSource<DrawnSample>> {
  const needs = needsOf(views);
  const frames = await openFrames(data, needs);
  return {
    length: frames.length,
    ids: frames.ids,
    sample: async (index, random, _epoch, stopwatch) => {
      const frame = await frames.frame!(index, stopwatch);
      const drawn = Object.entries(views).map(([name, view]) => [
        name,
        drawView(frame, view, { name, random, stopwatch }),
      ]);
      return { id: frames.ids[index], index, views: Object.fromEntries(drawn) };
    },
  };
}

/** Draws one view of a frame. A pair of points takes the sample's own random numbers, pictures those of their names. */
export function drawView(
  frame: Parameters<typeof drawPointPair>[0],
  view: ViewConfig,
  {
    random,
    stopwatch = new Stopwatch(),
  }: { readonly name: string; readonly random: Random; readonly stopwatch?: Stopwatch },
): DrawnView {
  return drawPointPair(frame, random, view, stopwatch);
}
