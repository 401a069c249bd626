/** A change of colours, or of sharpness, that moves no pixel. */
export type PhotometricStep =
  /** Values are multiplied by `factor`. */
  | { readonly kind: 'brightness'; readonly factor: number }
  /** Values move away from the image's mean grey by `factor`; 0 is all grey, 1 changes nothing. */
  | { readonly kind: 'contrast'; readonly factor: number }
  /** Values move away from their own grey by `factor`; 0 is greyscale, 1 changes nothing. */
  | { readonly kind: 'saturation'; readonly factor: number }
  /** Hues turn around the colour circle; 1 is a whole turn. */
  | { readonly kind: 'hue'; readonly turns: number }
  | { readonly kind: 'greyscale' }
  /** Gaussian blur with a standard deviation of `sigma` pixels, over an odd number of `kernel` pixels along each axis. */
  | { readonly kind: 'blur'; readonly sigma: number; readonly kernel: number }
  /** Values from `threshold` on, 0 to 256, are inverted. */
  | { readonly kind: 'solarise'; readonly threshold: number }
  /** Only one channel (0 red, 1 green, 2 blue) stays; the others become 128 with uniform noise of up to `noise` levels either way. */
  | {
      readonly kind: 'keep-channel';
      readonly channel: number;
      readonly noise: number;
      readonly seed: number;
    };

/** How pixels are weighted when an image is resized: over one input pixel each way, or two (sharper). */
export type ResizeFilter = 'bilinear' | 'bicubic';

/** A change of which pixels there are and where. Each holds the sizes it goes from and to, so that it can be inverted alone. */
export type GeometricStep =
  | {
      readonly kind: 'resize';
      readonly from: ImageSize;
      readonly to: ImageSize;
      /** Bilinear where it is absent. */
      readonly filter?: ResizeFilter;
    }
  /** Keeps the rectangle that begins at column `left`, row `top`. */
  | {
      readonly kind: 'crop';
      readonly left: number;
      readonly top: number;
      readonly from: ImageSize;
      readonly to: ImageSize;
    }
  /** Mirrors left and right. */
  | { readonly kind: 'flip'; readonly from: ImageSize; readonly to: ImageSize }
  /** Puts the image at column `left`, row `top` of a larger one that is `fill` elsewhere. */
  | {
      readonly kind: 'pad';
      readonly left: number;
      readonly top: number;
      readonly fill: readonly [red: number, green: number, blue: number];
      readonly from: ImageSize;
      readonly to: ImageSize;
    };

/** One step of a view: what moves pixels, or what changes their colours. */
export type ImageStep = GeometricStep | PhotometricStep;

/** Pixels of an image. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/**
 * What was done to an image, as plain data: the steps in order, the size they begin with and the size they end with.
 *
 * Coordinates are those of calibration matrices: (x, y) = (i, j) is the *centre* of the pixel in column i, row j, so an
 * image covers [-1/2, width - 1/2) x [-1/2, height - 1/2), and what a matrix such as KITTI's P2 projects needs no shift.
 * Resizing maps the covered areas onto each other: x' = (x + 1/2) · width' / width - 1/2.
 */
export interface ImageView extends ImageSize {
  readonly source: ImageSize;
  readonly steps: readonly ImageStep[];
}

/**
 * The view of an untouched image.
 *
 * @example
 * const view = flip(crop(imageView({ width: 100, height: 50 }), { left: 10, top: 0, width: 80, height: 50 }));
 * mapPixel(view, 10, 7); // [79, 7]
 */
export function imageView(source: ImageSize): ImageView {
  const { width, height } = checkedSize(source);
  return { source: { width, height }, steps: [], width, height };
}

/** The view, then resized to the given size (bilinear by default, antialiased where it shrinks). */
export function resize(view: ImageView, to: ImageSize & { readonly filter?: ResizeFilter }): ImageView {
  const step = { kind: 'resize', from: sizeOf(view), to: sizeOf(checkedSize(to)) } as const;
  return extended(view, to.filter === undefined ? step : { ...step, filter: to.filter });
}

/** The view, then cut to a rectangle of whole pixels. Throws RangeError where the rectangle is not inside. */
export function crop(
  view: ImageView,
  rectangle: ImageSize & { readonly left: number; readonly top: number },
): ImageView {
  const { left, top } = rectangle;
  const to = sizeOf(checkedSize(rectangle));
  const inside = left >= 0 && top >= 0 && left + to.width <= view.width && top + to.height <= view.height;
  if (!inside || !Number.isInteger(left) || !Number.isInteger(top)) {
    throw new RangeError(
      `a crop of ${to.width} x ${to.height} at (${left}, ${top}) is not inside ${view.width} x ${view.height}`,
    );
  }
  return extended(view, { kind: 'crop', left, top, from: sizeOf(view), to });
}

/** The view, then scaled until it just covers the given size, and cut to its centre. */
export function cover(view: ImageView, size: ImageSize & { readonly filter?: ResizeFilter }): ImageView {
  const { width, height, filter } = size;
  const scale = Math.max(width / view.width, height / view.height);
  const scaled = {
    width: Math.max(width, Math.round(view.width * scale)),
    height: Math.max(height, Math.round(view.height * scale)),
  };
  return centralCrop(resize(view, { ...scaled, filter }), size);
}

