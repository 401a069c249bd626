import type { Random } from '../../engine/random.ts';
import type { BuildingPlan } from './building-look.ts';
import { building } from './buildings.ts';
import { fence } from './fences.ts';
import { foliage, hedge } from './foliage.ts';
import { blocks } from './ground.ts';
import { grassTufts, kerbside } from './kerbside.ts';
import { type MaterialTable, plain, Surface } from './materials.ts';
import type { Mesh, Vec3 } from './mesh.ts';
import { facing, type LandExtent, place, plant, type Site, sceneExtent } from './site.ts';
import type { Street } from './street.ts';
import { broadleaf, bush, conifer, leafMaterial, type TreeShape } from './vegetation.ts';

/** Adds what stands beside the street: houses, gardens, trees, woods, lamps, signs, fences, grass. */
export function plantAndBuild(
  mesh: Mesh,
  random: Random,
  materials: MaterialTable,
  street: Street,
  extent: LandExtent = sceneExtent,
): void {
  const autumn = random.chance(0.35) ? random.uniform(0.1, 0.6) : 0;
  const trees: TreeShape[] = [0, 1, 2].map(() => broadleaf(random, materials, autumn));
  trees.push(conifer(random, materials));
  const shrubs = [bush(random, materials), bush(random, materials)];
  const site: Site = { mesh, random, materials, street, trees, shrubs, autumn, extent };
  for (const side of [-1, 1]) {
    if (street.surroundings === 'country') countryside(site, side);
    else houses(site, side);
    kerbside(site, side);
    grassTufts(site, side);
  }
  horizonWoods(site);
}

function houses(site: Site, side: number): void {
  const { mesh, random, materials, street } = site;
  const city = street.surroundings === 'city';
  const core = materials.add({ ...plain([0.15, 0.2, 0.08], 0.3), kind: Surface.grass });
  const cityRoof = random.pick(['gable', 'mansard', 'flat', 'gable'] as const);
  for (const [from, to] of blocks(street)) {
    let s = from + street.sidewalkM + random.uniform(0.5, 3);
    while (s < to - 8) {
      const widthM = city ? random.uniform(10, 20) : random.uniform(8.5, 14);
      if (s + widthM > to - street.sidewalkM) break;
      const middle = s + widthM / 2;
      const open = random.chance(city ? 0.12 : 0.16);
      const set = street.setbackM + (city ? 0 : random.uniform(0, 3));
      if (!open) {
        const plan: BuildingPlan = {
          widthM: widthM - (city ? 0.05 : 0),
          depthM: random.uniform(8, 12),
          floors: city ? 2 + random.integer(4) : 1 + random.integer(2),
          roof: city
            ? random.chance(0.6)
              ? cityRoof
              : random.pick(['gable', 'flat', 'mansard'] as const)
            : random.pick(['gable', 'gable', 'hip', 'flat'] as const),
          shops: city && random.chance(0.5),
        };
        const p = place(street, middle, set, side);
        mesh.place({ x: p[0], y: p[1], z: p[2] - 0.1, yaw: facing(street, middle, side) });
        building(mesh, random, materials, plan);
        mesh.unplace();
      } else
        for (let i = 0; i < 3; i++)
          plant(
            site,
            random.pick(site.trees),
            place(street, random.uniform(s, s + widthM), set + random.uniform(1, 10), side),
            random.uniform(0.7, 1.1),
          );
      if (!city || open) garden(site, side, s, s + widthM, set, core);
      s += widthM + (city ? (random.chance(0.2) ? random.uniform(3, 9) : 0) : random.uniform(2.5, 9));
    }
    for (let k = from; k < to; k += 9)
      if (random.chance(0.7))
        plant(
          site,
          random.pick(site.trees),
          place(street, k, street.setbackM + random.uniform(15, 26), side),
          random.uniform(0.8, 1.3),
        );
  }
}

