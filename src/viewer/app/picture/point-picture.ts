import type { ProjectedPoints } from './projected-points.ts';

/**
 * Points as a transparent picture: each a square of `sizePx` pixels in its colour (rows of red, green, blue, alpha by row of
 * the sweep), the nearest on top.
 */
export function pictureOfPoints(
  points: ProjectedPoints,
  colours: Uint8Array,
  { width, height, sizePx }: { readonly width: number; readonly height: number; readonly sizePx: number },
): OffscreenCanvas {
  const image = new ImageData(width, height);
  const nearest = new Float32Array(width * height).fill(Infinity);
  const words = new Uint32Array(image.data.buffer);
  const rows = new Uint32Array(colours.buffer, colours.byteOffset, colours.byteLength / 4);
  const before = Math.floor((sizePx - 1) / 2);
  for (let i = 0; i < points.rows.length; i++) {
    const colour = rows[points.rows[i]];
    if (colour >>> 24 === 0) continue;
    const [left, top] = [Math.round(points.u[i]) - before, Math.round(points.v[i]) - before];
    for (let y = Math.max(0, top); y < Math.min(height, top + sizePx); y++) {
      for (let x = Math.max(0, left); x < Math.min(width, left + sizePx); x++) {
        const at = y * width + x;
        if (points.depth[i] >= nearest[at]) continue;
        nearest[at] = points.depth[i];
        words[at] = colour;
      }
    }
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')!.putImageData(image, 0, 0);
  return canvas;
}

/** The colours of a picture at points: rows of red, green, blue, alpha by row of the sweep; the rest are left as they are. */
export function coloursFromPicture(points: ProjectedPoints, picture: ImageBitmap, into: Uint8Array): void {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, picture.width, picture.height);
  for (let i = 0; i < points.rows.length; i++) {
    const [x, y] = [Math.round(points.u[i]), Math.round(points.v[i])];
    const from = 4 * (Math.min(y, picture.height - 1) * picture.width + Math.min(x, picture.width - 1));
    for (let c = 0; c < 3; c++) into[4 * points.rows[i] + c] = data[from + c];
  }
}
