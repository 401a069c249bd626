import type { Clip } from '../../clip.ts';

/** The tiles of a cloud, as far as its points have come. */
export interface CloudTiles {
  /** How many tiles there are. */
  readonly count: number;
  /** Middles of the tiles on the ground: rows of x, y. */
  readonly middles: Float32Array;
  readonly sideM: number;
  /** Corners of what holds each tile's points: min x, y, z, max x, y, z. */
  readonly bounds: Float32Array;
  /** Of each pass that has come: tile t has the rows from starts[t] to starts[t + 1] of the cloud. */
  readonly passes: readonly Uint32Array[];
}

/** Where one looks at a cloud from. */
export interface DetailView {
  /** 4x4, column-major: from the cloud's frame to clip coordinates. */
  readonly clipFromPoints: ArrayLike<number>;
  readonly orthographic: boolean;
  /** What of the cloud's frame is drawn at all. */
  readonly clip: Clip | undefined;
}

/** What of a cloud is drawn. */
export interface Detail {
  /** How many rows were written. */
  readonly drawn: number;
  /** How many points the tiles that are seen have. */
  readonly seen: number;
}

/** So often the nearness that the budget allows is halved to be found. */
const halvings = 24;

/**
 * Writes the rows to draw into `into`, no more than it holds and about `budget`: of each tile that is seen the first passes,
 * as many as its nearness demands. A pass is spread evenly over the cloud, so that a tile of half of the passes has half of
 * its density; seen twice as far away, a tile needs a quarter of the points.
 */
export function chooseRows(tiles: CloudTiles, view: DetailView, budget: number, into: Uint32Array): Detail {
  const { passes, count } = tiles;
  const last = passes.length;
  if (last === 0) return { drawn: 0, seen: 0 };
  const points = new Float64Array(count);
  const wanted = new Float64Array(count);
  let seen = 0;
  for (let t = 0; t < count; t++) {
    if (!isSeen(tiles, view, t)) continue;
    for (const starts of passes) points[t] += starts[t + 1] - starts[t];
    wanted[t] = view.orthographic ? 1 : 1 / depthOf(tiles, view, t) ** 2;
    seen += points[t];
  }
  const total = (nearness: number) => {
    let sum = 0;
    for (let t = 0; t < count; t++) sum += points[t] * Math.min(1, nearness * wanted[t]);
    return sum;
  };
  let nearness = Infinity;
  if (seen > budget) {
    let [low, high] = [0, 1e12];
    for (let k = 0; k < 2 * halvings; k++) {
      const middle = low === 0 ? Math.min(high / 2 ** 20, 1) : Math.sqrt(low * high);
      if (total(middle) > budget) high = middle;
      else low = Math.max(middle, 1e-12);
    }
    nearness = low;
  }
  let drawn = 0;
  for (let t = 0; t < count; t++) {
    if (points[t] === 0) continue;
    const share = nearness === Infinity ? 1 : Math.min(1, nearness * wanted[t]);
    // What is left of a pass decides by the tile's number, so that a budget below one pass of all tiles is not overrun.
    const exact = share * last;
    const whole = Math.floor(exact) + ((t * 0.618034) % 1 < exact % 1 ? 1 : 0);
    for (let p = 0; p < whole; p++) {
      const starts = passes[p];
      const end = Math.min(starts[t + 1], starts[t] + into.length - drawn);
      for (let row = starts[t]; row < end; row++) into[drawn++] = row;
    }
  }
  return { drawn, seen };
}

/** The depth of a tile's middle, not nearer than half of its side. */
function depthOf(
  { middles, sideM, bounds }: CloudTiles,
  { clipFromPoints: m }: DetailView,
  t: number,
): number {
  const [x, y] = [middles[2 * t], middles[2 * t + 1]];
  const z = Math.max(-1e4, Math.min(1e4, (bounds[6 * t + 2] + bounds[6 * t + 5]) / 2));
  return Math.max(m[3] * x + m[7] * y + m[11] * z + m[15], sideM / 2);
}

/** Whether something of a tile may be on the screen and within the clip. */
function isSeen({ bounds }: CloudTiles, { clipFromPoints: m, clip }: DetailView, t: number): boolean {
  const at = 6 * t;
  for (let axis = 0; axis < 3; axis++) {
    if (bounds[at + axis] > bounds[at + 3 + axis]) return false;
    if (clip === undefined) continue;
    if (bounds[at + axis] > clip.high[axis] || bounds[at + 3 + axis] < clip.low[axis]) return false;
  }
  // Beside a side of the view lies what has all of its corners there.
  let [left, right, below, above, behind] = [0, 0, 0, 0, 0];
  for (let corner = 0; corner < 8; corner++) {
    const x = bounds[at + (corner & 1 ? 3 : 0)];
    const y = bounds[at + (corner & 2 ? 4 : 1)];
    const z = bounds[at + (corner & 4 ? 5 : 2)];
    const w = m[3] * x + m[7] * y + m[11] * z + m[15];
    const cx = m[0] * x + m[4] * y + m[8] * z + m[12];
    const cy = m[1] * x + m[5] * y + m[9] * z + m[13];
    if (cx < -w) left++;
    if (cx > w) right++;
    if (cy < -w) below++;
    if (cy > w) above++;
    if (w <= 0) behind++;
  }
  return left < 8 && right < 8 && below < 8 && above < 8 && behind < 8;
}
