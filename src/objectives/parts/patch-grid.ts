import * as tf from '@tensorflow/tfjs-core';

/** Square patches of a picture, pixels: their side, and how far one lies from the next. */
export interface PatchGrid {
  readonly size: number;
  readonly stride: number;
}

/** The rows and columns of patches that lie wholly in a picture of this size. */
export function gridOf(
  { width, height }: { readonly width: number; readonly height: number },
  { size, stride }: PatchGrid,
): { readonly rows: number; readonly columns: number } {
  const along = (length: number) => Math.max(0, Math.floor((length - size) / stride) + 1);
  return { rows: along(height), columns: along(width) };
}

/** The patches of pictures [M, H, W, 3]: [nodes·M, size, size, 3], the first patch of all pictures first, row by row. */
export function patchesOf(pictures: tf.Tensor, grid: PatchGrid): tf.Tensor {
  const [count, height, width, channels] = pictures.shape as [number, number, number, number];
  const { rows, columns } = gridOf({ width, height }, grid);
  const { size, stride } = grid;
  const patches = Array.from({ length: rows * columns }, (_, node) => {
    const corner = [stride * Math.floor(node / columns), stride * (node % columns)];
    return tf.slice(pictures, [0, ...corner, 0], [count, size, size, channels]);
  });
  return tf.concat(patches, 0);
}
