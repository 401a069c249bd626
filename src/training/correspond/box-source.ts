import type { DataSelection } from '../../datasets/data-selection.ts';
import { type SampleSource, type SourceReference, sourceBeside } from '../../datasets/loader-source.ts';
import { openFrames } from '../../datasets/open-frames.ts';
import { Random } from '../../engine/random.ts';
import { applyImageView } from '../../image/augment.ts';
import { crop, type ImageSize, imageView, resize } from '../../image/image-view.ts';
import { type ProposalOptions, proposeBoxes } from '../../image/proposals/propose-boxes.ts';
import { drawPicture } from '../../views/draw-image-views.ts';

/** Which pictures boxes are sought in, and what an encoder is to see of them. */
export interface BoxSourceOptions {
  readonly data: DataSelection;
  /** The numbers of the pictures, in the order in which they are asked for. */
  readonly indices: readonly number[];
  readonly canvas: ImageSize;
  readonly proposals: ProposalOptions;
}

/** A picture's boxes, and what an encoder sees of it. */
export interface BoxedPicture extends ImageSize {
  /** [boxes·4]: left, top, right, bottom. */
  readonly boxes: Int32Array;
  /** 8-bit RGB [(1 + boxes)·H·W·3] of the canvas: the middle of the picture, and then each box, resized. */
  readonly pixels: Uint8Array;
}

/** The factory of these, for worker threads to import. */
export function boxSourceReference(options: BoxSourceOptions): SourceReference {
  return sourceBeside(import.meta.url, { name: 'box-source', export: 'boxSource', options });
}

/** Reads pictures and finds boxes in them. Nothing is drawn at random. */
export async function boxSource({
  data,
  indices,
  canvas,
  proposals,
}: BoxSourceOptions): Promise<SampleSource<BoxedPicture>> {
  const frames = await openFrames(data, ['image']);
  return {
    length: indices.length,
    sample: async (at, _random, _epoch, stopwatch) => {
      const picture = await frames.picture(indices[at], stopwatch);
      const boxes = proposeBoxes(picture, proposals);
      const [whole] = drawPicture(picture, { kind: 'picture', ...canvas }, Random.fromSeed('middle'));
      const parts = boxes.map(([left, top, right, bottom]) => {
        const part = crop(imageView(picture), { left, top, width: right - left, height: bottom - top });
        return applyImageView(picture, resize(part, canvas));
      });
      const size = canvas.width * canvas.height * 3;
      const pixels = new Uint8Array((1 + boxes.length) * size);
      [whole.image, ...parts].forEach(({ data: bytes }, i) => {
        pixels.set(bytes, i * size);
      });
      const { width, height } = picture;
      return { width, height, boxes: Int32Array.from(boxes.flat()), pixels };
    },
  };
}
