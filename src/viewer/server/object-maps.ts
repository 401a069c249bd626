import { kittiFromBox } from '../../geometry/kitti-box.ts';
import type { Matrix44 } from '../../geometry/matrix.ts';
import { transformPoint } from '../../geometry/matrix.ts';
import { inverseRigid } from '../../geometry/rigid-transform.ts';
import { MAP_CELLS, type ObjectMaps } from '../../training/detection/object-maps.ts';
import { joinFloats } from '../../views/stack-points.ts';
import type { ObjectsInfo, ObjectsTable } from '../protocol.ts';

/** The maps of a frame's objects as the page has them, their coordinates placed in the LiDAR frame too. */
export function objectsTable(maps: readonly ObjectMaps[], cameraFromLidar: Matrix44): ObjectsTable {
  return {
    info: { cells: MAP_CELLS, objects: maps.map(objectInfo) },
    arrays: {
      coordinates: joinFloats(maps.map(({ coordinates }) => coordinates)),
      places: joinFloats(maps.map((each) => placesOf(each, cameraFromLidar))),
      logStd: joinFloats(maps.map(({ logStd }) => logStd)),
      errorPx: joinFloats(maps.map(({ errorPx }) => errorPx)),
    },
  };
}

function objectInfo({ box, pose, score, covariance }: ObjectMaps): ObjectsInfo['objects'][number] {
  const deviation = (k: number) => Math.sqrt(Math.max(0, covariance[5 * k]));
  return { box, pose, score, deviations: { rotationY: deviation(0), depthM: deviation(3) } };
}

/** The places of an object's surface in the LiDAR frame: R_y(rotation_y) · X + location in the camera's, as KITTI has boxes. */
export function placesOf(
  { pose, coordinates }: Pick<ObjectMaps, 'pose' | 'coordinates'>,
  cameraFromLidar: Matrix44,
): Float32Array {
  const { location, rotationY } = kittiFromBox(pose, cameraFromLidar);
  const lidarFromCamera = inverseRigid(cameraFromLidar);
  const [c, s] = [Math.cos(rotationY), Math.sin(rotationY)];
  const places = new Float32Array(coordinates.length);
  for (let at = 0; at < coordinates.length; at += 3) {
    const [x, y, z] = [coordinates[at], coordinates[at + 1], coordinates[at + 2]];
    const inCamera = [location[0] + c * x + s * z, location[1] + y, location[2] + c * z - s * x] as const;
    places.set(transformPoint(lidarFromCamera, inCamera), at);
  }
  return places;
}
