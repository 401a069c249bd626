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
  /** Gaussian blur with a standard deviation of `sigma` pixels. */
  | { readonly kind: 'blur'; readonly sigma: number };

/** A change of which pixels there are and where. Each holds the sizes it goes from and to, so that it can be inverted alone. */
export type GeometricStep =
  | { readonly kind: 'resize'; readonly from: ImageSize; readonly to: ImageSize }
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

/** The view of an untouched image. */
export function imageView(source: ImageSize): ImageView {
  const { width, height } = checkedSize(source);
  return { source: { width, height }, steps: [], width, height };
}

/** The view, then resized to the given size (bilinear, antialiased where it shrinks). */
export function resize(view: ImageView, to: ImageSize): ImageView {
  return extended(view, { kind: 'resize', from: sizeOf(view), to: sizeOf(checkedSize(to)) });
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
  const number =
    'factor' in step ? step.factor : 'turns' in step ? step.turns : 'sigma' in step ? step.sigma : 0;
  const sound = Number.isFinite(number) && (step.kind === 'hue' || number >= 0) && number < 1000;
  if (!sound) throw new RangeError(`${step.kind} by ${number}`);
  return extended(view, step);
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
