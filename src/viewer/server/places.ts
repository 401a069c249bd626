import type { Frame } from '../../datasets/frame.ts';
import type { EncodersConfig, PictureInput } from '../../encoders/encoder-config.ts';
import { float32, type HostTensor, int32 } from '../../engine/host-tensor.ts';
import { Random } from '../../engine/random.ts';
import type { Tree } from '../../engine/tree.ts';
import { type ImageSize, type ImageView, unmapPixels } from '../../image/image-view.ts';
import { nearestNeighbors } from '../../pointcloud/nearest-neighbors.ts';
import { gatherRows } from '../../pointcloud/point-rows.ts';
import { cellGrid, placesView } from '../../training/export-features.ts';
import { drawCanvas, paintCanvas } from '../../views/canvas.ts';
import { drawPlaces } from '../../views/point-pair.ts';
import { joinFloats, stackPointViews } from '../../views/stack-points.ts';
import type { PlacesTable } from '../protocol.ts';
import type { Encoders } from './encoders.ts';
import { type Features, stackFeatures } from './features.ts';
import { pixelsOf } from './pixels-of.ts';

/** Where a frame's features lie, and what the encoders are given to make them. */
export interface Places {
  readonly table: PlacesTable;
  /** The views whose last centres the places are, one after the other; none without a point encoder. */
  readonly views: readonly Tree<HostTensor>[];
  /** A batch with the picture; undefined without an image encoder. */
  readonly picture: Tree<HostTensor> | undefined;
  /** Of each cell, 1 where it looks at the picture and not at what the canvas has beside it alone. */
  readonly cellsOnPicture: Uint8Array;
}

/** The features of all places and cells of a frame, in the order of their numbers; of no row where there is no such encoder. */
export interface FrameFeatures {
  readonly within: Features;
  readonly across: Features;
  readonly cells: Features;
  /** Whether `across` and `cells` lie in one space, in which a place and a cell can be compared. */
  readonly common: boolean;
}

/** Samples of a frame; the two views of each are of the same points, but have other centres. */
const draws = 2;

/** Places that a point takes its feature from. */
const nearestCount = 3;

/** Stands for no place. */
const none = 0xffff;

/**
 * Draws the places of a frame: four views of it as it is, so that nearly every point in the encoder's range has one near,
 * and the whole picture on the image encoder's canvas.
 * A point takes features from places up to half of the last level's farthest radius away, which makes it part of what
 * those have looked at. Throws an InputError where the encoder's range has none of its points.
 */
export function placesOf(
  frame: Frame,
  { encoders, drawnBy }: { readonly encoders: EncodersConfig; readonly drawnBy: string },
): Places {
  const { points, image } = encoders;
  const drawn =
    points === undefined
      ? []
      : Array.from({ length: draws }, (_, draw) =>
          drawPlaces(frame, Random.fromSeed(`places ${frame.id} ${draw}`), placesView(encoders)),
        );
  const views = drawn.flatMap(({ alpha, beta }) => [alpha, beta]);
  // At most 4 · 11,585, as a sample cannot be matched with more: numbers of places fit into 16 bits.
  const places = joinFloats(views.map(({ centers }) => centers));
  const reachM = points === undefined ? 0 : Math.max(...points.levels[points.levels.length - 1].radii) / 2;
  const picture = image && pictureOn(frame, image.input, drawn[0]?.alpha.centers);
  const { columns, rows } = cellGrid(encoders);
  const cells = picture && cellsOf({ columns, rows }, image.input, picture.view);
  return {
    table: {
      info: { id: frame.id, cellColumns: columns, cellRows: rows, reachM, drawnBy },
      arrays: {
        places,
        pixels: pixelsOf(places, frame.cameras[0]),
        cellPixels: cells?.pixels ?? new Float32Array(0),
        ...interpolation(frame.points, places, reachM),
      },
    },
    views: points === undefined ? [] : views.map((view) => stackPointViews([view], points)),
    picture: picture?.batch,
    cellsOnPicture: cells?.onPicture ?? new Uint8Array(0),
  };
}

