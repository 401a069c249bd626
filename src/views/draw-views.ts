import type { DataSelection } from '../datasets/data-selection.ts';
import type { Frame } from '../datasets/frame.ts';
import { type SampleSource, type SourceReference, sourceBeside } from '../datasets/loader-source.ts';
import { openFrames } from '../datasets/open-frames.ts';
import { rememberPictures } from '../datasets/remembered-pictures.ts';
import { Stopwatch } from '../datasets/stopwatch.ts';
import type { Random } from '../engine/random.ts';
import { normalizeImage } from '../image/normalize-image.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { normalizationOf } from './canvas.ts';
import { drawMasked, drawPatches, drawPicture } from './draw-image-views.ts';
import type { DrawnSample, DrawnView } from './drawn-view.ts';
import { drawPointPair } from './point-pair.ts';
import { joinFloats } from './stack-points.ts';
import { needsOf, type PictureView, type ViewConfig, type Views } from './view-config.ts';

/** Which views of which frames. */
export interface ViewSourceOptions {
  readonly data: DataSelection;
  readonly views: Views;
}

/** The factory of these views, for worker threads to import. */
export function viewSourceReference(options: ViewSourceOptions): SourceReference {
  return sourceBeside(import.meta.url, { name: 'draw-views', export: 'viewSource', options });
}

/** Draws the views of the frames of a selection; labels are neither needed nor read, nor sweeps where no view has points. */
export async function viewSource({ data, views }: ViewSourceOptions): Promise<SampleSource<DrawnSample>> {
  const needs = needsOf(views);
  const frames = await openFrames(data, needs);
  const pictureOf = rememberPictures(frames);
  return {
    length: frames.length,
    ids: frames.ids,
    sample: async (index, random, _epoch, stopwatch) => {
      const frame = needs.includes('points') ? await frames.frame!(index, stopwatch) : undefined;
      const picture = frame?.cameras[0].image ?? (await pictureOf(index, stopwatch));
      const drawn = Object.entries(views).map(([name, view]) => [
        name,
        drawView({ frame, picture }, view, { name, random, stopwatch }),
      ]);
      return { id: frames.ids[index], index, views: Object.fromEntries(drawn) };
    },
  };
}

/** Draws one view. A pair of point views takes the sample's own random numbers, views of pictures those of their names. */
export function drawView(
  { frame, picture }: { readonly frame: Frame | undefined; readonly picture: RgbImage },
  view: ViewConfig,
  {
    name,
    random,
    stopwatch = new Stopwatch(),
  }: { readonly name: string; readonly random: Random; readonly stopwatch?: Stopwatch },
): DrawnView {
  if (view.kind === 'point-pair') return drawPointPair(frame!, random, view, stopwatch);
  const drawn = drawPictureView(picture, view, random.fork('view', name));
  stopwatch.lap('augment');
  return drawn;
}

function drawPictureView(picture: RgbImage, view: PictureView, random: Random): DrawnView {
  const normalized = (image: RgbImage) => normalizeImage(image, normalizationOf(view));
  switch (view.kind) {
    case 'picture': {
      const copies = drawPicture(picture, view, random);
      return {
        kind: 'picture',
        pixels: joinFloats(copies.map(({ image }) => normalized(image))),
        steps: copies.map((copy) => copy.view),
      };
    }
    case 'patches': {
      const pairs = drawPatches(picture, view, random);
      const side = (which: 'first' | 'second') =>
        joinFloats(pairs.map((pair) => normalized(pair[which].image)));
      return {
        kind: 'patches',
        first: side('first'),
        second: side('second'),
        labels: Int32Array.from(pairs, ({ label }) => label),
        steps: pairs.map(({ first, second }) => ({ first: first.view, second: second.view })),
      };
    }
    case 'mask': {
      const { image, view: steps, mask } = drawMasked(picture, view, random);
      return { kind: 'mask', pixels: normalized(image), mask: Float32Array.from(mask), steps };
    }
  }
}
