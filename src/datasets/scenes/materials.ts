/** Red, green, blue as on a screen (sRGB), 0..1. */
export type Color = readonly [r: number, g: number, b: number];

/** What a surface's texture is made of; `surface-texture.ts` draws each kind. */
export const Surface = {
  plain: 0,
  asphalt: 1,
  road: 2,
  paving: 3,
  grass: 4,
  soil: 5,
  plaster: 6,
  brick: 7,
  tiles: 8,
  glass: 9,
  paint: 10,
  leaf: 11,
  bark: 12,
  metal: 13,
  rim: 14,
  plate: 15,
  sign: 16,
  cloth: 17,
  panels: 18,
  door: 19,
  carGlass: 20,
  concrete: 21,
  light: 22,
  field: 23,
} as const;

export type SurfaceKind = (typeof Surface)[keyof typeof Surface];

/** Which holes a surface has; `cutouts.ts` draws them. */
export const Cutout = { none: 0, leaves: 1, needles: 2, grass: 3, bars: 4, mesh: 5 } as const;

export interface Material {
  readonly kind: SurfaceKind;
  readonly color: Color;
  readonly second?: Color;
  /** Mirror-like reflection, 0..1. */
  readonly gloss?: number;
  /** Share of the laser's light that comes back at normal incidence, 0..1. */
  readonly reflectance: number;
  /** Probability that a laser pulse on it is lost whatever its range. */
  readonly dropout?: number;
  readonly cutout?: (typeof Cutout)[keyof typeof Cutout];
  /** Free parameters of the texture. */
  readonly parameters?: readonly number[];
}

/** Numbers a material: kind, r, g, b, second r, g, b, gloss, reflectance, dropout, cutout, five parameters. */
export const materialStride = 16;

/** The materials of a scene; vertices name them by number. */
export class MaterialTable {
  private readonly list: Material[] = [];
  private readonly known = new Map<string, number>();

  /** The number of a material, the same for the same material. */
  add(material: Material): number {
    const key = JSON.stringify(material);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    this.known.set(key, this.list.length);
    return this.list.push(material) - 1;
  }

  /** All of them as rows of `materialStride` numbers, colours linear. */
  pack(): Float32Array {
    const packed = new Float32Array(this.list.length * materialStride);
    this.list.forEach((m, i) => {
      const second = m.second ?? m.color;
      packed.set(
        [m.kind, ...m.color.map(linear), ...second.map(linear), m.gloss ?? 0, m.reflectance, m.dropout ?? 0],
        i * materialStride,
      );
      packed[i * materialStride + 10] = m.cutout ?? Cutout.none;
      packed.set((m.parameters ?? []).slice(0, 5), i * materialStride + 11);
    });
    return packed;
  }
}

/** A plain material of a colour. */
export function plain(color: Color, reflectance = 0.3, gloss = 0): Material {
  return { kind: Surface.plain, color, reflectance, gloss };
}

/** A colour made lighter (factor above 1) or darker. */
export function shade(color: Color, factor: number): Color {
  return [Math.min(1, color[0] * factor), Math.min(1, color[1] * factor), Math.min(1, color[2] * factor)];
}

function linear(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}
