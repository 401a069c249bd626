import { type Camera, Matrix4, type Object3D } from 'three';

/**
 * Which half of a split stage shows something, both where nobody says; a stage that is not split shows what the left half
 * would.
 */
export type Side = 'both' | 'left' | 'right';

/** One of the halves. */
export type Half = 'left' | 'right';

const LAYERS: Readonly<Record<Side, number>> = { both: 0, left: 1, right: 2 };

/** Lets only cameras of the side's half see the object. */
export function putOnSide(object: Object3D, side: Side): void {
  object.layers.set(LAYERS[side]);
}

/** Lets the camera see what is on its half. */
export function seeHalf(camera: Camera, half: Half): void {
  camera.layers.set(LAYERS.both);
  camera.layers.enable(LAYERS[half]);
}

/** Whether a half shows what is on a side. */
export function shows(half: Half, side: Side): boolean {
  return side === 'both' || side === half;
}

/** A 4x4 or 3x4 row-major matrix as three's. */
export function matrixFromRows(rows: ArrayLike<number> | undefined, into = new Matrix4()): Matrix4 {
  if (rows === undefined) return into.identity();
  return into.set(
    ...[rows[0], rows[1], rows[2], rows[3]],
    ...[rows[4], rows[5], rows[6], rows[7]],
    ...[rows[8], rows[9], rows[10], rows[11]],
    ...[0, 0, 0, 1],
  );
}
