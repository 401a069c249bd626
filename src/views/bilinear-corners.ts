/** The four cells around each place on a feature map, and their bilinear weights; flat, four entries a place. */
export interface BilinearCorners {
  /** int32 [places·4]: row·width + column of the cell. */
  readonly cells: Int32Array;
  /** float32 [places·4]; 0 for cells outside of the map. */
  readonly weights: Float32Array;
}

/** A feature map, and the padded image that it covers. */
export interface FeatureGrid {
  readonly width: number;
  readonly height: number;
  readonly imageWidth: number;
  readonly imageHeight: number;
}

/**
 * Where places of an image (rows of x, y in pixels; NaN for none) lie on its feature map, as Li et al. 2022 sample it:
 * x/imageWidth of the way from the centre of the first column to that of the last ("align corners"), zeros outside.
 */
export function bilinearCorners(pixels: Float32Array, grid: FeatureGrid): BilinearCorners {
  const count = pixels.length / 2;
  const cells = new Int32Array(count * 4);
  const weights = new Float32Array(count * 4);
  for (let n = 0; n < count; n++) {
    const x = (pixels[2 * n] / grid.imageWidth) * (grid.width - 1);
    const y = (pixels[2 * n + 1] / grid.imageHeight) * (grid.height - 1);
    if (!(x > -1 && x < grid.width && y > -1 && y < grid.height)) continue;
    const [left, top] = [Math.floor(x), Math.floor(y)];
    for (let corner = 0; corner < 4; corner++) {
      const column = left + (corner & 1);
      const row = top + (corner >> 1);
      if (column < 0 || column >= grid.width || row < 0 || row >= grid.height) continue;
      cells[4 * n + corner] = row * grid.width + column;
      weights[4 * n + corner] = (1 - Math.abs(x - column)) * (1 - Math.abs(y - row));
    }
  }
  return { cells, weights };
}
