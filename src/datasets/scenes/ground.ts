import type { Random } from '../../engine/random.ts';
import { type Color, type MaterialTable, Surface, shade } from './materials.ts';
import type { Mesh } from './mesh.ts';
import type { Crossing, Street } from './street.ts';

/** Adds the road with its markings, the blocks beside it (kerb, verge, sidewalk, gardens or fields) and the far land, which lies at `landZ`. */
export function ground(
  mesh: Mesh,
  random: Random,
  materials: MaterialTable,
  street: Street,
  landZ = -3.4,
): void {
  const tone = random.uniform(0.8, 1.15);
  const asphaltReturn = random.uniform(0.26, 0.42);
  const country = street.surroundings === 'country';
  const right = street.edge(-1);
  const left = street.edge(1);
  const roadAt = (crossing: Crossing | undefined): number =>
    materials.add({
      kind: Surface.road,
      color: [0.36 * tone, 0.36 * tone, 0.37 * tone],
      second: [0.82, 0.82, 0.8],
      reflectance: asphaltReturn,
      dropout: 0.01,
      parameters: [
        street.laneM,
        street.lanesEachWay,
        country ? 1 : 0,
        crossing?.s ?? 1e6,
        crossing?.halfWidthM ?? 0,
      ],
    });
  const marked = street.markedCrossings.length > 0 ? street.markedCrossings : [undefined];
  const roads = marked.map(roadAt);
  const asphalt = materials.add({
    kind: Surface.asphalt,
    color: [0.35 * tone, 0.35 * tone, 0.35 * tone],
    reflectance: asphaltReturn,
    dropout: 0.01,
  });
  const grassColor: Color = random.pick<Color>([
    [0.36, 0.42, 0.17],
    [0.42, 0.43, 0.2],
    [0.3, 0.38, 0.15],
    [0.5, 0.46, 0.25],
  ]);
  const grass = materials.add({
    kind: Surface.grass,
    color: grassColor,
    second: shade([0.5, 0.45, 0.27], 1),
    reflectance: 0.36,
    dropout: 0.03,
  });
  const field = materials.add({
    kind: Surface.field,
    color: shade(grassColor, 1.1),
    second: random.pick<Color>([
      [0.6, 0.52, 0.3],
      [0.42, 0.33, 0.22],
      [0.4, 0.46, 0.2],
    ]),
    reflectance: 0.36,
    dropout: 0.03,
    parameters: [random.uniform(0, 3)],
  });
  const paving = materials.add({
    kind: Surface.paving,
    color: random.pick<Color>([
      [0.52, 0.51, 0.49],
      [0.56, 0.52, 0.47],
      [0.5, 0.44, 0.41],
      [0.42, 0.42, 0.42],
    ]),
    reflectance: 0.3,
    parameters: [random.pick([0.3, 0.4, 0.2]), random.pick([0.3, 0.6, 0.1])],
  });
  const kerb = materials.add({
    kind: Surface.concrete,
    color: [0.6, 0.59, 0.57],
    reflectance: 0.4,
    parameters: [1],
  });

  marked.forEach((crossing, i) => {
    const halfWay = (to: Crossing | undefined): number | undefined => to && ((crossing?.s ?? 0) + to.s) / 2;
    strip(
      mesh,
      street,
      roads[i],
      [-right, -right / 2, 0, left / 2, left],
      steps(halfWay(marked[i - 1]) ?? street.reach.back, halfWay(marked[i + 1]) ?? street.reach.ahead, 3),
      (s, t) => street.roadHeight(s) - 0.012 * Math.abs(t),
    );
  });
  for (const c of street.crossings)
    for (const side of [-1, 1]) {
      const outs = steps(0, 75, 7.5).map((out) => side * (out + street.edge(side)));
      // The corners are round, so that the asphalt is wider there.
      const parts = street.levelCrossings
        ? ([
            [outs.slice(0, 2), 5],
            [outs.slice(1), 0.2],
          ] as const)
        : ([[outs, 5]] as const);
      for (const [ts, margin] of parts)
        strip(
          mesh,
          street,
          asphalt,
          ts,
          steps(c.s - c.halfWidthM - margin, c.s + c.halfWidthM + margin, 3),
          (s, t) => street.crossingHeight(s, t),
        );
    }
  for (const side of [-1, 1])
    for (const [from, to] of blocks(street))
      block(mesh, street, side, from, to, { kerb, grass, paving, field: country ? field : grass });
  land(mesh, field, landZ);
}

/** A surface over all s and t, its texture coordinates being (s, t). */
function strip(
  mesh: Mesh,
  street: Street,
  material: number,
  ts: readonly number[],
  ss: readonly number[],
  height: (s: number, t: number) => number,
): void {
  mesh.material = material;
  const first = mesh.vertexCount;
  for (const s of ss)
    for (const t of ts) {
      const p = street.point(s, t);
      mesh.vertex(p.x, p.y, height(s, t), 0, 0, 1, s, t);
    }
  grid(mesh, first, ss.length, ts.length);
}

