/** What is known of a cluster of points by its place and its extent, in a fixed frame, metres. */
export interface SegmentShape {
  /** Rows of the sweep that are its points, ascending. */
  readonly rows: readonly number[];
  readonly centroid: readonly [x: number, y: number, z: number];
  readonly min: readonly [x: number, y: number, z: number];
  readonly max: readonly [x: number, y: number, z: number];
}

/** The shape of each label; `points` are rows of `stride` floats (4) that begin with x, y, z, labels go from 0 on, and -1 is none; a label of no row has no rows. */
export function shapesOf(points: Float32Array, labels: Int32Array, stride = 4): SegmentShape[] {
  const count = labels.reduce((most, label) => Math.max(most, label + 1), 0);
  const rows = Array.from({ length: count }, (): number[] => []);
  for (let i = 0; i < labels.length; i++) if (labels[i] >= 0) rows[labels[i]].push(i);
  return rows.map((each) => {
    const sum = [0, 0, 0];
    const min = [Infinity, Infinity, Infinity];
    const max = [-Infinity, -Infinity, -Infinity];
    for (const row of each)
      for (let axis = 0; axis < 3; axis++) {
        const value = points[stride * row + axis];
        sum[axis] += value;
        if (value < min[axis]) min[axis] = value;
        if (value > max[axis]) max[axis] = value;
      }
    const [x, y, z] = sum.map((value) => value / each.length);
    return {
      rows: each,
      centroid: [x, y, z],
      min: [min[0], min[1], min[2]],
      max: [max[0], max[1], max[2]],
    };
  });
}

/**
 * How far a shape moved along x and y: on each axis the middle one of what its two ends and its centroid moved, but at most
 * twice what the end that moved less did, and 0 where the ends moved apart or together. What is uncovered or hidden at one
 * end moves the centroid but not the other end.
 */
export function displacement(from: SegmentShape, to: SegmentShape): [x: number, y: number] {
  const along = (axis: 0 | 1): number => {
    const low = to.min[axis] - from.min[axis];
    const high = to.max[axis] - from.max[axis];
    if (low * high <= 0) return 0;
    const [, middle] = [low, high, to.centroid[axis] - from.centroid[axis]].sort((a, b) => a - b);
    const lesser = Math.min(Math.abs(low), Math.abs(high));
    return Math.sign(middle) * Math.min(Math.abs(middle), 2 * lesser);
  };
  return [along(0), along(1)];
}
