import type { Random } from '../../engine/random.ts';
import type { Box3 } from '../../geometry/box.ts';
import { ground } from './ground.ts';
import { MaterialTable } from './materials.ts';
import { Mesh, streetCapacity, type Vec3 } from './mesh.ts';
import { Noise } from './noise.ts';
import { plantAndBuild } from './roadside.ts';
import { createStreet, type Street, type Surroundings } from './street.ts';
import { traffic } from './traffic.ts';
import { drawWeather, type Weather } from './weather.ts';

/** Something of the scene that may be labelled. */
export interface SceneObject {
  /** The number its vertices carry (`Mesh.objects`); 0 is everything else. */
  readonly id: number;
  /** KITTI's class name. */
  readonly type: string;
  readonly box: Box3;
  /** Its triangles in `Mesh.indices`, the end exclusive. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** Its number in all frames of a drive. */
  readonly trackId?: number;
}

/** A whole scene in the LiDAR frame. */
export interface Scene {
  readonly mesh: Mesh;
  /** Rows of `materialStride` numbers. */
  readonly materials: Float32Array;
  readonly objects: readonly SceneObject[];
  readonly weather: Weather;
  readonly noise: Noise;
  readonly street: Street;
}

/** Draws a scene at random: the street, what stands beside it, who is on it, and the weather. */
export function composeScene(random: Random): Scene {
  const kind = random.fork('surroundings').uniform();
  const surroundings: Surroundings = kind < 0.36 ? 'city' : kind < 0.76 ? 'suburb' : 'country';
  const noise = new Noise(random.fork('noise'));
  const street = createStreet(random.fork('street'), noise, surroundings);
  const mesh = new Mesh(streetCapacity);
  const table = new MaterialTable();
  ground(mesh, random.fork('ground'), table, street);
  plantAndBuild(mesh, random.fork('roadside'), table, street);
  const objects: SceneObject[] = [];
  traffic(random.fork('traffic'), street, {
    add(type, placement, build) {
      const id = objects.length + 1;
      const firstVertex = mesh.vertexCount;
      const firstIndex = mesh.indexCount;
      mesh.object = id;
      mesh.place(placement);
      const made = build(mesh, table);
      mesh.unplace();
      mesh.object = 0;
      const box = boxOf(mesh, firstVertex, placement.yaw, made?.sizeM);
      objects.push({ id, type: made?.type ?? type, box, firstIndex, lastIndex: mesh.indexCount });
      return box;
    },
    decorate(placement, build) {
      mesh.place(placement);
      build(mesh, table);
      mesh.unplace();
    },
  });
  return {
    mesh,
    materials: table.pack(),
    objects,
    weather: drawWeather(random.fork('weather')),
    noise,
    street,
  };
}

/** The tight box of vertices at a yaw; given a size, its length and width are that size's about the same middle. */
export function boxOf(mesh: Mesh, firstVertex: number, yaw: number, sizeM?: Vec3): Box3 {
  const cos = Math.cos(yaw);
  const sin = Math.sin(yaw);
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let i = firstVertex; i < mesh.vertexCount; i++) {
    const x = mesh.positions[3 * i];
    const y = mesh.positions[3 * i + 1];
    const local = [cos * x + sin * y, -sin * x + cos * y, mesh.positions[3 * i + 2]];
    for (let a = 0; a < 3; a++) {
      low[a] = Math.min(low[a], local[a]);
      high[a] = Math.max(high[a], local[a]);
    }
  }
  const mid = low.map((v, a) => (v + high[a]) / 2);
  return {
    center: [cos * mid[0] - sin * mid[1], sin * mid[0] + cos * mid[1], mid[2]],
    sizeM: [high[0] - low[0], sizeM === undefined ? high[1] - low[1] : sizeM[1], high[2] - low[2]],
    yaw: Math.atan2(sin, cos),
  };
}
