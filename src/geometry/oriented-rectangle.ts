/** A rectangle in a plane, such as a box seen from above: centre, sides and the turn of its length from +x towards +y (metres, radians). */
export interface OrientedRectangle {
  readonly x: number;
  readonly y: number;
  readonly length: number;
  readonly width: number;
  readonly yaw: number;
}

/** A rectangle cut by four lines has eight corners at most. */
const MOST_CORNERS = 8;
const cornersX = [new Float64Array(MOST_CORNERS + 1), new Float64Array(MOST_CORNERS + 1)];
const cornersY = [new Float64Array(MOST_CORNERS + 1), new Float64Array(MOST_CORNERS + 1)];

/**
 * The area that two rectangles share, the same in either order and never more than the smaller one's; 0 where one has no
 * area. The second is cut at the sides of the first, in the first one's own frame, so that places far from the origin
 * lose nothing. Negative sides count as their size.
 */
export function intersectionArea(a: OrientedRectangle, b: OrientedRectangle): number {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const reach = (diagonalOf(a) + diagonalOf(b)) / 2;
  if (!(dx * dx + dy * dy < reach * reach)) return 0;
  return comesFirst(a, b) ? sharedArea(a, b, dx, dy) : sharedArea(b, a, -dx, -dy);
}

function diagonalOf({ length, width }: OrientedRectangle): number {
  return Math.sqrt(length * length + width * width);
}

/** A fixed order of two rectangles, so that rounding does not depend on which was given first. */
function comesFirst(a: OrientedRectangle, b: OrientedRectangle): boolean {
  if (a.x !== b.x) return a.x < b.x;
  if (a.y !== b.y) return a.y < b.y;
  if (a.length !== b.length) return a.length < b.length;
  if (a.width !== b.width) return a.width < b.width;
  return a.yaw <= b.yaw;
}

function sharedArea(a: OrientedRectangle, b: OrientedRectangle, dx: number, dy: number): number {
  const smaller = Math.min(Math.abs(a.length * a.width), Math.abs(b.length * b.width));
  if (!(smaller > 0)) return 0;
  const turn = b.yaw - a.yaw;
  const [ca, sa] = [Math.cos(a.yaw), Math.sin(a.yaw)];
  const [c, s] = [Math.cos(turn), Math.sin(turn)];
  const x = ca * dx + sa * dy;
  const y = ca * dy - sa * dx;
  const [along, across] = [Math.abs(b.length) / 2, Math.abs(b.width) / 2];
  const [px, py] = [cornersX[0], cornersY[0]];
  for (let k = 0; k < 4; k++) {
    const u = k === 0 || k === 3 ? along : -along;
    const v = k < 2 ? across : -across;
    px[k] = x + c * u - s * v;
    py[k] = y + s * u + c * v;
  }
  let count = 4;
  let from = 0;
  for (let side = 0; side < 4 && count > 0; side++) {
    const limit = (side < 2 ? Math.abs(a.length) : Math.abs(a.width)) / 2;
    count = cut(from, count, { alongX: side < 2, sign: side % 2 === 0 ? 1 : -1, limit });
    from = 1 - from;
  }
  return Math.min(polygonArea(cornersX[from], cornersY[from], count), smaller);
}

/** Keeps the part of a convex polygon where sign · coordinate ≤ limit (Sutherland and Hodgman 1974); gives its number of corners. */
function cut(
  from: number,
  count: number,
  { alongX, sign, limit }: { readonly alongX: boolean; readonly sign: number; readonly limit: number },
): number {
  const [x, y] = [cornersX[from], cornersY[from]];
  const [nextX, nextY] = [cornersX[1 - from], cornersY[1 - from]];
  const own = alongX ? x : y;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const j = i + 1 < count ? i + 1 : 0;
    const di = limit - sign * own[i];
    const dj = limit - sign * own[j];
    if (di >= 0) {
      nextX[kept] = x[i];
      nextY[kept++] = y[i];
    }
    if (di >= 0 !== dj >= 0 && kept < MOST_CORNERS) {
      const t = di / (di - dj);
      nextX[kept] = x[i] + t * (x[j] - x[i]);
      nextY[kept++] = y[i] + t * (y[j] - y[i]);
    }
  }
  return kept;
}

/** The area of a polygon (the shoelace formula), taken from its first corner. */
function polygonArea(x: Float64Array, y: Float64Array, count: number): number {
  let twice = 0;
  for (let i = 1; i + 1 < count; i++) {
    twice += (x[i] - x[0]) * (y[i + 1] - y[0]) - (x[i + 1] - x[0]) * (y[i] - y[0]);
  }
  return Math.abs(twice) / 2;
}
