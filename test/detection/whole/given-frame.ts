import * as ort from 'onnxruntime-node';
import type { Frame } from '../../../src/datasets/frame.ts';
import type { PointDetectorConfig } from '../../../src/detection/point-config.ts';
import type { PointSample } from '../../../src/detection/point-sample.ts';
import { indicesInImage } from '../../../src/geometry/projection.ts';
import { gatherRows } from '../../../src/pointcloud/point-rows.ts';
import { indicesInRange } from '../../../src/pointcloud/range-filter.ts';

type Feeds = { readonly [input: string]: ort.Tensor };

/** A frame's picture as a whole detector takes it. */
export function givenPicture({ cameras: [{ image }] }: Frame): Feeds {
  const { width, height, data } = image;
  return { image: new ort.Tensor('float32', Float32Array.from(data), [height, width, 3]) };
}

/** The camera of a frame as `image3d` takes it. */
export function givenCamera({ cameras: [{ pixelFromCamera }] }: Frame): Feeds {
  return { pixel_from_camera: new ort.Tensor('float64', pixelFromCamera, [3, 4]) };
}

/** The points of a frame as a whole detector takes them, those drawn that its sample has. */
export function givenPoints(
  frame: Frame,
  sample: PointSample,
  { points: drawing }: PointDetectorConfig,
): Feeds {
  const { width, height } = frame.cameras[0].image;
  const near = indicesInRange(frame.points, drawing.range);
  const among = { image: { width, height }, among: near };
  const seen = drawing.cropToImage ? indicesInImage(frame.points, 4, sample.pixelFromLidar, among) : near;
  const points = gatherRows(frame.points, seen);
  const keyOf = (rows: Float32Array, i: number) => rows.subarray(4 * i, 4 * i + 4).join();
  const places = new Map(Array.from(seen, (_, i) => [keyOf(points, i), BigInt(i)]));
  const rows = BigInt64Array.from({ length: drawing.count }, (_, i) => places.get(keyOf(sample.points, i))!);
  return {
    points: new ort.Tensor('float32', points, [seen.length, 4]),
    rows: new ort.Tensor('int64', rows, [drawing.count]),
    pixel_from_lidar: new ort.Tensor('float64', sample.pixelFromLidar, [3, 4]),
    image_size: new ort.Tensor('int64', BigInt64Array.of(BigInt(width), BigInt(height)), [2]),
  };
}
