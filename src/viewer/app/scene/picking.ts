import { type Clip, isInside } from '../../clip.ts';
import type { Extent } from './projection.ts';

/** What `pickPoint` looks among, and how it is drawn. */
export interface PickInput {
  /** Rows of x, y, z. */
  readonly positions: Float32Array;
  readonly count: number;
  /** The rows that are there; the first `count` without them. */
  readonly rows?: Uint32Array;
  /** Points with alpha 0 in these rows of RGBA are not there. */
  readonly colours?: Uint8Array;
  /** 4x4, column-major as WebGL has it: from the positions' frame to clip coordinates. */
  readonly clipFromPoints: ArrayLike<number>;
  readonly extent: Extent;
  /** Whether w is the same for all points. */
  readonly orthographic: boolean;
  /** What a difference of depths is measured by without perspective, metres. */
  readonly referenceM: number;
  /** Metres between clip depth -1 and 1 without perspective. */
  readonly depthRangeM: number;
  readonly disc: Disc;
  /** What of the world counts, with the map to it from the positions' frame (4x4, column-major); all of it without one. */
  readonly clip?: Clip;
  readonly worldFromPoints?: ArrayLike<number>;
}

/** The diameter of a point on the screen, CSS pixels: fixed + perW / w, between least and most. */
export interface Disc {
  readonly fixed: number;
  readonly perW: number;
  readonly least: number;
  readonly most: number;
}

/** The point that was picked. */
export interface PickResult {
  readonly index: number;
  /** Lower is better; comparable between clouds of the same view. */
  readonly score: number;
}

/** What a doubling of the depth costs, against 1 for a whole radius beside the cursor. */
const DEPTH_WEIGHT = 4;
/** Breaks ties between discs that lie on one another. */
const CENTRE_WEIGHT = 0.05;
const NEAREST_W = 0.1;

/**
 * The point that one means with the cursor at (x, y), CSS pixels from the viewport's top left: among those whose disc
 * comes within `radius` the one that is close to it and in front. Score: (gap / radius)² + 4·log2(depth), and
 * a little for the distance to the disc's centre. Nothing is allocated for a point.
 */
export function pickPoint(input: PickInput, x: number, y: number, radius: number): PickResult | undefined {
  const { positions, count, colours, extent, orthographic, disc, clip } = input;
  const m = input.clipFromPoints;
  const halfWidth = extent.width / 2;
  const halfHeight = extent.height / 2;
  // Rows of the map to (pixels right of the cursor · w, pixels below it · w, w).
  const [x0, x1, x2, x3] = [0, 4, 8, 12].map((k) => halfWidth * m[k] + (halfWidth - x) * m[k + 3]);
  const [y0, y1, y2, y3] = [0, 4, 8, 12].map((k) => -halfHeight * m[k + 1] + (halfHeight - y) * m[k + 3]);
  const [z0, z1, z2, z3] = [m[2], m[6], m[10], m[14]];
  const [w0, w1, w2, w3] = [m[3], m[7], m[11], m[15]];
  const metresPerClip = input.depthRangeM / 2;
  const reach = radius + disc.most / 2;
  let index = -1;
  let best = Number.POSITIVE_INFINITY;
  const { rows } = input;
  const last = rows === undefined ? count : rows.length;
  for (let k = 0; k < last; k++) {
    const n = rows === undefined ? k : rows[k];
    const at = 3 * n;
    const px = positions[at];
    const py = positions[at + 1];
    const pz = positions[at + 2];
    const w = w0 * px + w1 * py + w2 * pz + w3;
    if (!(w > NEAREST_W)) continue;
    const limit = reach * w;
    const right = x0 * px + x1 * py + x2 * pz + x3;
    if (right > limit || right < -limit) continue;
    const down = y0 * px + y1 * py + y2 * pz + y3;
    if (down > limit || down < -limit) continue;
    if (colours !== undefined && colours[n * 4 + 3] === 0) continue;
    const away = Math.sqrt(right * right + down * down) / w;
    const size = Math.min(disc.most, Math.max(disc.least, disc.fixed + disc.perW / w));
    const gap = Math.max(0, away - size / 2);
    if (gap > radius) continue;
    if (clip !== undefined && !isInWorld(clip, input.worldFromPoints, px, py, pz)) continue;
    const depth = orthographic
      ? ((z0 * px + z1 * py + z2 * pz + z3) * metresPerClip * Math.LOG2E) / input.referenceM
      : Math.log2(w);
    const beside = gap / radius;
    const score = beside * beside + DEPTH_WEIGHT * depth + (CENTRE_WEIGHT * away) / reach;
    if (score < best) {
      best = score;
      index = n;
    }
  }
  return index < 0 ? undefined : { index, score: best };
}

function isInWorld(clip: Clip, m: ArrayLike<number> | undefined, x: number, y: number, z: number): boolean {
  if (m === undefined) return isInside(clip, x, y, z);
  return isInside(
    clip,
    m[0] * x + m[4] * y + m[8] * z + m[12],
    m[1] * x + m[5] * y + m[9] * z + m[13],
    m[2] * x + m[6] * y + m[10] * z + m[14],
  );
}
