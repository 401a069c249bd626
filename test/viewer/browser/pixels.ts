import sharp from 'sharp';

/** Red, green, blue, each 0 to 255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** A rectangle of pixels; what is left out reaches to the edge. */
export interface Area {
  readonly left?: number;
  readonly top?: number;
  readonly right?: number;
  readonly bottom?: number;
}

/** The pixels of a canvas as they are on the screen. */
export class Pixels {
  readonly width: number;
  readonly height: number;
  /** Rows of red, green, blue, alpha. */
  readonly rgba: Buffer;

  constructor({ width, height, rgba }: { width: number; height: number; rgba: Buffer }) {
    this.width = width;
    this.height = height;
    this.rgba = rgba;
  }

  /** Of a PNG, or of a `data:` address with one. */
  static async of(png: Buffer | string): Promise<Pixels> {
    const bytes = typeof png === 'string' ? Buffer.from(png.slice(png.indexOf(',') + 1), 'base64') : png;
    const { data, info } = await sharp(bytes).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    return new Pixels({ width: info.width, height: info.height, rgba: data });
  }

  at(x: number, y: number): Rgb {
    const at = 4 * (Math.floor(y) * this.width + Math.floor(x));
    return [this.rgba[at], this.rgba[at + 1], this.rgba[at + 2]];
  }

  /** How many pixels of an area are such. */
  count(isSuch: (rgb: Rgb, alpha: number) => boolean, area: Area = {}): number {
    const { left = 0, top = 0, right = this.width, bottom = this.height } = area;
    let count = 0;
    for (let y = Math.max(0, Math.floor(top)); y < Math.min(this.height, bottom); y++) {
      for (let x = Math.max(0, Math.floor(left)); x < Math.min(this.width, right); x++) {
        if (isSuch(this.at(x, y), this.rgba[4 * (y * this.width + x) + 3])) count++;
      }
    }
    return count;
  }

  /** How many pixels of an area are within `tolerance` of a colour in each channel. */
  near(colour: Rgb, tolerance: number, area?: Area): number {
    return this.count((rgb) => apart(rgb, colour) <= tolerance, area);
  }

  /** How many pixels of an area have another colour than the one given. */
  other(colour: Rgb, area?: Area): number {
    return this.count((rgb) => apart(rgb, colour) > 3, area);
  }

  /** How many pixels differ from those of a picture of the same size. */
  differing(other: Pixels, tolerance = 8): number {
    if (other.width !== this.width || other.height !== this.height)
      throw new Error(`${this.width} x ${this.height} pixels against ${other.width} x ${other.height}`);
    let count = 0;
    for (let y = 0; y < this.height; y++)
      for (let x = 0; x < this.width; x++) if (apart(this.at(x, y), other.at(x, y)) > tolerance) count++;
    return count;
  }

  /** A part of it. */
  cut({ left = 0, top = 0, right = this.width, bottom = this.height }: Area): Pixels {
    const [width, height] = [right - left, bottom - top];
    const rgba = Buffer.alloc(4 * width * height);
    for (let y = 0; y < height; y++) {
      const from = 4 * ((top + y) * this.width + left);
      this.rgba.copy(rgba, 4 * y * width, from, from + 4 * width);
    }
    return new Pixels({ width, height, rgba });
  }
}

/** The largest difference of two colours in a channel. */
export function apart(a: Rgb, b: Rgb): number {
  return Math.max(Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1]), Math.abs(a[2] - b[2]));
}

/** Whether a colour is one, and no shade of grey. */
export function isColoured(rgb: Rgb): boolean {
  return Math.max(...rgb) - Math.min(...rgb) > 40;
}

/** The square around a place. */
export function around(x: number, y: number, reach: number): Area {
  return { left: x - reach, top: y - reach, right: x + reach + 1, bottom: y + reach + 1 };
}