/** The view, then cut to a rectangle in its middle; half a pixel goes to the left and the top. */
export function centralCrop(view: ImageView, { width, height }: ImageSize): ImageView {
  const left = Math.floor((view.width - width) / 2);
  const top = Math.floor((view.height - height) / 2);
  return crop(view, { left, top, width, height });
}

/** The view, then mirrored left and right. */
export function flip(view: ImageView): ImageView {
  return extended(view, { kind: 'flip', from: sizeOf(view), to: sizeOf(view) });
}

/** The view, then with borders of so many pixels in the colour `fill` (black by default). */
export function pad(
  view: ImageView,
  borders: {
    readonly left?: number;
    readonly top?: number;
    readonly right?: number;
    readonly bottom?: number;
    readonly fill?: readonly [red: number, green: number, blue: number];
  },
): ImageView {
  const { left = 0, top = 0, right = 0, bottom = 0, fill = [0, 0, 0] } = borders;
  if (![left, top, right, bottom].every((border) => Number.isInteger(border) && border >= 0)) {
    throw new RangeError(`borders are whole numbers of pixels, not ${[left, top, right, bottom].join(', ')}`);
  }
  const to = checkedSize({ width: view.width + left + right, height: view.height + top + bottom });
  return extended(view, { kind: 'pad', left, top, fill, from: sizeOf(view), to });
}

/** The view, then with its colours or sharpness changed. Throws RangeError for numbers that mean nothing. */
export function recolour(view: ImageView, step: PhotometricStep): ImageView {
  const { kind, ...numbers } = step;
  for (const [name, number] of Object.entries(numbers)) {
    if (!isSound(name, number)) throw new RangeError(`${kind}: ${name} of ${number}`);
  }
  return extended(view, step);
}

function isSound(name: string, number: number): boolean {
  if (name === 'turns') return Math.abs(number) < 1000;
  if (name === 'seed') return Number.isSafeInteger(number);
  if (name === 'channel') return [0, 1, 2].includes(number);
  if (name === 'kernel') return number > 0 && number < 1000 && number % 2 === 1;
  return number >= 0 && number < 1000;
}

/** Where a pixel of the source image comes to lie in the view. */
export function mapPixel(view: ImageView, x: number, y: number): [x: number, y: number] {
  const { scaleX, offsetX, scaleY, offsetY } = affineOf(view);
  return [scaleX * x + offsetX, scaleY * y + offsetY];
}

/** Where pixels of the source image come to lie in the view: rows of x, y in, rows of x, y out, of the same array type. */
export function mapPixels<Rows extends Float32Array | Float64Array>(view: ImageView, rows: Rows): Rows {
  return mapped(rows, affineOf(view));
}

/** Where pixels of the view lay in the source image; the inverse of `mapPixels`. */
export function unmapPixels<Rows extends Float32Array | Float64Array>(view: ImageView, rows: Rows): Rows {
  const { scaleX, offsetX, scaleY, offsetY } = affineOf(view);
  return mapped(rows, {
    scaleX: 1 / scaleX,
    offsetX: -offsetX / scaleX,
    scaleY: 1 / scaleY,
    offsetY: -offsetY / scaleY,
  });
}

/** x' = scaleX · x + offsetX and y' = scaleY · y + offsetY: all that a view does to coordinates. */
export interface PixelAffine {
  readonly scaleX: number;
  readonly offsetX: number;
  readonly scaleY: number;
  readonly offsetY: number;
}

/** The view's steps composed into one map of coordinates, from the source image to the view. */
export function affineOf(view: ImageView): PixelAffine {
  let [scaleX, offsetX, scaleY, offsetY] = [1, 0, 1, 0];
  const then = (sx: number, ox: number, sy: number, oy: number) => {
    scaleX *= sx;
    offsetX = sx * offsetX + ox;
    scaleY *= sy;
    offsetY = sy * offsetY + oy;
  };
  for (const step of view.steps) {
    if (step.kind === 'crop') then(1, -step.left, 1, -step.top);
    else if (step.kind === 'pad') then(1, step.left, 1, step.top);
    else if (step.kind === 'flip') then(-1, step.from.width - 1, 1, 0);
    else if (step.kind === 'resize') {
      const sx = step.to.width / step.from.width;
      const sy = step.to.height / step.from.height;
      then(sx, (sx - 1) / 2, sy, (sy - 1) / 2);
    }
  }
  return { scaleX, offsetX, scaleY, offsetY };
}

function mapped<Rows extends Float32Array | Float64Array>(rows: Rows, affine: PixelAffine): Rows {
  const result = rows.slice() as Rows;
  for (let i = 0; i + 1 < result.length; i += 2) {
    result[i] = affine.scaleX * result[i] + affine.offsetX;
    result[i + 1] = affine.scaleY * result[i + 1] + affine.offsetY;
  }
  return result;
}

function extended(view: ImageView, step: ImageStep): ImageView {
  const { width, height } = 'to' in step ? step.to : view;
  return { source: view.source, steps: [...view.steps, step], width, height };
}

function sizeOf({ width, height }: ImageSize): ImageSize {
  return { width, height };
}

function checkedSize<Size extends ImageSize>(size: Size): Size {
  const sound = [size.width, size.height].every((length) => Number.isInteger(length) && length > 0);
  if (!sound || size.width * size.height > 2 ** 28) {
    throw new RangeError(`an image of ${size.width} x ${size.height} pixels`);
  }
  return size;
}
