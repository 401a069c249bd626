type Triple = readonly [x: number, y: number, z: number];

/** What of the world is drawn and picked: points from `nearM` to `farM` from its origin, between two corners; both ends count. */
export interface Clip {
  readonly nearM: number;
  readonly farM: number;
  /** -Infinity where a side is open. */
  readonly low: Triple;
  /** Infinity where a side is open. */
  readonly high: Triple;
}

/** The limits of a clip by name, metres. */
export const clipKeys = ['near', 'far', 'xMin', 'xMax', 'yMin', 'yMax', 'zMin', 'zMax'] as const;
/** The limits of a clip; undefined for none. */
export type ClipState = { readonly [Key in (typeof clipKeys)[number]]: number | undefined };

/** A state without any limit. */
export const unclipped: ClipState = Object.freeze(
  Object.fromEntries(clipKeys.map((key) => [key, undefined])),
) as ClipState;

/**
 * The clip of a state, whose box is in the file's coordinates, for points that are counted from `origin`; ranges go from the
 * sensor, and mean nothing where the origin is elsewhere. Undefined where nothing is left out.
 */
export function clipOf(state: ClipState, origin: Triple = [0, 0, 0]): Clip | undefined {
  const isAboutSensor = origin.every((value) => value === 0);
  const nearM = isAboutSensor ? (state.near ?? 0) : 0;
  const farM = isAboutSensor ? (state.far ?? Infinity) : Infinity;
  const lows = [state.xMin, state.yMin, state.zMin].map((value, axis) => (value ?? -Infinity) - origin[axis]);
  const highs = [state.xMax, state.yMax, state.zMax].map((value, axis) => (value ?? Infinity) - origin[axis]);
  const isOpen = [...lows, ...highs].every((value) => !Number.isFinite(value));
  if (isOpen && nearM <= 0 && farM === Infinity) return undefined;
  return { nearM, farM, low: lows as unknown as Triple, high: highs as unknown as Triple };
}

/** Whether a place is within a clip; a place with NaN is not. */
export function isInside({ nearM, farM, low, high }: Clip, x: number, y: number, z: number): boolean {
  if (!(x >= low[0] && x <= high[0] && y >= low[1] && y <= high[1] && z >= low[2] && z <= high[2]))
    return false;
  if (nearM <= 0 && farM === Infinity) return true;
  const range = Math.hypot(x, y, z);
  return range >= nearM && range <= farM;
}

/** How many of the first `count` rows of x, y, z are within a clip; all that have a place without one. */
export function countInside(positions: Float32Array, count: number, clip: Clip | undefined): number {
  let inside = 0;
  for (let at = 0; at < 3 * count; at += 3) {
    const [x, y, z] = [positions[at], positions[at + 1], positions[at + 2]];
    if (clip === undefined ? x + y + z - (x + y + z) === 0 : isInside(clip, x, y, z)) inside++;
  }
  return inside;
}
