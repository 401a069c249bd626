import type { Random } from '../../../engine/random.ts';
import { building } from '../buildings.ts';
import type { MaterialTable } from '../materials.ts';
import type { Mesh } from '../mesh.ts';
import type { Street } from '../street.ts';

/** Adds houses along the streets that cross, behind the gardens of those along ours. */
export function sideStreets(mesh: Mesh, random: Random, materials: MaterialTable, street: Street): void {
  if (street.surroundings === 'country') return;
  const city = street.surroundings === 'city';
  for (const crossing of street.crossings) {
    if (crossing.s < -60 || crossing.s > 190) continue;
    for (const side of [-1, 1])
      for (const end of [-1, 1]) {
        let out = street.setbackM + random.uniform(27, 31);
        while (out < 68) {
          const widthM = city ? random.uniform(10, 16) : random.uniform(8.5, 12);
          const away = crossing.halfWidthM + street.sidewalkM + (city ? 1 : random.uniform(3, 5));
          const s = crossing.s + end * away;
          const t = side * (street.edge(side) + out + widthM / 2);
          const p = street.point(s, t);
          const z = street.groundHeight(s, out + widthM / 2, side) - 0.012 * street.edge(side) - 0.15;
          // Its front looks at the side street.
          mesh.place({ x: p.x, y: p.y, z, yaw: p.heading - (end * Math.PI) / 2 });
          building(mesh, random, materials, {
            widthM,
            depthM: random.uniform(8, 11),
            floors: city ? 2 + random.integer(3) : 1 + random.integer(2),
            roof: random.pick(['gable', 'hip', 'flat', 'mansard'] as const),
            shops: false,
          });
          mesh.unplace();
          out += widthM + (city ? random.pick([0, 0, 4]) : random.uniform(3, 8));
        }
      }
  }
}
