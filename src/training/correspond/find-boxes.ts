import { createLoader } from '../../datasets/loader.ts';
import { joinFloats } from '../../views/stack-points.ts';
import { describeDamaged } from '../run/damaged-frames.ts';
import { BATCH, type BoxEncoder, type FrozenPictures, openBoxEncoder } from './box-encoder.ts';
import { type BoxedPicture, boxSourceReference } from './box-source.ts';
import type { CorrespondOptions } from './correspond.ts';
import { joinInts } from './flat-arrays.ts';
import { type BoxPiece, PIECE, type Pieces } from './pieces.ts';

/** The first pass: the boxes of all pictures, and the rows of pictures and boxes, as far as their pieces are not there. */
export async function findBoxes(
  { data, matching, workers, device, threads, onProgress, say, signal }: CorrespondOptions,
  {
    frozen,
    pieces,
    length,
  }: { readonly frozen: FrozenPictures; readonly pieces: Pieces; readonly length: number },
): Promise<void> {
  const missing = Array.from({ length: Math.ceil(length / PIECE) }, (_, number) => number).filter(
    (number) => !pieces.there.boxes.has(number),
  );
  const indices = missing.flatMap((number) => picturesOf(number, length));
  const tell = (left: number) => onProgress?.({ pass: 'boxes', done: length - left, count: length });
  tell(indices.length);
  if (indices.length === 0) return;
  const { neighbours: _, keep: __, ...proposals } = matching;
  const { width, height } = frozen.encoder.input;
  const source = boxSourceReference({ data, indices, canvas: { width, height }, proposals });
  // One picture a batch, because damaged ones fall out, and a piece may not take a picture of the next one.
  const loader = createLoader<BoxedPicture>({
    ...{ length: indices.length, batchSize: 1, seed: 'boxes', source, workers, shuffle: false },
    ...{ prefetch: 8 * Math.max(1, workers), strict: data.strict },
  });
  const encoder = openBoxEncoder(frozen, { device, threads });
  const queue = [...missing];
  let piece = new GrowingPiece(encoder);
  const finishBefore = async (number: number) => {
    while (queue.length > 0 && queue[0] < number) {
      await pieces.writeBoxes(queue.shift()!, await piece.finished());
      piece = new GrowingPiece(encoder);
    }
  };
  try {
    for await (const { batch, indices: places } of loader.pass()) {
      signal?.throwIfAborted();
      const index = indices[places[0]];
      await finishBefore(Math.floor(index / PIECE));
      await piece.add(index, batch[0]);
      tell(indices.length - places[0] - 1);
    }
    await finishBefore(Number.POSITIVE_INFINITY);
    tell(0);
    for (const { message } of loader.failures.values()) say?.(describeDamaged(data.root, message));
  } finally {
    await loader.close();
    await encoder.dispose();
  }
}

/** The numbers of the pictures of a piece. */
function picturesOf(number: number, length: number): number[] {
  const first = number * PIECE;
  return Array.from({ length: Math.min(PIECE, length - first) }, (_, i) => first + i);
}

/** A piece that takes one picture after the other; what is not encoded yet is less than a batch. */
class GrowingPiece {
  private readonly encoder: BoxEncoder;
  private readonly pictures: Array<{ readonly index: number } & Omit<BoxedPicture, 'pixels'>> = [];
  private readonly waiting: Array<{ readonly bytes: Uint8Array; readonly whole: boolean }> = [];
  private readonly pictureRows: Float32Array[] = [];
  private readonly boxRows: Float32Array[] = [];

  constructor(encoder: BoxEncoder) {
    this.encoder = encoder;
  }

  async add(index: number, { pixels, ...picture }: BoxedPicture): Promise<void> {
    this.pictures.push({ index, ...picture });
    const canvases = 1 + picture.boxes.length / 4;
    const size = pixels.length / canvases;
    for (let i = 0; i < canvases; i++)
      this.waiting.push({ bytes: pixels.subarray(i * size, (i + 1) * size), whole: i === 0 });
    while (this.waiting.length >= BATCH) await this.encodeSome();
  }

  async finished(): Promise<BoxPiece> {
    while (this.waiting.length > 0) await this.encodeSome();
    const { pictures } = this;
    return {
      indices: Int32Array.from(pictures, ({ index }) => index),
      sizes: Int32Array.from(pictures.flatMap(({ width, height }) => [width, height])),
      counts: Int32Array.from(pictures, ({ boxes }) => boxes.length / 4),
      boxes: joinInts(pictures.map(({ boxes }) => boxes)),
      pictureRows: joinFloats(this.pictureRows),
      boxRows: joinFloats(this.boxRows),
    };
  }

  private async encodeSome(): Promise<void> {
    const taken = this.waiting.splice(0, BATCH);
    const { rows, projected } = await this.encoder.encode(taken.map(({ bytes }) => bytes));
    taken.forEach(({ whole }, i) => {
      const values = whole ? projected : rows;
      const width = values.length / taken.length;
      (whole ? this.pictureRows : this.boxRows).push(values.subarray(i * width, (i + 1) * width));
    });
  }
}
