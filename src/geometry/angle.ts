/**
 * The angle of the same direction in [-π, π), radians.
 *
 * @example
 * wrapAngle(1.5 * Math.PI); // -1.5708
 */
export function wrapAngle(angle: number): number {
  if (angle >= -Math.PI && angle < Math.PI) return angle;
  const turns = Math.floor((angle + Math.PI) / (2 * Math.PI));
  const wrapped = angle - turns * 2 * Math.PI;
  // Rounding can leave the upper end itself.
  return wrapped >= Math.PI ? wrapped - 2 * Math.PI : Math.max(wrapped, -Math.PI);
}

/** The shortest turn from `b` to `a`, radians in [-π, π). */
export function angleDifference(a: number, b: number): number {
  return wrapAngle(a - b);
}
