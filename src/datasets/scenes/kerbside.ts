import { tuft } from './foliage.ts';
import { Cutout, plain, Surface } from './materials.ts';
import { facing, place, plant, type Site } from './site.ts';
import { furniture } from './street-furniture.ts';

/** Lamps, poles, signs, trees in the verge, bins and bollards along the kerb. */
export function kerbside(site: Site, side: number): void {
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
  for (let s = street.reach.back + random.uniform(0, lampGap); s < street.reach.ahead; s += lampGap) {
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
    for (let s = street.reach.back; s < street.reach.ahead; s += gap)
      if (!street.atCrossing(s, 5) && random.chance(0.85))
        plant(
          site,
          shape,
          place(street, s + random.normal(0, 0.5), 0.16 + street.vergeM / 2, side),
          scale * random.uniform(0.75, 1.05),
        );
  }
}

/** Adds tufts to verges and roadsides near the car. */
export function grassTufts(site: Site, side: number): void {
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
  const { fromS, toS, share } = site.extent.tufts;
  const count = Math.round((country ? 1500 : 500) * share);
  for (let i = 0; i < count; i++) {
    const s = fromS + (toS - fromS) * random.uniform() ** 1.5;
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
