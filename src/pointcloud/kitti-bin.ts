import { InputError } from '../engine/input-error.ts';
import { bytesOf } from './scalar-type.ts';

const columns = ['x', 'y', 'z', 'reflectance'];
const rowBytes = 4 * columns.length;

/**
 * The points of a KITTI Velodyne `.bin` file (little-endian float32 without a header): rows of x, y, z in metres
 * (LiDAR frame) and reflectance 0..1, as a copy of its own.
 * InputError for an empty or truncated file and for values that are not finite.
 */
export function readKittiBin(
  bytes: Uint8Array,
  options: { readonly file?: string } = {},
): Float32Array<ArrayBuffer> {
  const file = options.file ?? 'KITTI points';
  if (bytes.length === 0) throw new InputError({ file, expected: 'at least one point', found: 'no bytes' });
  const rest = bytes.length % rowBytes;
  if (rest !== 0)
    throw new InputError({
      file,
      place: `byte ${bytes.length - rest}, point ${(bytes.length - rest) / rowBytes}`,
      expected: `${rowBytes} bytes a point`,
      found: `${rest} bytes before the end of the file`,
    });
  const points = new Float32Array(new Uint8Array(bytes).buffer);
  checkFinite(points, file);
  return points;
}

/** The bytes of a KITTI Velodyne `.bin` file of rows x, y, z, reflectance; InputError for what `readKittiBin` would refuse. */
export function writeKittiBin(points: Float32Array): Uint8Array<ArrayBuffer> {
  const file = 'KITTI points to write';
  if (points.length === 0 || points.length % 4 !== 0)
    throw new InputError({
      file,
      expected: 'one or more rows of x, y, z, reflectance',
      found: `${points.length} numbers`,
    });
  checkFinite(points, file);
  return bytesOf(new Float32Array(points));
}

function checkFinite(points: Float32Array, file: string): void {
  // float64 holds any sum of float32 numbers, so the sum is finite exactly when all of them are.
  let sum = 0;
  for (let i = 0; i < points.length; i += 4)
    sum += points[i] + points[i + 1] + (points[i + 2] + points[i + 3]);
  if (Number.isFinite(sum)) return;
  for (let i = 0; i < points.length; i++) {
    if (Number.isFinite(points[i])) continue;
    throw new InputError({
      file,
      place: `byte ${4 * i}, point ${Math.floor(i / 4)}, ${columns[i % 4]}`,
      expected: 'a finite number',
      found: `${points[i]}`,
    });
  }
}
