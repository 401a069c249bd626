import type { Random } from '../../engine/random.ts';
import type { MaterialTable } from './materials.ts';
import type { Mesh, Vec3 } from './mesh.ts';
import type { Street } from './street.ts';
import { leafMaterial, type TreeShape } from './vegetation.ts';

/** What the land beside a street is made with. */
export interface Site {
  readonly mesh: Mesh;
  readonly random: Random;
  readonly materials: MaterialTable;
  readonly street: Street;
  readonly trees: readonly TreeShape[];
  readonly shrubs: readonly TreeShape[];
  readonly autumn: number;
  readonly extent: LandExtent;
}

/** Which of the land is seen from near, and where it ends. */
export interface LandExtent {
  /** Whether plants at a place show their full detail. */
  detailed(x: number, y: number): boolean;
  /** Grass tufts stand in a stretch of the street. */
  readonly tufts: { readonly fromS: number; readonly toS: number; readonly share: number };
  /** Far woods: their number, how much farther than usual, and the directions in which they begin, radians. */
  readonly woods: {
    readonly belts: number;
    readonly beyondM: number;
    readonly directions: readonly [number, number];
  };
}

/** The land of a single scene, which is seen from its middle, ahead. */
export const sceneExtent: LandExtent = {
  detailed: (x, y) => x > -12 && Math.hypot(x, y) < 38,
  tufts: { fromS: 4, toS: 50, share: 1 },
  woods: { belts: 5, beyondM: 0, directions: [-1.1, 0.7] },
};

/** A place `out` metres beyond the kerb, on the ground. */
export function place(street: Street, s: number, out: number, side: number): Vec3 {
  const p = street.point(s, side * (street.edge(side) + out));
  return [p.x, p.y, street.groundHeight(s, out, side) - 0.012 * street.edge(side)];
}

/** The yaw that looks along the street with the road at -y for the right side of `side`. */
export function facing(street: Street, s: number, side: number): number {
  return street.point(s, 0).heading + (side > 0 ? 0 : Math.PI);
}

/** Plants a tree or shrub in a green of its own; what is far or behind in its simpler form. */
export function plant(site: Site, shape: TreeShape, at: Vec3, scale: number): void {
  const { mesh, random, materials, autumn } = site;
  const leaves = random.chance(0.6)
    ? shape.leaves
    : leafMaterial(materials, random, autumn, shape === site.trees[3]);
  mesh.place({
    x: at[0],
    y: at[1],
    z: at[2],
    yaw: random.uniform(0, 6.28),
    scale,
    stretchZ: random.uniform(0.9, 1.12),
  });
  const detailed = site.extent.detailed(at[0], at[1]);
  mesh.append(detailed ? shape.mesh : shape.far, new Map([[shape.leaves, leaves]]));
  mesh.unplace();
}
