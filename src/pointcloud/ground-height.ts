/** What counts as the ground around a place. */
export interface GroundHeightOptions {
  /** Points within this distance from above are looked at, metres (4). */
  readonly radiusM?: number;
  /** The share of them that lies below the ground's height (0.1): not the lowest one, which may be a reflection from below the road. */
  readonly share?: number;
}

/** What is looked at where nothing else is asked for. */
export const GROUND_HEIGHT = { radiusM: 4, share: 0.1 };

/**
 * The height of the ground around each place (rows of x, y, z), metres: a low quantile of the heights of the points (rows of x, y, z,
 * reflectance) near it as seen from above; the place's own height where there are none.
 *
 * @example
 * const points = Float32Array.of(0, 0, -1.7, 0, 1, 0, -1.7, 0, 1, 1, 0.2, 0);
 * groundHeights(points, Float32Array.of(0.5, 0, 0.1)); // [-1.7]
 */
export function groundHeights(
  points: Float32Array,
  places: Float32Array,
  options: GroundHeightOptions = {},
): Float32Array<ArrayBuffer> {
  const { radiusM, share } = { ...GROUND_HEIGHT, ...options };
  const cells = new Map<number, number[]>();
  const keyOf = (column: number, row: number) => column * 65536 + row;
  const cellOf = (metres: number) => Math.floor(metres / radiusM);
  for (let i = 0; i < points.length; i += 4) {
    const key = keyOf(cellOf(points[i]), cellOf(points[i + 1]));
    const cell = cells.get(key);
    if (cell === undefined) cells.set(key, [i]);
    else cell.push(i);
  }
  return Float32Array.from({ length: places.length / 3 }, (_, n) => {
    const [x, y, z] = places.subarray(3 * n, 3 * n + 3);
    const heights: number[] = [];
    for (let column = cellOf(x) - 1; column <= cellOf(x) + 1; column++)
      for (let row = cellOf(y) - 1; row <= cellOf(y) + 1; row++)
        for (const i of cells.get(keyOf(column, row)) ?? [])
          if ((points[i] - x) ** 2 + (points[i + 1] - y) ** 2 <= radiusM ** 2) heights.push(points[i + 2]);
    if (heights.length === 0) return z;
    heights.sort((a, b) => a - b);
    return heights[Math.floor(share * (heights.length - 1))];
  });
}
