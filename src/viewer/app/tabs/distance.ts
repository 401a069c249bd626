import type { Triple } from '../scene/pose.ts';

/** The distance of two places for a person: to a hundredth of the unit, below one to a thousandth. */
export function distanceText(from: Triple, to: Triple, unit: 'm' | ''): string {
  const distance = Math.hypot(...differences(from, to));
  return `${distance.toFixed(distance < 1 ? 3 : 2)} ${unit}`.trimEnd();
}

/** What the distance of two places is made of: along each axis, and level with the ground. */
export function differencesText(from: Triple, to: Triple): string {
  const [x, y, z] = differences(from, to);
  const text = (value: number) =>
    value
      .toFixed(2)
      .replace(/^-(?=0\.00$)/, '')
      .replace('-', '−');
  return `Δx ${text(x)}, Δy ${text(y)}, Δz ${text(z)}; horizontal ${text(Math.hypot(x, y))}`;
}

function differences(from: Triple, to: Triple): [x: number, y: number, z: number] {
  return [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
}
