import type { InputError } from '../../engine/input-error.ts';
import type { LaserCalibration, RangeImage } from './waymo-source.ts';

/** Where the rows and columns of a range image look, in the frame of the laser. */
export interface LaserBeams {
  /** By row, the highest first. */
  readonly cosInclination: Float64Array;
  readonly sinInclination: Float64Array;
  /** By column. */
  readonly cosAzimuth: Float64Array;
  readonly sinAzimuth: Float64Array;
}

/**
 * The beams of a range image. Inclinations are stored ascending and belong to the rows from the last to the first; where none are
 * stored, rows divide the span evenly. The middle of the image looks along the vehicle's x, so the turn of the laser about z
 * is taken off the azimuth. Throws what `fault` makes where there are not as many inclinations as rows, and for an image whose
 * numbers are not those of its size.
 */
export function beamsOf(
  { inclinations, inclinationMin, inclinationMax, vehicleFromLaser }: LaserCalibration,
  { height, width, values, projections, poses }: RangeImage,
  fault: (expected: string, found: string) => InputError,
): LaserBeams {
  if (inclinations.length > 0 && inclinations.length !== height) {
    throw fault(`${height} inclinations, one a row`, `${inclinations.length}`);
  }
  if (inclinations.length === 0 && !(inclinationMin < inclinationMax)) {
    throw fault('a span of inclinations', `${inclinationMin} to ${inclinationMax}`);
  }
  for (const [what, numbers, each] of [
    ['ranges', values, 4],
    ['camera projections', projections, 6],
    ['poses', poses, 6],
  ] as const) {
    const expected = height * width * each;
    if (numbers === undefined || numbers.length === expected) continue;
    throw fault(`${expected} numbers of ${what} (${height} x ${width} x ${each})`, `${numbers.length}`);
  }
  const span = inclinationMax - inclinationMin;
  const rows = Float64Array.from({ length: height }, (_, row) => {
    const fromBelow = height - 1 - row;
    return inclinations.length > 0
      ? inclinations[fromBelow]
      : inclinationMin + ((fromBelow + 0.5) / height) * span;
  });
  const turn = Math.atan2(vehicleFromLaser[4], vehicleFromLaser[0]);
  const columns = Float64Array.from({ length: width }, (_, column) => {
    const share = (width - column - 0.5) / width;
    return (2 * share - 1) * Math.PI - turn;
  });
  return {
    cosInclination: rows.map(Math.cos),
    sinInclination: rows.map(Math.sin),
    cosAzimuth: columns.map(Math.cos),
    sinAzimuth: columns.map(Math.sin),
  };
}
