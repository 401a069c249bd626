import type { RgbImage } from '../../image/rgb-image.ts';
import type { Features } from './features.ts';

/**
 * The values of all pixels of each image less their mean, -1 to 1, [height · width · 3]: what a network has to beat. The cosine of two
 * rows is then the correlation of the pictures; with the mean left in, all cosines are near 1 and say little. Throws RangeError
 * unless all images are of one size.
 */
export function pixelFeatures(images: readonly RgbImage[]): Features {
  const { width, height } = sizeOf(images);
  const length = width * height * 3;
  const rows = new Float32Array(images.length * length);
  images.forEach(({ data }, i) => {
    const mean = data.reduce((sum, value) => sum + value, 0) / length;
    for (let k = 0; k < length; k++) rows[i * length + k] = (data[k] - mean) / 255;
  });
  return { rows, count: images.length, width: length };
}

/**
 * The mean colour, -1 to 1 around a middle grey, of each cell of a grid over the image, [cells · cells · 3], 4 by 4 cells by default: where which colours
 * are, and nothing else. Throws RangeError for no images, or one with fewer pixels than cells on a side.
 */
export function colourGridFeatures(
  images: readonly RgbImage[],
  { cells = 4 }: { readonly cells?: number } = {},
): Features {
  if (images.length === 0) throw new RangeError('features of no images');
  const width = cells * cells * 3;
  const rows = new Float32Array(images.length * width);
  images.forEach((image, i) => {
    if (image.width < cells || image.height < cells) {
      throw new RangeError(
        `image ${i} of ${image.width} x ${image.height} pixels has no ${cells} x ${cells} cells`,
      );
    }
    for (let cell = 0; cell < cells * cells; cell++) {
      const across = cellRange(cell % cells, cells, image.width);
      const down = cellRange(Math.floor(cell / cells), cells, image.height);
      const scale = 1 / (127.5 * (across.end - across.begin) * (down.end - down.begin));
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let y = down.begin; y < down.end; y++) {
          for (let x = across.begin; x < across.end; x++) {
            sum += image.data[(y * image.width + x) * 3 + channel];
          }
        }
        rows[i * width + cell * 3 + channel] = sum * scale - 1;
      }
    }
  });
  return { rows, count: images.length, width };
}

/** The size that all images have; throws RangeError where they differ, or there are none. */
export function sizeOf(images: readonly RgbImage[]): { readonly width: number; readonly height: number } {
  if (images.length === 0) throw new RangeError('features of no images');
  const { width, height } = images[0];
  const other = images.findIndex((image) => image.width !== width || image.height !== height);
  if (other === -1) return { width, height };
  throw new RangeError(
    `image 0 is ${width} x ${height}, image ${other} is ${images[other].width} x ${images[other].height}`,
  );
}

/** The places of cell `index` of `cells` along a side. */
function cellRange(
  index: number,
  cells: number,
  length: number,
): { readonly begin: number; readonly end: number } {
  return {
    begin: Math.floor((index * length) / cells),
    end: Math.floor(((index + 1) * length) / cells),
  };
}
