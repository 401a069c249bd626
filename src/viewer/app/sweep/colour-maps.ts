/** Stops of colour maps from low to high, red, green, blue; between them colours are mixed. */
const stops: { readonly [name: string]: ReadonlyArray<readonly [number, number, number]> } = {
  // Mikhailov's Turbo, without its darkest ends, which are lost on a dark ground.
  turbo: [
    [70, 98, 216],
    [65, 145, 254],
    [31, 194, 222],
    [36, 236, 166],
    [114, 254, 94],
    [182, 247, 53],
    [231, 215, 57],
    [254, 166, 49],
    [244, 103, 27],
    [212, 51, 5],
  ],
  // Matplotlib's viridis.
  viridis: [
    [84, 40, 120],
    [71, 65, 134],
    [54, 92, 141],
    [39, 127, 142],
    [31, 161, 135],
    [74, 193, 109],
    [160, 218, 57],
    [253, 231, 37],
  ],
  // Matplotlib's magma, lifted at its low end.
  magma: [
    [60, 30, 100],
    [114, 31, 129],
    [158, 47, 127],
    [205, 64, 113],
    [241, 96, 93],
    [253, 149, 103],
    [254, 202, 141],
    [252, 253, 191],
  ],
  grey: [
    [70, 74, 82],
    [240, 243, 248],
  ],
};

/** The maps that a person can choose. */
export const mapNames = ['turbo', 'viridis', 'magma', 'grey'] as const;

const levels = 256;
const tables = new Map<string, Uint8Array>();

/** A map as 256 rows of red, green, blue; `turbo` for a name that is none. */
export function colourTable(name: string): Uint8Array {
  const key = Object.hasOwn(stops, name) ? name : 'turbo';
  const known = tables.get(key);
  if (known !== undefined) return known;
  const table = new Uint8Array(3 * levels);
  const marks = stops[key];
  for (let level = 0; level < levels; level++) {
    const at = (level / (levels - 1)) * (marks.length - 1);
    const from = Math.min(Math.floor(at), marks.length - 2);
    for (let c = 0; c < 3; c++) {
      table[3 * level + c] = Math.round(marks[from][c] + (marks[from + 1][c] - marks[from][c]) * (at - from));
    }
  }
  tables.set(key, table);
  return table;
}

/** A map as a CSS gradient from left to right. */
export function cssGradient(name: string): string {
  const marks = stops[Object.hasOwn(stops, name) ? name : 'turbo'];
  return `linear-gradient(to right, ${marks.map((mark) => `rgb(${mark.join(' ')})`).join(', ')})`;
}