/** What is between the sidewalk and a house. */
function garden(site: Site, side: number, from: number, to: number, setM: number, core: number): void {
  const { mesh, random, materials, street } = site;
  const line = 0.16 + street.vergeM + street.sidewalkM + 0.35;
  const room = setM - line;
  if (room < 1) return;
  const gate = random.uniform(from + 1, to - 3);
  const kind = random.pick(['hedge', 'bars', 'mesh', 'wall', 'none', 'hedge'] as const);
  const heightM = random.uniform(0.8, 1.7);
  const leaves = leafMaterial(materials, random, 0.1);
  for (const [a, b] of [
    [from - 1, gate],
    [gate + 2.2, to + 1.5],
  ] as const) {
    if (b - a < 1 || kind === 'none') continue;
    for (let s = a; s < b - 0.3; s += 5) {
      const end = Math.min(b, s + 5);
      if (kind === 'hedge')
        hedge(
          mesh,
          random,
          place(street, s, line, side),
          place(street, end, line, side),
          heightM,
          0.7,
          leaves,
          core,
        );
      else fence(mesh, random, materials, place(street, s, line, side), place(street, end, line, side), kind);
    }
  }
  const plants = random.integer(4);
  for (let i = 0; i < plants; i++)
    plant(
      site,
      random.pick(site.shrubs),
      place(street, random.uniform(from, to), random.uniform(line + 0.8, setM - 0.3), side),
      random.uniform(0.6, 1.3),
    );
  if (room > 3.5 && random.chance(0.5))
    plant(
      site,
      random.pick(site.trees),
      place(street, random.uniform(from, to), line + room * 0.5, side),
      random.uniform(0.35, 0.7),
    );
}

function countryside(site: Site, side: number): void {
  const { mesh, random, materials, street } = site;
  const line = 0.5 + street.vergeM + street.sidewalkM;
  const wood = random.chance(0.45);
  const avenue = !wood && random.chance(0.5) ? random.uniform(9, 16) : 0;
  if (random.chance(0.35))
    for (const [from, to] of blocks(street))
      for (let s = from; s < Math.min(to, 110) - 4; s += 4)
        fence(mesh, random, materials, place(street, s, 0.7, side), place(street, s + 4, 0.7, side), 'rail');
  for (let s = street.reach.back; s < street.reach.ahead; s += 4) {
    if (street.atCrossing(s, 4)) continue;
    if (avenue > 0 && (s - street.reach.back) % avenue < 4)
      plant(site, site.trees[0], place(street, s, line + 1.5, side), random.uniform(0.8, 1.05));
    if (!wood) {
      if (random.chance(0.14))
        plant(
          site,
          random.pick(site.trees),
          place(street, s, line + random.uniform(6, 40), side),
          random.uniform(0.6, 1.2),
        );
      continue;
    }
    plant(
      site,
      random.pick(site.trees),
      place(street, s + random.uniform(0, 3), line + random.uniform(3.5, 8), side),
      random.uniform(0.6, 1.1),
    );
    if (random.chance(0.6))
      plant(
        site,
        random.pick(site.trees),
        place(street, s + random.uniform(0, 3), line + random.uniform(9, 18), side),
        random.uniform(0.9, 1.3),
      );
    for (let k = 0; k < 2; k++)
      plant(
        site,
        random.pick(site.shrubs),
        place(street, s + random.uniform(0, 4), line + random.uniform(1.8, 4), side),
        random.uniform(0.8, 1.9),
      );
  }
  if (random.chance(0.5)) {
    const s = random.uniform(35, 100);
    const p = place(street, s, random.uniform(22, 40), side);
    mesh.place({ x: p[0], y: p[1], z: p[2] - 0.3, yaw: facing(street, s, side) + random.normal(0, 0.4) });
    building(mesh, random, materials, {
      widthM: random.uniform(12, 20),
      depthM: 10,
      floors: 1 + random.integer(2),
      roof: 'gable',
      shops: false,
    });
    mesh.unplace();
  }
}

/** Woods and hedgerows in the distance, so that the land does not end. */
function horizonWoods(site: Site): void {
  const { mesh, random, materials } = site;
  const greens = [0, 1].map(() => leafMaterial(materials, random, site.autumn));
  const { belts, beyondM, directions } = site.extent.woods;
  for (let belt = 0; belt < belts; belt++) {
    const distance = random.uniform(150, 235) + beyondM;
    const from = random.uniform(directions[0], directions[1]);
    const length = random.uniform(0.35, 0.9);
    for (let angle = from; angle < from + length; angle += 5.5 / distance) {
      const heightM = random.uniform(5, 11) * (random.chance(0.12) ? 1.5 : 1);
      const away = distance + random.normal(0, 4);
      mesh.material = random.pick(greens);
      const size: Vec3 = [heightM * 0.5, heightM * 0.5, heightM * 0.55];
      foliage(
        mesh,
        random,
        [away * Math.cos(angle), away * Math.sin(angle), -3 + heightM * 0.42],
        size,
        3.4,
        15,
      );
    }
  }
  mesh.exposure = 1;
}
