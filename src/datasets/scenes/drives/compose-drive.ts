import { Random } from '../../../engine/random.ts';
import type { Matrix44 } from '../../../geometry/matrix.ts';
import { ground } from '../ground.ts';
import { MaterialTable } from '../materials.ts';
import { Mesh, streetCapacity } from '../mesh.ts';
import { Noise } from '../noise.ts';
import { RayCaster } from '../ray-caster.ts';
import { plantAndBuild } from '../roadside.ts';
import type { LandExtent } from '../site.ts';
import { createStreet, type Street, type Surroundings } from '../street.ts';
import { drawWeather, type Weather } from '../weather.ts';
import { shapeAfter } from './bodies.ts';
import type { DriveObject, ObjectPose } from './drive-object.ts';
import { driveTraffic } from './drive-traffic.ts';
import { egoPose } from './ego-pose.ts';
import { driveReach, type Manoeuvre, manoeuvreOf, planEgo, streetFor } from './manoeuvre.ts';
import { Obstacles } from './obstacles.ts';
import { sideStreets } from './side-streets.ts';

/** The world of a drive; its frame is level, z up, and has its origin 1.73 m above the road where frame 0 is about. */
export interface Drive {
  readonly manoeuvre: Manoeuvre;
  readonly street: Street;
  readonly weather: Weather;
  readonly noise: Noise;
  readonly materials: Float32Array;
  /** What stands still; frames add the rest behind it and take it away again. */
  readonly mesh: Mesh;
  readonly still: { readonly vertexCount: number; readonly indexCount: number };
  /** Object k has the number k + 1 in meshes and is track k. */
  readonly objects: readonly DriveObject[];
  /** The triangles in `mesh.indices` of objects that stand still. */
  readonly triangles: ReadonlyMap<number, readonly [first: number, last: number]>;
  /** Rays through what stands still, and through one shape of an object in its own frame. */
  readonly caster: () => RayCaster;
  readonly shapeCaster: (object: number, shape: number) => RayCaster;
  worldFromLidarAt(timeS: number): Matrix44;
}

/** The land of a drive is seen from near along the way of its first seconds, and from all sides. */
function extentOf(street: Street): LandExtent {
  const near = Array.from({ length: 12 }, (_, i) => street.point(-14 + 10 * i, 0));
  return {
    detailed: (x, y) => near.some((p) => (p.x - x) ** 2 + (p.y - y) ** 2 < 22 * 22),
    tufts: { fromS: -10, toS: 110, share: 1.5 },
    woods: { belts: 16, beyondM: driveReach.ahead - 130, directions: [-Math.PI, Math.PI] },
  };
}

/** Draws the world of drive `drive` of a seed with all that happens in it; the same for the same arguments. */
export function composeDrive(seed: number | string, drive: number): Drive {
  const random = Random.fromSeed(seed).fork('drive', drive);
  const manoeuvre = manoeuvreOf(seed, drive);
  const kind = random.fork('surroundings').uniform();
  const surroundings: Surroundings = kind < 0.4 ? 'city' : kind < 0.8 ? 'suburb' : 'country';
  const noise = new Noise(random.fork('noise'));
  const wishes = streetFor(random.fork('wishes'), manoeuvre, surroundings);
  const street = createStreet(random.fork('street'), noise, surroundings, wishes);
  const materials = new MaterialTable();
  const mesh = new Mesh(streetCapacity);
  const heights = Array.from({ length: 41 }, (_, i) => street.roadHeight(-100 + 10 * i));
  ground(mesh, random.fork('ground'), materials, street, Math.min(...heights) - 1.7);
  const landIndex = mesh.indexCount;
  plantAndBuild(mesh, random.fork('roadside'), materials, street, extentOf(street));
  sideStreets(mesh, random.fork('side streets'), materials, street);
  const obstacles = new Obstacles(mesh, landIndex, (x, y) => street.roadHeight(nearestS(street, x, y)));
  const plan = planEgo(random.fork('ego'), manoeuvre, street);
  const { ego, objects } = driveTraffic({
    random: random.fork('traffic'),
    materials,
    street,
    manoeuvre,
    plan,
    obstacles,
  });
  const triangles = new Map<number, readonly [number, number]>();
  objects.forEach((object, k) => {
    const pose = object.moves ? undefined : object.poseAt(0);
    if (pose !== undefined) triangles.set(k, place(mesh, object, k, pose));
  });
  const packed = materials.pack();
  const casters = new Map<string, RayCaster>();
  const once = (key: string, of: Mesh): RayCaster => {
    const known = casters.get(key) ?? new RayCaster(of, packed);
    casters.set(key, known);
    return known;
  };
  return {
    manoeuvre,
    street,
    weather: drawWeather(random.fork('weather')),
    noise,
    materials: packed,
    mesh,
    still: { vertexCount: mesh.vertexCount, indexCount: mesh.indexCount },
    objects,
    triangles,
    caster: () => once('still', mesh),
    shapeCaster: (object, shape) => once(`${object}/${shape}`, objects[object].body.shapes[shape]),
    worldFromLidarAt: (timeS) => egoPose(street, plan.path, ego, timeS),
  };
}

/** Adds an object's shape at a pose to a mesh; its triangles in `mesh.indices`. */
export function place(
  mesh: Mesh,
  { body }: DriveObject,
  object: number,
  pose: ObjectPose,
): readonly [first: number, last: number] {
  const first = mesh.indexCount;
  mesh.object = object + 1;
  mesh.place(pose);
  mesh.append(body.shapes[shapeAfter(body, pose.travelledM)]);
  mesh.unplace();
  mesh.object = 0;
  return [first, mesh.indexCount];
}

/** Where along the street a place is, to a few metres. */
function nearestS(street: Street, x: number, y: number): number {
  let best = 0;
  let least = Infinity;
  for (let s = street.reach.back; s <= street.reach.ahead; s += 8) {
    const p = street.point(s, 0);
    const far = (p.x - x) ** 2 + (p.y - y) ** 2;
    if (far >= least) continue;
    least = far;
    best = s;
  }
  return best;
}
