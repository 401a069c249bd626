import { Random } from '../../../src/engine/random.ts';
import type { ImageBox } from '../../../src/geometry/box-projection.ts';
import type { RgbImage } from '../../../src/image/rgb-image.ts';

type Colour = readonly [red: number, green: number, blue: number];

/** A flat picture with flat rectangles in it, the later ones over the earlier. */
export function drawnPicture(
  { width, height, ground }: { readonly width: number; readonly height: number; readonly ground: Colour },
  objects: ReadonlyArray<{ readonly box: ImageBox; readonly colour: Colour }>,
): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const over = objects.findLast(({ box: [l, t, r, b] }) => x >= l && x < r && y >= t && y < b);
      data.set(over?.colour ?? ground, at);
    }
  }
  return { width, height, data };
}

/** A picture of random pixels of a few levels, so that equal weights occur. */
export function noisyPicture(seed: string, width: number, height: number, levels = 256): RgbImage {
  const random = Random.fromSeed(seed);
  const data = Uint8Array.from(
    { length: width * height * 3 },
    () => random.integer(levels) * (255 / (levels - 1)),
  );
  return { width, height, data };
}
