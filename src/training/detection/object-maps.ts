import { readFile } from 'node:fs/promises';
import { float32 } from '../../engine/host-tensor.ts';
import { InputError, reasonOf } from '../../engine/input-error.ts';
import type { Box3 } from '../../geometry/box.ts';
import type { ImageBox } from '../../geometry/box-projection.ts';
import { writeFileAtomically } from '../run/atomic-file.ts';
import { decodeSafetensors, encodeSafetensors } from '../run/safetensors.ts';

/** The cells of a region across and down. */
export const MAP_CELLS = 28;
const CELLS = MAP_CELLS * MAP_CELLS;

/** The maps behind an object that was found by its coordinates: of 28 x 28 cells of its region of the picture, row by row. */
export interface ObjectMaps {
  /** The region, in pixels of the original picture. */
  readonly box: ImageBox;
  /** What was found, in the LiDAR frame. */
  readonly pose: Box3;
  readonly score: number;
  /** Four by four: of rotation_y (radians) and KITTI's x, y, z (metres) in the camera's frame. */
  readonly covariance: ArrayLike<number>;
  /**
   * float32 [784·3]: the place of the surface that each cell sees, in the object's own frame, metres: x along its heading, y
   * down from its bottom's centre, z to its left. R_y(rotation_y) and KITTI's location take it to the camera's frame.
   */
  readonly coordinates: Float32Array;
  /** float32 [784·2]: natural logarithms of the standard deviations in u and v, pixels of the original picture. */
  readonly logStd: Float32Array;
  /** float32 [784]: how far from the cell the pose puts its place, pixels of the original picture. */
  readonly errorPx: Float32Array;
}

/** The tensors of a file, with the shape of one object. */
const TENSORS = {
  boxes: [4],
  poses: [7],
  scores: [],
  covariances: [4, 4],
  coordinates: [MAP_CELLS, MAP_CELLS, 3],
  log_std: [MAP_CELLS, MAP_CELLS, 2],
  error: [MAP_CELLS, MAP_CELLS],
} as const;

type TensorName = keyof typeof TENSORS;

/**
 * Writes the maps of a frame's N objects as a safetensors file: float32 `boxes` [N, 4], `poses` [N, 7] (centre x, y, z,
 * length, width, height, yaw), `scores` [N], `covariances` [N, 4, 4], `coordinates` [N, 28, 28, 3], `log_std` [N, 28, 28, 2], `error` [N, 28, 28].
 * Throws a RangeError for maps of another size.
 */
export async function writeObjectMaps(file: string, maps: readonly ObjectMaps[]): Promise<void> {
  for (const { coordinates, logStd, errorPx } of maps) {
    if (coordinates.length !== 3 * CELLS || logStd.length !== 2 * CELLS || errorPx.length !== CELLS)
      throw new RangeError(`maps of ${errorPx.length} cells, not of ${CELLS}`);
  }
  const rows: { readonly [name in TensorName]: (maps: ObjectMaps) => ArrayLike<number> } = {
    boxes: ({ box }) => box,
    poses: ({ pose: { center, sizeM, yaw } }) => [...center, ...sizeM, yaw],
    scores: ({ score }) => [score],
    covariances: ({ covariance }) => covariance,
    coordinates: ({ coordinates }) => coordinates,
    log_std: ({ logStd }) => logStd,
    error: ({ errorPx }) => errorPx,
  };
  const tensors = (Object.keys(TENSORS) as TensorName[]).map((name) => {
    const width = widthOf(name);
    const data = new Float32Array(maps.length * width);
    maps.forEach((each, i) => {
      data.set(rows[name](each), i * width);
    });
    return [name, float32(data, [maps.length, ...TENSORS[name]])] as const;
  });
  await writeFileAtomically(file, encodeSafetensors(tensors));
}

/** Reads what `writeObjectMaps` wrote. Throws an InputError for tensors that are missing or have another shape, and for boxes that are none. */
export async function readObjectMaps(file: string): Promise<ObjectMaps[]> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ file, expected: 'the maps of objects', found: reasonOf(error) });
  });
  const { tensors } = decodeSafetensors(bytes, { file });
  const count = tensors.get('boxes')?.shape[0] ?? 0;
  const dataOf = (name: TensorName): Float32Array => {
    const tensor = tensors.get(name);
    const shape = [count, ...TENSORS[name]].join(', ');
    if (tensor?.dtype === 'float32' && tensor.shape.join(', ') === shape) return tensor.data as Float32Array;
    throw new InputError({
      file,
      place: `tensor ${name}`,
      expected: `float32 [${shape}]`,
      found: tensor === undefined ? 'none' : `${tensor.dtype} [${tensor.shape.join(', ')}]`,
    });
  };
  const [boxes, poses, scores] = [dataOf('boxes'), dataOf('poses'), dataOf('scores')];
  const covariances = dataOf('covariances');
  const [coordinates, logStd, error] = [dataOf('coordinates'), dataOf('log_std'), dataOf('error')];
  const row = (name: TensorName, data: Float32Array, i: number) =>
    data.subarray(i * widthOf(name), (i + 1) * widthOf(name));
  return Array.from({ length: count }, (_, i) => ({
    box: imageBoxOf(row('boxes', boxes, i), `object ${i} of tensor boxes`, file),
    pose: boxOf(row('poses', poses, i), `object ${i} of tensor poses`, file),
    score: scores[i],
    covariance: row('covariances', covariances, i),
    coordinates: row('coordinates', coordinates, i),
    logStd: row('log_std', logStd, i),
    errorPx: row('error', error, i),
  }));
}

function widthOf(name: TensorName): number {
  return TENSORS[name].reduce((product: number, length) => product * length, 1);
}

function imageBoxOf([left, top, right, bottom]: Float32Array, place: string, file: string): ImageBox {
  if (left < right && top < bottom && Number.isFinite(right - left + bottom - top))
    return [left, top, right, bottom];
  const found = [left, top, right, bottom].join(', ');
  throw new InputError({ file, place, expected: 'left < right and top < bottom, in pixels', found });
}

function boxOf(values: Float32Array, place: string, file: string): Box3 {
  const [x, y, z, length, width, height, yaw] = values;
  if (values.every(Number.isFinite) && Math.min(length, width, height) > 0)
    return { center: [x, y, z], sizeM: [length, width, height], yaw };
  const found = values.join(', ');
  throw new InputError({ file, place, expected: 'x, y, z, length, width, height above 0, yaw', found });
}
