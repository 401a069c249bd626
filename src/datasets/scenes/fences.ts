import type { Random } from '../../engine/random.ts';
import { tube } from './loft.ts';
import { type Color, Cutout, type MaterialTable, plain, Surface } from './materials.ts';
import type { Mesh, Vec3 } from './mesh.ts';

/** How a boundary along a property or a road looks. */
export type FenceKind = 'bars' | 'mesh' | 'wall' | 'rail';

/** A fence between two points of the ground; a `rail` is a crash barrier. */
export function fence(
  mesh: Mesh,
  random: Random,
  materials: MaterialTable,
  from: Vec3,
  to: Vec3,
  kind: FenceKind,
): void {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  const slope = (to[2] - from[2]) / length;
  mesh.place({ x: from[0], y: from[1], z: from[2], yaw: Math.atan2(to[1] - from[1], to[0] - from[0]) });
  const band = (material: number, z0: number, z1: number, y: number, repeats: number): void => {
    mesh.material = material;
    mesh.quad(
      [0, y, z0],
      [length, y, z0 + slope * length],
      [length, y, z1 + slope * length],
      [0, y, z1],
      [0, 0.02, repeats, 0.98],
    );
  };
  if (kind === 'wall') {
    mesh.material = materials.add({
      kind: Surface.plaster,
      color: [0.72, 0.68, 0.6],
      reflectance: 0.4,
      parameters: [7],
    });
    const height = 0.9;
    mesh.box(0, -0.12, -0.2, length, 0.12, height);
    mesh.material = materials.add({ kind: Surface.concrete, color: [0.6, 0.58, 0.55], reflectance: 0.4 });
    mesh.box(-0.02, -0.16, height, length + 0.02, 0.16, height + 0.07);
  } else if (kind === 'rail') {
    const metal = materials.add({
      kind: Surface.metal,
      color: [0.62, 0.63, 0.63],
      reflectance: 0.5,
      gloss: 0.35,
    });
    band(metal, 0.45, 0.56, -0.08, 0);
    band(metal, 0.56, 0.63, -0.03, 0);
    band(metal, 0.63, 0.75, -0.08, 0);
    for (let x = 0; x < length; x += 2)
      tube(
        mesh,
        [
          [x, 0.03, -0.1],
          [x, 0.03, 0.7],
        ],
        [0.05, 0.05],
        5,
        false,
      );
  } else {
    const color: Color =
      kind === 'mesh'
        ? [0.3, 0.36, 0.32]
        : random.pick<Color>([
            [0.16, 0.17, 0.17],
            [0.42, 0.3, 0.2],
            [0.8, 0.79, 0.76],
          ]);
    const material = materials.add({
      ...plain(color, 0.3),
      dropout: 0.2,
      cutout: kind === 'mesh' ? Cutout.mesh : Cutout.bars,
    });
    band(material, 0.05, kind === 'mesh' ? 1.4 : 1.05, 0, length / (kind === 'mesh' ? 0.5 : 0.56));
    mesh.material = materials.add(plain(color, 0.3));
    for (let x = 0; x <= length; x += 2.4)
      mesh.box(x - 0.04, -0.04, -0.1, x + 0.04, 0.04, kind === 'mesh' ? 1.45 : 1.12);
  }
  mesh.unplace();
}
