import type { Random } from '../../engine/random.ts';
import { type Color, type MaterialTable, plain, Surface } from './materials.ts';
import type { Mesh } from './mesh.ts';

/** The materials of one vehicle. */
export interface VehicleMaterials {
  readonly paint: number;
  readonly glass: number;
  readonly trim: number;
  readonly under: number;
  readonly grille: number;
  readonly headLight: number;
  readonly tailLight: number;
  readonly plate: number;
  readonly tyre: number;
  readonly rim: number;
}

/** Materials of a paint; dark paints send back little of the laser's light. */
export function vehicleMaterials(
  materials: MaterialTable,
  random: Random,
  paint: Color,
  lengthM: number,
  windows: readonly number[],
): VehicleMaterials {
  const brightness = (paint[0] + paint[1] + paint[2]) / 3;
  return {
    paint: materials.add({
      kind: Surface.paint,
      color: paint,
      gloss: 0.55,
      reflectance: 0.12 + 0.45 * brightness,
      dropout: 0.25 - 0.2 * brightness,
      parameters: [windows[0] + 0.08, windows[1] + 0.04, windows[2], windows[3] + 0.02, lengthM],
    }),
    glass: materials.add({
      kind: Surface.carGlass,
      color: [0.05, 0.06, 0.06],
      gloss: 1,
      reflectance: 0.06,
      dropout: 0.72,
    }),
    trim: materials.add(plain([0.07, 0.07, 0.075], 0.12, 0.1)),
    under: materials.add({ ...plain([0.03, 0.03, 0.03], 0.06), dropout: 0.3 }),
    grille: materials.add({
      kind: Surface.panels,
      color: [0.05, 0.05, 0.055],
      second: [0.2, 0.2, 0.21],
      reflectance: 0.15,
      gloss: 0.3,
      parameters: [0.05, 0],
    }),
    headLight: materials.add({ kind: Surface.light, color: [0.78, 0.8, 0.82], gloss: 0.8, reflectance: 0.6 }),
    tailLight: materials.add({
      kind: Surface.light,
      color: [0.5, 0.03, 0.03],
      gloss: 0.5,
      reflectance: 0.75,
    }),
    plate: materials.add({
      kind: Surface.plate,
      color: [0.88, 0.88, 0.86],
      reflectance: 0.95,
      parameters: [random.integer(1000)],
    }),
    tyre: materials.add(plain([0.055, 0.055, 0.058], 0.08)),
    rim: materials.add({
      kind: Surface.rim,
      color: random.pick<Color>([
        [0.62, 0.63, 0.64],
        [0.5, 0.5, 0.52],
        [0.3, 0.3, 0.32],
      ]),
      gloss: 0.4,
      reflectance: 0.3,
      parameters: [5 + random.integer(4)],
    }),
  };
}

/** A wheel of a radius whose outer side looks to +y (side 1) or -y, standing on the ground. */
export function wheel(
  mesh: Mesh,
  x: number,
  y: number,
  radius: number,
  side: number,
  parts: VehicleMaterials,
  { widthM = 0.21, sides = 18 }: { readonly widthM?: number; readonly sides?: number } = {},
): void {
  const outer = y + (side * widthM) / 2;
  const inner = y - (side * widthM) / 2;
  const rings: ReadonlyArray<readonly [y: number, radius: number, ny: number, nr: number]> = [
    [inner, radius * 0.97, 0, 1],
    [outer - side * 0.02, radius, 0.1 * side, 1],
    [outer, radius * 0.93, 0.8 * side, 0.6],
    [outer - side * 0.005, radius * 0.7, side, 0],
  ];
  mesh.material = parts.tyre;
  for (let i = 0; i < 3; i++)
    for (let k = 0; k < sides; k++) {
      const corners = [
        [i, k],
        [i, k + 1],
        [i + 1, k + 1],
        [i + 1, k],
      ];
      const first = mesh.vertexCount;
      for (const [ring, step] of corners) {
        const [ry, rr, ny, nr] = rings[ring];
        const c = Math.cos((2 * Math.PI * step) / sides);
        const s = Math.sin((2 * Math.PI * step) / sides);
        mesh.vertex(x + rr * c, ry, radius + rr * s, nr * c, ny, nr * s);
      }
      mesh.triangle(first, first + 1, first + 2);
      mesh.triangle(first, first + 2, first + 3);
    }
  mesh.material = parts.rim;
  const hub = outer - side * 0.03;
  const r = radius * 0.71;
  const first = mesh.vertex(x, hub, radius, 0, side, 0, 0, 0);
  for (let k = 0; k <= sides; k++) {
    const c = Math.cos((2 * Math.PI * k) / sides);
    const s = Math.sin((2 * Math.PI * k) / sides);
    mesh.vertex(x + r * c, hub + side * 0.02, radius + r * s, 0, side, 0, c, s);
    if (k > 0) mesh.triangle(first, first + k, first + k + 1);
  }
}

/** A number plate across the vehicle at x, looking along +x (end 1) or -x. */
export function frontPlate(mesh: Mesh, x: number, z: number, end: number, parts: VehicleMaterials): void {
  mesh.material = parts.plate;
  mesh.quad([x, -0.26 * end, z], [x, 0.26 * end, z], [x, 0.26 * end, z + 0.11], [x, -0.26 * end, z + 0.11]);
}

/** A vehicle in its own frame: x ahead, z up from the ground, the middle of its box at x = y = 0. */
export interface VehicleBody {
  readonly type: string;
  readonly sizeM: readonly [length: number, width: number, height: number];
}
