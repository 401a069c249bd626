import type { Box3 } from '../geometry/box.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { coordinateNames, fieldOf, type PointCloud, xyzOf } from '../pointcloud/point-cloud.ts';
import { type Spread, spreadOf } from '../pointcloud/spread.ts';
import { drawBirdsEye, usualHeightsM } from './birds-eye.ts';

const rangeM = 50;

/** A cloud from above, and in words what the picture is of. */
export interface CloudPicture {
  readonly image: RgbImage;
  readonly caption: string;
}

/**
 * A cloud from above, 50 m to each side: about the sensor, or, where most points are farther away than that (places of a
 * map), about the middle of the points, taken off in float64. Heights that are not those about a sensor have the ends of
 * their own. Boxes are in the cloud's frame. Throws InputError for a cloud without x, y, z.
 */
export function drawCloud(
  cloud: PointCloud,
  { boxes = [] }: { readonly boxes?: readonly Box3[] } = {},
): CloudPicture {
  const [x, y, z] = coordinateNames(cloud).map((name) => spreadOf(numbersOf(cloud, name)));
  const isNear = (spread: Spread | undefined) => Math.abs(spread?.median ?? 0) <= rangeM;
  const isAbout = isNear(x) && isNear(y);
  const middle = isAbout ? [0, 0] : [x?.median ?? 0, y?.median ?? 0];
  const [lowest, highest] = usualHeightsM;
  const isUsual = z === undefined || (z.median >= lowest && z.median <= highest);
  const bottom = isUsual ? 0 : z.low;
  const heightsM = isUsual ? usualHeightsM : ([0, Math.max(z.high - z.low, 0.1)] as const);
  const places = xyzOf(cloud, { origin: [middle[0], middle[1], bottom] });
  const placed = boxes.map((box) => ({ box: movedBy(box, [-middle[0], -middle[1], -bottom]) }));
  let inside = 0;
  for (let i = 0; i < places.length; i += 3)
    if (Math.abs(places[i]) <= rangeM && Math.abs(places[i + 1]) <= rangeM && !Number.isNaN(places[i + 2]))
      inside++;
  const image = drawBirdsEye(places, { rangeM, stride: 3, heightsM, sensor: isAbout, boxes: placed });
  const where = isAbout
    ? 'about the sensor (0, 0)'
    : `centred on (${middle.map((value) => value.toFixed(2)).join(', ')})`;
  const heights = isUsual ? '' : `, heights from ${z.low.toFixed(2)} to ${z.high.toFixed(2)} m`;
  const shown = inside === 0 ? 'none of the points is inside' : `${inside} of ${cloud.count} points inside`;
  return { image, caption: `${where}, ${rangeM} m to each side, a ring every 10 m${heights}: ${shown}` };
}

function movedBy(box: Box3, by: readonly [number, number, number]): Box3 {
  const [x, y, z] = box.center;
  return { ...box, center: [x + by[0], y + by[1], z + by[2]] };
}

function numbersOf(cloud: PointCloud, name: string): ArrayLike<number> {
  const { data } = fieldOf(cloud, name);
  return data instanceof BigInt64Array || data instanceof BigUint64Array
    ? Float64Array.from(data, Number)
    : data;
}
