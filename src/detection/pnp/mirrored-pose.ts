import type { PnpPoints } from './pnp-points.ts';

/**
 * The other pose (yaw, tx, ty, tz) in which an upright object looks nearly the same from afar: the direction in which its
 * points spread most, seen from above, mirrored at the plane across the line of sight, their centroid where it was. The
 * points of one side of a car are met about as well by both, and a descent that begins near one ends there.
 */
export function mirroredPose(
  { objectPoints }: PnpPoints,
  rows: ArrayLike<number>,
  [yaw, tx, ty, tz]: Float64Array,
): Float64Array {
  const count = rows.length;
  let meanX = 0;
  let meanZ = 0;
  for (let n = 0; n < count; n++) {
    meanX += objectPoints[3 * rows[n]] / count;
    meanZ += objectPoints[3 * rows[n] + 2] / count;
  }
  let xx = 0;
  let xz = 0;
  let zz = 0;
  for (let n = 0; n < count; n++) {
    const x = objectPoints[3 * rows[n]] - meanX;
    const z = objectPoints[3 * rows[n] + 2] - meanZ;
    xx += x * x;
    xz += x * z;
    zz += z * z;
  }
  const c = Math.cos(yaw);
  const s = Math.sin(yaw);
  const centroidX = c * meanX + s * meanZ + tx;
  const centroidZ = c * meanZ - s * meanX + tz;
  // Angles from x towards z. A direction at ψ in the object is at ψ - yaw in the camera; mirrored, α from the line of sight is π - α.
  const spread = Math.atan2(2 * xz, xx - zz) / 2;
  const sight = Math.atan2(centroidZ, centroidX);
  const mirrored = 2 * (spread - sight) - Math.PI - yaw;
  const mc = Math.cos(mirrored);
  const ms = Math.sin(mirrored);
  return Float64Array.of(
    mirrored,
    centroidX - (mc * meanX + ms * meanZ),
    ty,
    centroidZ - (mc * meanZ - ms * meanX),
  );
}
