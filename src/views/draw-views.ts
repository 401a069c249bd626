import type { DataSelection } from '../datasets/data-selection.ts';
import type { Frame } from '../datasets/frame.ts';
import { type SampleSource, type SourceReference, sourceBeside } from '../datasets/loader-source.ts';
import type { Frames } from '../datasets/open-frames.ts';
import { Recent } from '../datasets/recent.ts';
import { rememberPictures } from '../datasets/remembered-pictures.ts';
import { Stopwatch } from '../datasets/stopwatch.ts';
import { InputError } from '../engine/input-error.ts';
import type { Random } from '../engine/random.ts';
import { normalizeImage } from '../image/normalize-image.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { type ClusterBox, clusterBoxes } from '../pointcloud/segments/cluster-boxes.ts';
import { drawBoxPair } from './box-pair.ts';
import { normalizationOf } from './canvas.ts';
import { type Correspondences, pictureCount } from './correspondences.ts';
import { drawExemplar } from './draw-exemplar.ts';
import { drawMasked, drawPatches, drawPicture } from './draw-image-views.ts';
import type { DrawnSample, DrawnView } from './drawn-view.ts';
import { openViewFrames } from './open-view-frames.ts';
import { drawClipOrder, drawPictureClip } from './picture-clip.ts';
import { drawPointClip, type PosedSweep } from './point-clip.ts';
import { drawPointPair, type PointPairView } from './point-pair.ts';
import type { SeenSweep } from './points-in-view.ts';
import { rememberSweeps } from './remembered-sweeps.ts';
import { joinFloats } from './stack-points.ts';
import { drawSweep } from './sweep-view.ts';
import { needsOf, type PictureView, type Views } from './view-config.ts';

/** Which views of which frames. */
export interface ViewSourceOptions {
  readonly data: DataSelection;
  readonly views: Views;
  /** The boxes of all pictures of the data set, where views are drawn of them. */
  readonly correspondences?: Correspondences;
}

/** As many boxes of clusters are kept, of the frames that were drawn last: some twenty a frame. */
const mostBoxes = 200_000;

/** A view that is drawn of one frame alone. */
type SingleView = PointPairView | PictureView;

/** The factory of these views, for worker threads to import. */
export function viewSourceReference(options: ViewSourceOptions): SourceReference {
  return sourceBeside(import.meta.url, { name: 'draw-views', export: 'viewSource', options });
}

/** Draws the views of the frames of a selection; labels are neither needed nor read, nor sweeps where no view has points. */
export async function viewSource({
  data,
  views,
  correspondences,
}: ViewSourceOptions): Promise<SampleSource<DrawnSample>> {
  const frames = await openViewFrames(data, views);
  const { whole } = frames;
  if (Object.values(views).some(({ kind }) => kind === 'box-pair'))
    requireCorrespondences(data, whole, correspondences);
  const pictureOf = rememberPictures(whole);
  const sweepOf = rememberSweeps(whole);
  const kinds = new Set(Object.values(views).map(({ kind }) => kind));
  const boxes = new Recent<readonly ClusterBox[]>(mostBoxes, (found) => found.length + 1);
  // Without pictures there are frames without pixels, and without a camera sweeps alone.
  const isSeen = needsOf(views).includes('image');
  const readSweep = async (index: number, stopwatch?: Stopwatch): Promise<SeenSweep> =>
    isSeen
      ? await (frames.pointFrame ?? frames.frame!)(index, stopwatch)
      : { id: frames.ids[index], points: await frames.sweep!(index, stopwatch) };
  return {
    length: frames.length,
    ids: frames.ids,
    sample: async (index, random, _epoch, stopwatch) => {
      const frame = kinds.has('point-pair') ? await frames.frame!(index, stopwatch) : undefined;
      // Several views of a frame share what is read of it.
      let picture: RgbImage | undefined;
      let seen: SeenSweep | undefined = frame;
      const drawn: { [name: string]: DrawnView } = {};
      for (const [name, view] of Object.entries(views)) {
        const how = { name, random, stopwatch };
        if (view.kind === 'point-clip' || view.kind === 'picture-clip') {
          const clip = frames.clip(name, index, random.fork('clip', name));
          const own = random.fork('view', name);
          if (view.kind === 'point-clip') {
            const sweeps: PosedSweep[] = [];
            for (const moment of clip) sweeps.push(await sweepOf(moment, stopwatch));
            drawn[name] = drawPointClip(sweeps, own, view, stopwatch);
          } else {
            const pictures: Array<RgbImage | undefined> = [];
            for (const moment of drawClipOrder(view, own))
              pictures[moment] = await pictureOf(clip[moment], stopwatch);
            drawn[name] = drawPictureClip({ pictures, ...timesOf(whole, clip) }, own, view);
            stopwatch.lap('augment');
          }
        } else if (view.kind === 'box-pair') {
          const from = { index: frames.numberInWhole(index), correspondences: correspondences! };
          const read = (number: number) => pictureOf(number, stopwatch);
          drawn[name] = await drawBoxPair(from, read, random.fork('view', name), view);
          stopwatch.lap('augment');
        } else if (view.kind === 'sweep') {
          seen ??= await readSweep(index, stopwatch);
          const { points } = seen;
          const found = view.boxes && (await boxes.get(`${index}`, async () => clusterBoxes(points)));
          stopwatch.lap('pair');
          drawn[name] = drawSweep(seen, random.fork('view', name), view, { boxes: found, stopwatch });
        } else {
          picture ??= frame?.cameras[0].image ?? (await pictureOf(frames.numberInWhole(index), stopwatch));
          drawn[name] = drawView({ frame, picture }, view, how);
        }
      }
      return { id: frames.ids[index], index, views: drawn };
    },
  };
}

/** Throws an InputError where there are no boxes, or those of another number of pictures. */
function requireCorrespondences({ root }: DataSelection, { length }: Frames, given?: Correspondences): void {
  const found = given === undefined ? 'none' : `those of ${pictureCount(given)}`;
  if (given !== undefined && pictureCount(given) === length) return;
  throw new InputError({ file: root, expected: `boxes of its ${length} pictures`, found });
}

/** The sequence of a clip, and the times of its frames. */
function timesOf({ sequences, place }: Frames, clip: readonly number[]) {
  const { sequence } = place(clip[0]);
  const { moments } = sequences[sequence];
  return { sequence, timesS: clip.map((index) => moments[place(index).moment].timeS!) };
}

/** Draws one view of a single frame. A pair of point views takes the sample's own random numbers, views of pictures those of their names. */
export function drawView(
  { frame, picture }: { readonly frame: Frame | undefined; readonly picture: RgbImage },
  view: SingleView,
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
    case 'exemplar':
      return {
        kind: 'exemplar',
        pixels: joinFloats(drawExemplar(picture, view, random).map(normalized)),
      };
    case 'mask': {
      const { image, view: steps, mask } = drawMasked(picture, view, random);
      return { kind: 'mask', pixels: normalized(image), mask: Float32Array.from(mask), steps };
    }
  }
}