/** The whole picture on a canvas as a batch of one; where there are places, with room for the cells around each. */
function pictureOn(
  { id, cameras: [camera] }: Frame,
  input: PictureInput,
  centers: Float32Array | undefined,
): { readonly view: ImageView; readonly batch: Tree<HostTensor> } {
  const view = drawCanvas(camera.image, Random.fromSeed(`picture ${id}`), { input });
  const image = float32(paintCanvas(camera.image, view, input), [1, input.height, input.width, 3]);
  if (centers === undefined) return { view, batch: { image } };
  // Cells are asked for in their own right: nothing is sampled at the places.
  const corners = (4 * centers.length) / 3;
  const cells = int32(new Int32Array(corners), [corners]);
  return { view, batch: { image, cells, cellWeights: float32(new Float32Array(corners), [corners]) } };
}

/** What a model says of a frame's places and cells; `onRun` hears how many views, the picture among them, are done. */
export async function featuresOf(
  { views, picture }: Places,
  encoders: Encoders,
  onRun: (done: number, total: number) => void = () => {},
): Promise<FrameFeatures> {
  const each = [];
  const total = views.length + (picture === undefined ? 0 : 1);
  for (const view of views) {
    onRun(each.length, total);
    each.push(await encoders.placesOf(view));
  }
  if (picture !== undefined) onRun(each.length, total);
  const nothing: Features = { width: 1, rows: new Float32Array(0) };
  return {
    within: each.length === 0 ? nothing : stackFeatures(each.map(({ within }) => within)),
    across: each.length === 0 ? nothing : stackFeatures(each.map(({ across }) => across)),
    cells: picture === undefined ? nothing : (await encoders.pictureOf(picture)).cells,
    common: encoders.common,
  };
}

/**
 * For each point (rows of 4 numbers that begin with x, y, z) its three nearest places (rows of x, y, z) and their weights,
 * 1/distance each, as parts of 255; no place and no weight for a point whose nearest place is farther than `reachM`, and
 * for one that is not finite.
 */
export function interpolation(
  points: Float32Array,
  places: Float32Array,
  reachM: number,
): { readonly nearest: Uint16Array<ArrayBuffer>; readonly weights: Uint8Array<ArrayBuffer> } {
  const count = points.length / 4;
  const nearest = new Uint16Array(nearestCount * count).fill(none);
  const weights = new Uint8Array(nearestCount * count);
  if (places.length === 0) return { nearest, weights };
  const finite: number[] = [];
  for (let i = 0; i < count; i++) {
    if (Number.isFinite(points[4 * i] + points[4 * i + 1] + points[4 * i + 2])) finite.push(i);
  }
  const { indices, squaredDistances } = nearestNeighbors(places, gatherRows(points, finite), {
    count: nearestCount,
    queryStride: 4,
  });
  finite.forEach((point, n) => {
    const from = nearestCount * n;
    if (squaredDistances[from] > reachM ** 2) return;
    // A place within a micrometre is as near as can be.
    const [first, second, third] = [0, 1, 2].map(
      (k) => 1 / Math.max(1e-6, Math.sqrt(squaredDistances[from + k])),
    );
    const share = (weight: number) => Math.round((255 * weight) / (first + second + third));
    nearest.set(indices.subarray(from, from + nearestCount), nearestCount * point);
    weights.set([255 - share(second) - share(third), share(second), share(third)], nearestCount * point);
  });
  return { nearest, weights };
}

/**
 * The centres of the cells on the frame's own picture (rows of x, y): column i of w lies at i·W/(w − 1) of a canvas that
 * is W wide, as `bilinearCorners` has it, and a single one in the middle. A cell looks at the picture where its centre is
 * no farther outside than half of a cell.
 */
export function cellsOf(
  { columns, rows }: { readonly columns: number; readonly rows: number },
  canvas: ImageSize,
  view: ImageView,
): { readonly pixels: Float32Array<ArrayBuffer>; readonly onPicture: Uint8Array<ArrayBuffer> } {
  const centre = (cell: number, cells: number, length: number) =>
    cells === 1 ? length / 2 : (cell * length) / (cells - 1);
  const onCanvas = new Float32Array(2 * columns * rows);
  const onPicture = new Uint8Array(columns * rows);
  for (let cell = 0; cell < columns * rows; cell++) {
    const x = centre(cell % columns, columns, canvas.width);
    const y = centre(Math.floor(cell / columns), rows, canvas.height);
    onCanvas.set([x, y], 2 * cell);
    const near = x < view.width + canvas.width / columns / 2 && y < view.height + canvas.height / rows / 2;
    onPicture[cell] = near ? 1 : 0;
  }
  return { pixels: unmapPixels(view, onCanvas) as Float32Array<ArrayBuffer>, onPicture };
}
