/** Where something is at a time: metres, seconds. */
export interface PathPoint {
  readonly timeS: number;
  readonly x: number;
  readonly y: number;
}

/** Points of a path farther away in time than this say nothing of a velocity. */
const WINDOW_S = 0.35;

/** The velocity along a path at one of its points, m/s: the slope of the line of least squares through the points within 0.35 s; 0 for one point. */
export function velocityAt(path: readonly PathPoint[], index: number): [x: number, y: number] {
  const { timeS } = path[index];
  const near = path.filter((other) => Math.abs(other.timeS - timeS) <= WINDOW_S);
  const mean = (value: (point: PathPoint) => number): number =>
    near.reduce((sum, point) => sum + value(point), 0) / near.length;
  const [t, x, y] = [mean((p) => p.timeS), mean((p) => p.x), mean((p) => p.y)];
  const spread = near.reduce((sum, point) => sum + (point.timeS - t) ** 2, 0);
  if (spread === 0) return [0, 0];
  return [
    near.reduce((sum, point) => sum + (point.timeS - t) * (point.x - x), 0) / spread,
    near.reduce((sum, point) => sum + (point.timeS - t) * (point.y - y), 0) / spread,
  ];
}
