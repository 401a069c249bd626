import type { Triple } from '../scene/pose.ts';

/** The distance of two places for a person: metres to the centimetre, below one metre to the millimetre. */
export function distanceText(from: Triple, to: Triple): string {
  const distance = Math.hypot(...differences(from, to));
  return `${distance.toFixed(distance < 1 ? 3 : 2)} m`;
}

/** What the distance of two places is made of: along each axis, and level with the ground. */
export function differencesText(from: Triple, to: Triple): string {
  const [x, y, z] = differences(from, to);
  const metres = (value: number) =>
    value
      .toFixed(2)
      .replace(/^-(?=0\.00$)/, '')
      .replace('-', '−');
  return `Δx ${metres(x)}, Δy ${metres(y)}, Δz ${metres(z)}; horizontal ${metres(Math.hypot(x, y))}`;
}

function differences(from: Triple, to: Triple): [x: number, y: number, z: number] {
  return [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
}
