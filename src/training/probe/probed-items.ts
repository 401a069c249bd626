import { createHash } from 'node:crypto';
import type { DataSelection } from '../../datasets/data-selection.ts';
import { KittiObject } from '../../datasets/kitti-object.ts';
import { openFrames } from '../../datasets/open-frames.ts';
import { InputError } from '../../engine/input-error.ts';
import { Random } from '../../engine/random.ts';
import {
  type FrozenBatches,
  type PictureEncoder,
  pictureBatch,
  type SweepEncoder,
} from '../../evaluation/frozen-features.ts';
import { pointInBox } from '../../geometry/box.ts';
import { normalizeImage } from '../../image/normalize-image.ts';
import type { RgbImage } from '../../image/rgb-image.ts';
import { normalizationOf } from '../../views/canvas.ts';
import { drawPicture } from '../../views/draw-image-views.ts';
import { drawPlaces } from '../../views/point-pair.ts';
import { stackPointViews } from '../../views/stack-points.ts';
import { placesView } from '../export-features.ts';
import { describeDamaged } from '../run/damaged-frames.ts';

/** Labelled items of a split, as a frozen encoder looks at them. */
export interface ProbedItems {
  /** The class of each item. */
  readonly labels: Int32Array;
  readonly classes: readonly string[];
  /** A short name for what the encoder is given: other pictures or points have another. */
  readonly content: string;
  /** All that the encoder computes features of; `rowsOfItems` says which of its rows are the items'. */
  readonly batches: () => FrozenBatches;
  readonly rowsOfItems?: Int32Array;
  /** The pictures on the encoder's canvas, where items are pictures. */
  readonly images?: readonly RgbImage[];
}

/** What is told of frames that were left out. */
export interface LoadOptions {
  readonly say: (line: string) => void;
}

const batchSize = 128;

function contentOf(parts: ReadonlyArray<Uint8Array | Float32Array>): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of parts)
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}

/**
 * The pictures of a folder by class on an encoder's canvas: scaled until they cover it, and their middle taken. Damaged
 * ones are left out and told, or an error where the selection is strict. Throws an InputError for pictures without classes.
 */
export async function loadPictures(
  encoder: PictureEncoder,
  data: DataSelection,
  { say }: LoadOptions,
): Promise<ProbedItems> {
  const frames = await openFrames(data, ['image']);
  if (frames.classes === undefined) {
    const expected = 'pictures sorted into a folder for each class, whose names are the labels';
    throw new InputError({ file: data.root, expected, found: frames.kind });
  }
  const { width, height } = encoder.input;
  const images: RgbImage[] = [];
  const labels: number[] = [];
  const load = async (index: number): Promise<RgbImage | undefined> => {
    try {
      const picture = await frames.picture(index);
      const [drawn] = drawPicture(picture, { kind: 'picture', width, height }, Random.fromSeed('probe'));
      return drawn.image;
    } catch (error) {
      if (data.strict || !(error instanceof InputError)) throw error;
      say(describeDamaged(data.root, error.message));
      return undefined;
    }
  };
  for (let begin = 0; begin < frames.length; begin += batchSize) {
    const indices = Array.from({ length: Math.min(batchSize, frames.length - begin) }, (_, i) => begin + i);
    const loaded = await Promise.all(indices.map(load));
    loaded.forEach((image, i) => {
      if (image === undefined) return;
      images.push(image);
      labels.push(frames.classes!.of[begin + i]);
    });
  }
  return {
    labels: Int32Array.from(labels),
    classes: frames.classes.names,
    images,
    content: contentOf(images.map(({ data }) => data)),
    batches: () => ({ count: images.length, batches: batchesOfPictures(images, encoder) }),
  };
}

async function* batchesOfPictures(images: readonly RgbImage[], encoder: PictureEncoder) {
  for (let begin = 0; begin < images.length; begin += batchSize) {
    const rows = Math.min(batchSize, images.length - begin);
    yield { inputs: canvasBatch(images, encoder, { begin, count: batchSize }), rows };
  }
}

/** Pictures from `begin` on as a batch; after the last one it begins anew, so that every batch is full. */
export function canvasBatch(
  images: readonly RgbImage[],
  encoder: PictureEncoder,
  { begin, count }: { readonly begin: number; readonly count: number },
) {
  const normalization = normalizationOf(encoder.input);
  const chosen = Array.from({ length: count }, (_, i) => images[(begin + i) % images.length]);
  return pictureBatch(
    chosen.map((image) => normalizeImage(image, normalization)),
    encoder,
  );
}

/**
 * The places of labelled objects in sweeps: the last centres of an encoder that lie in the box of an object, under its
 * class. Frames without any are looked at in vain. Throws an InputError where no frame has one.
 */
export async function loadPlaces(
  encoder: SweepEncoder,
  data: DataSelection,
  { say }: LoadOptions,
): Promise<ProbedItems> {
  const { root, ...selection } = data;
  const frames = await KittiObject.open(root, selection);
  const view = placesView({ points: encoder });
  const views: Array<ReturnType<typeof stackPointViews>> = [];
  const sampled: Float32Array[] = [];
  const types: string[] = [];
  const rows: number[] = [];
  const perView = encoder.levels[encoder.levels.length - 1].points;
  for (let index = 0; index < frames.length; index++) {
    try {
      const frame = await frames.frame(index);
      const { alpha } = drawPlaces(frame, Random.fromSeed(`probe ${frame.id}`), view);
      const boxes = (frame.labels ?? []).flatMap(({ type, box3 }) =>
        box3 === undefined ? [] : [{ type, box3 }],
      );
      for (let place = 0; place < perView; place++) {
        const [x, y, z] = alpha.centers.subarray(3 * place, 3 * place + 3);
        const owner = boxes.find(({ box3 }) => pointInBox(box3, x, y, z));
        if (owner === undefined) continue;
        rows.push(views.length * perView + place);
        types.push(owner.type);
      }
      views.push(stackPointViews([alpha], encoder));
      sampled.push(alpha.points);
    } catch (error) {
      if (data.strict || !(error instanceof InputError)) throw error;
      say(describeDamaged(root, error.message));
    }
  }
  if (rows.length === 0) {
    const expected = 'labelled objects with places of the encoder in their boxes';
    throw new InputError({
      file: root,
      place: data.imageSet,
      expected,
      found: `none in ${frames.length} frames`,
    });
  }
  const classes = [...new Set(types)].sort();
  return {
    labels: Int32Array.from(types, (type) => classes.indexOf(type)),
    classes,
    rowsOfItems: Int32Array.from(rows),
    content: contentOf(sampled),
    batches: () => ({
      count: views.length * perView,
      batches: (async function* () {
        for (const inputs of views) yield { inputs, rows: perView };
      })(),
    }),
  };
}
