import type { Random } from '../../engine/random.ts';
import { type BuildingPlan, building } from './buildings.ts';
import { blocks } from './ground.ts';
import { Cutout, type MaterialTable, plain, Surface } from './materials.ts';
import type { Mesh, Vec3 } from './mesh.ts';
import { type Street, streetReach } from './street.ts';
import { fence, furniture } from './street-furniture.ts';
import {
  broadleaf,
  bush,
  conifer,
  foliage,
  hedge,
  leafMaterial,
  type TreeShape,
  tuft,
} from './vegetation.ts';

/** Adds what stands beside the street: houses, gardens, trees, woods, lamps, signs, fences, grass. */
export function plantAndBuild(mesh: Mesh, random: Random, materials: MaterialTable, street: Street): void {
  const autumn = random.chance(0.35) ? random.uniform(0.1, 0.6) : 0;
  const trees: TreeShape[] = [0, 1, 2].map(() => broadleaf(random, materials, autumn));
  trees.push(conifer(random, materials));
  const shrubs = [bush(random, materials), bush(random, materials)];
  const site: Site = { mesh, random, materials, street, trees, shrubs, autumn };
  for (const side of [-1, 1]) {
    if (street.surroundings === 'country') countryside(site, side);
    else houses(site, side);
    kerbside(site, side);
    grassTufts(site, side);
  }
  horizonWoods(site);
}

interface Site {
  readonly mesh: Mesh;
  readonly random: Random;
  readonly materials: MaterialTable;
  readonly street: Street;
  readonly trees: readonly TreeShape[];
  readonly shrubs: readonly TreeShape[];
  readonly autumn: number;
}

/** A place `out` metres beyond the kerb, on the ground. */
function place(street: Street, s: number, out: number, side: number): Vec3 {
  const p = street.point(s, side * (street.edge(side) + out));
  return [p.x, p.y, street.groundHeight(s, out, side) - 0.012 * street.edge(side)];
}

/** The yaw that looks along the street with the road at -y for the right side of `side`. */
function facing(street: Street, s: number, side: number): number {
  return street.point(s, 0).heading + (side > 0 ? 0 : Math.PI);
}

function plant(site: Site, shape: TreeShape, at: Vec3, scale: number): void {
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
  const detailed = at[0] > -12 && Math.hypot(at[0], at[1]) < 38;
  mesh.append(detailed ? shape.mesh : shape.far, new Map([[shape.leaves, leaves]]));
  mesh.unplace();
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
  for (let s = streetReach.back; s < streetReach.ahead; s += 4) {
    if (street.atCrossing(s, 4)) continue;
    if (avenue > 0 && (s - streetReach.back) % avenue < 4)
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

/** Lamps, poles, signs, trees in the verge, bins and bollards along the kerb. */
function kerbside(site: Site, side: number): void {
  const { mesh, random, materials, street } = site;
  const stand = (
    s: number,
    out: number,
    build: (typeof furniture)[keyof typeof furniture],
    turn = 0,
  ): void => {
    if (street.atCrossing(s, 2.5)) return;
    const p = place(street, s, out, side);
    mesh.place({ x: p[0], y: p[1], z: p[2], yaw: facing(street, s, side) + turn });
    build(mesh, random, materials);
    mesh.unplace();
  };
  const country = street.surroundings === 'country';
  const lampGap = random.uniform(22, 34);
  const lamps = country ? random.chance(0.3) : random.chance(0.75);
  const poles = !lamps && random.chance(0.7);
  for (let s = streetReach.back + random.uniform(0, lampGap); s < streetReach.ahead; s += lampGap) {
    if (lamps) stand(s, 0.6, furniture.lamp);
    else if (poles) stand(s, 0.9 + street.vergeM * 0.5, furniture.pole);
  }
  const turn = side < 0 ? Math.PI : Math.PI;
  const signs = 1 + random.integer(4);
  for (let i = 0; i < signs; i++) stand(random.uniform(-40, 90), 0.55, furniture.sign, side < 0 ? turn : 0);
  for (const c of street.crossings)
    if (random.chance(0.5)) stand(c.s - c.halfWidthM - 3, 0.5, furniture.trafficLight, side < 0 ? turn : 0);
  if (!country) {
    const bins = random.integer(6);
    for (let i = 0; i < bins; i++)
      stand(random.uniform(-30, 60), 0.16 + street.vergeM + street.sidewalkM - 0.4, furniture.bin);
    if (random.chance(0.3))
      for (let s = random.uniform(-20, 20), k = 0; k < 14; k++) stand(s + 2 * k, 0.35, furniture.bollard);
  }
  if (!country && street.vergeM > 0.9 && random.chance(0.85)) {
    const gap = random.uniform(8, 15);
    const shape = random.pick(site.trees.slice(0, 3));
    const scale = Math.min(1, 9 / shape.heightM);
    for (let s = streetReach.back; s < streetReach.ahead; s += gap)
      if (!street.atCrossing(s, 5) && random.chance(0.85))
        plant(
          site,
          shape,
          place(street, s + random.normal(0, 0.5), 0.16 + street.vergeM / 2, side),
          scale * random.uniform(0.75, 1.05),
        );
  }
}

function grassTufts(site: Site, side: number): void {
  const { mesh, random, materials, street } = site;
  const country = street.surroundings === 'country';
  if (!country && street.vergeM < 0.5) return;
  const grass = materials.add({
    ...plain([0.36, 0.43, 0.17], 0.35),
    kind: Surface.leaf,
    second: [0.55, 0.52, 0.26],
    cutout: Cutout.grass,
    dropout: 0.1,
  });
  mesh.material = grass;
  mesh.exposure = 0.85;
  const count = country ? 1500 : 500;
  for (let i = 0; i < count; i++) {
    const s = 4 + 46 * random.uniform() ** 1.5;
    if (street.atCrossing(s, 1)) continue;
    const out = country
      ? street.sidewalkM > 0
        ? random.uniform(0.1, street.vergeM)
        : 0.15 + 9 * random.uniform() ** 2
      : random.uniform(0.3, street.vergeM);
    tuft(
      mesh,
      random,
      place(street, s, out, side),
      country ? random.uniform(0.12, 0.4) : random.uniform(0.06, 0.16),
    );
  }
  mesh.exposure = 1;
}

/** Woods and hedgerows in the distance, so that the land does not end. */
function horizonWoods(site: Site): void {
  const { mesh, random, materials } = site;
  const greens = [0, 1].map(() => leafMaterial(materials, random, site.autumn));
  for (let belt = 0; belt < 5; belt++) {
    const distance = random.uniform(150, 235);
    const from = random.uniform(-1.1, 0.7);
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