function grid(mesh: Mesh, first: number, rows: number, columns: number): void {
  for (let i = 0; i + 1 < rows; i++)
    for (let j = 0; j + 1 < columns; j++) {
      const a = first + i * columns + j;
      mesh.triangle(a, a + columns, a + columns + 1);
      mesh.triangle(a, a + columns + 1, a + 1);
    }
}

/** The stretches of street between crossings. */
export function blocks(street: Street): Array<readonly [from: number, to: number]> {
  const cuts = [...street.crossings].sort((a, b) => a.s - b.s);
  const result: Array<readonly [number, number]> = [];
  let from: number = street.reach.back;
  for (const c of cuts) {
    result.push([from, c.s - c.halfWidthM]);
    from = c.s + c.halfWidthM;
  }
  result.push([from, street.reach.ahead]);
  return result;
}

interface BlockMaterials {
  readonly kerb: number;
  readonly grass: number;
  readonly paving: number;
  readonly field: number;
}

/** The raised ground beside the road between two crossings, with rounded corners. */
function block(
  mesh: Mesh,
  street: Street,
  side: number,
  from: number,
  to: number,
  look: BlockMaterials,
): void {
  const { vergeM, sidewalkM, kerbM } = street;
  const radius = 3.5;
  const walk = 0.16 + vergeM + sidewalkM;
  const outs = [
    0,
    0.02,
    0.16,
    0.5,
    1,
    1.7,
    2.5,
    radius,
    0.16 + vergeM,
    walk,
    walk + 3,
    walk + 7,
    walk + 14,
    30,
    45,
    75,
  ];
  const rows = [...new Set(outs)].sort((a, b) => a - b);
  const corner = (out: number): number =>
    out >= radius ? 0 : radius - Math.sqrt(radius * radius - (radius - out) ** 2);
  const inner = [0, 0.02, 0.16, 0.16 + sidewalkM];
  const columns = [...inner, ...steps(4, to - from - 4, 4), ...inner.map((v) => to - from - v).reverse()];
  const length = to - from;
  const open = [from > street.reach.back, to < street.reach.ahead];
  const height = (s: number, out: number, alongM: number): number => {
    const rim = Math.min(out, open[0] ? alongM : 9, open[1] ? length - alongM : 9);
    if (rim < 0.01) return street.kerbFoot(s);
    return street.groundHeight(s, out, side) - 0.012 * street.edge(side);
  };
  const at = (i: number, j: number): { s: number; out: number; alongM: number } => {
    const out = rows[i];
    const cut = corner(out);
    const start = open[0] ? cut : 0;
    const end = open[1] ? cut : 0;
    const alongM = columns[j];
    return { s: from + start + (alongM / length) * (length - start - end), out, alongM };
  };
  for (let i = 0; i + 1 < rows.length; i++)
    for (let j = 0; j + 1 < columns.length; j++) {
      const out = (rows[i] + rows[i + 1]) / 2;
      const alongM = (columns[j] + columns[j + 1]) / 2;
      const cross = Math.min(open[0] ? alongM : 99, open[1] ? length - alongM : 99);
      const rim = Math.min(out, cross);
      const paved = (out > 0.16 + vergeM && out < walk) || (cross < 0.16 + sidewalkM && out < 40);
      mesh.material =
        kerbM < 0.05
          ? paved
            ? look.paving
            : out < walk + 3
              ? look.grass
              : look.field
          : rim < 0.16
            ? look.kerb
            : paved
              ? look.paving
              : out < walk + 7
                ? look.grass
                : look.field;
      const first = mesh.vertexCount;
      const steep = rim < 0.02;
      for (const [di, dj] of [
        [0, 0],
        [0, 1],
        [1, 1],
        [1, 0],
      ]) {
        const { s, out: o, alongM: a } = at(i + di, j + dj);
        const p = street.point(s, side * (street.edge(side) + o));
        const face = steep ? -side : 0;
        mesh.vertex(
          p.x,
          p.y,
          height(s, o, a),
          -Math.sin(p.heading) * face,
          Math.cos(p.heading) * face,
          steep ? 0.3 : 1,
          s,
          side * (street.edge(side) + o),
        );
      }
      mesh.triangle(first, first + 1, first + 2);
      mesh.triangle(first, first + 2, first + 3);
    }
}

/** The land as far as the eye reaches. */
function land(mesh: Mesh, field: number, landZ: number): void {
  mesh.material = field;
  const rings = [0, 60, 110, 200, 400, 900];
  const sides = 24;
  const first = mesh.vertexCount;
  for (const [i, radius] of rings.entries())
    for (let k = 0; k <= sides; k++) {
      const angle = (2 * Math.PI * k) / sides;
      const x = radius * Math.cos(angle);
      const y = radius * Math.sin(angle);
      mesh.vertex(x, y, landZ + (i > 3 ? (i - 3) * 0.8 : 0), 0, 0, 1, x, y);
    }
  grid(mesh, first, rings.length, sides + 1);
}

/** Numbers from..to about `step` apart, both ends included. */
function steps(from: number, to: number, step: number): number[] {
  const count = Math.max(1, Math.round((to - from) / step));
  return Array.from({ length: count + 1 }, (_, i) => from + ((to - from) * i) / count);
}
