import type { Random } from '../../engine/random.ts';
import type { Box3 } from '../../geometry/box.ts';
import { car } from './car.ts';
import { bicycle, cyclist } from './cyclist.ts';
import type { MaterialTable } from './materials.ts';
import type { Mesh, Placement } from './mesh.ts';
import { pedestrian } from './people.ts';
import type { Street } from './street.ts';
import { truck } from './truck.ts';
import type { VehicleBody } from './vehicle-parts.ts';

export interface TrafficSink {
  /** Adds a labelled object built in its own frame at the placement. */
  add(
    type: string,
    placement: Placement,
    build: (mesh: Mesh, materials: MaterialTable) => VehicleBody | undefined,
  ): Box3;
  /** Adds something that is not labelled. */
  decorate(placement: Placement, build: (mesh: Mesh, materials: MaterialTable) => void): void;
}

/** Puts vehicles, pedestrians and cyclists on the street, none inside another. */
export function traffic(random: Random, street: Street, sink: TrafficSink): void {
  const taken: Array<{ s: number; t: number; reach: number; side: number }> = [
    { s: 0, t: street.egoT, reach: 4.5, side: 1.1 },
  ];
  const free = (s: number, t: number, reach: number, side: number): boolean =>
    taken.every((o) => Math.abs(o.s - s) > o.reach + reach || Math.abs(o.t - t) > o.side + side);
  const country = street.surroundings === 'country';
  const put = (
    s: number,
    t: number,
    turn: number,
    reach: number,
    side: number,
    type: string,
    build: (mesh: Mesh, materials: MaterialTable, fine: boolean) => VehicleBody | undefined,
  ): void => {
    if (!free(s, t, reach, side)) return;
    taken.push({ s, t, reach, side });
    const p = street.point(s, t);
    const fine = p.x > -6 && Math.hypot(p.x, p.y) < 24;
    const placement = { x: p.x, y: p.y, z: surface(street, s, t), yaw: p.heading + turn };
    sink.add(type, placement, (mesh, materials) => build(mesh, materials, fine));
  };
  const vehicle = (s: number, t: number, turn: number, vans: number): void => {
    const roll = random.uniform();
    if (roll < vans * 0.25)
      put(s, t, turn, 6, 1.25, 'Truck', (mesh, materials) => truck(mesh, random, materials));
    else if (roll < vans)
      put(s, t, turn, 3.4, 1, 'Van', (mesh, materials, fine) =>
        car(mesh, random, materials, { van: true, fine }),
      );
    else put(s, t, turn, 2.7, 0.95, 'Car', (mesh, materials, fine) => car(mesh, random, materials, { fine }));
  };

  for (const side of [-1, 1]) {
    const width = street.parkingM[side < 0 ? 0 : 1];
    if (width === 0) continue;
    const fullness = random.uniform(0.3, 0.92);
    const t = side * (street.edge(side) - width / 2 - 0.05);
    for (let s = -60 + random.uniform(0, 5); s < 95; s += random.uniform(5.1, 6.3))
      if (random.chance(fullness) && !street.atCrossing(s, 6))
        vehicle(
          s,
          t + random.normal(0, 0.07),
          (side < 0 ? 0 : Math.PI) * (random.chance(0.9) ? 1 : 0) + random.normal(0, 0.015),
          0.12,
        );
  }
  const flow = random.uniform(0.15, 0.7);
  for (let lane = 0; lane < street.lanesEachWay; lane++)
    for (const side of [-1, 1]) {
      const t = side * street.laneM * (lane + 0.5);
      for (let s = -70 + random.uniform(0, 20); s < 110; s += random.uniform(8, 26))
        if (random.chance(flow))
          vehicle(s, t + random.normal(0, 0.15), (side < 0 ? 0 : Math.PI) + random.normal(0, 0.02), 0.18);
    }
  for (const c of street.crossings)
    for (const side of [-1, 1])
      for (let out = random.uniform(4, 12); out < 45; out += random.uniform(7, 20))
        if (random.chance(0.45))
          vehicle(
            c.s + side * c.halfWidthM * 0.42,
            side * (street.edge(side) + out),
            (-side * Math.PI) / 2 + random.normal(0, 0.03),
            0.12,
          );

  const people = country ? random.integer(4) : 3 + random.integer(street.surroundings === 'city' ? 20 : 9);
  for (let i = 0; i < people; i++) {
    const side = random.pick([-1, 1]);
    const walk = street.edge(side) + 0.16 + street.vergeM;
    const crossing = random.chance(0.1);
    const s = random.chance(0.8) ? 4 + 52 * random.uniform() ** 1.2 : random.uniform(-40, 0);
    const t = crossing
      ? random.uniform(-street.edge(-1), street.edge(1))
      : side * (walk + random.uniform(0.35, Math.max(0.6, street.sidewalkM - 0.35)));
    const turn = crossing
      ? (random.pick([-1, 1]) * Math.PI) / 2
      : random.pick([0, Math.PI]) + random.normal(0, 0.25);
    const group = random.chance(0.25) ? 2 : 1;
    for (let k = 0; k < group; k++)
      put(
        s + k * random.normal(0, 0.2),
        t + k * 0.7 * side,
        turn,
        0.32,
        0.32,
        'Pedestrian',
        (mesh, materials) => {
          pedestrian(mesh, random, materials);
          return undefined;
        },
      );
  }
  const riders = random.integer(country ? 3 : 5);
  for (let i = 0; i < riders; i++) {
    const side = random.pick([-1, 1]);
    const t = side * (street.edge(side) - street.parkingM[side < 0 ? 0 : 1] - random.uniform(0.5, 1));
    put(
      random.uniform(5, 55),
      t,
      (side < 0 ? 0 : Math.PI) + random.normal(0, 0.06),
      1.1,
      0.4,
      'Cyclist',
      (mesh, materials) => {
        cyclist(mesh, random, materials);
        return undefined;
      },
    );
  }
  if (!country)
    for (let i = random.integer(5); i > 0; i--) {
      const side = random.pick([-1, 1]);
      const s = random.uniform(5, 45);
      const t = side * (street.edge(side) + 0.16 + street.vergeM + street.sidewalkM - 0.3);
      if (!free(s, t, 1, 0.3) || street.atCrossing(s, 2)) continue;
      const p = street.point(s, t);
      sink.decorate(
        { x: p.x, y: p.y, z: surface(street, s, t), yaw: p.heading + random.normal(0, 0.08) },
        (mesh, materials) => bicycle(mesh, random, materials),
      );
    }
}

/** The height of the road or of the ground beside it at (s, t). */
export function surface(street: Street, s: number, t: number): number {
  const side = t < 0 ? -1 : 1;
  const out = Math.abs(t) - street.edge(side);
  if (out <= 0) return street.roadHeight(s) - 0.012 * Math.abs(t);
  if (street.atCrossing(s)) return street.crossingHeight(s, t);
  return street.groundHeight(s, out, side) - 0.012 * street.edge(side);
}
