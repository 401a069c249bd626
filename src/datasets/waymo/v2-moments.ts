import { InputError } from '../../engine/input-error.ts';
import type { Matrix44 } from '../../geometry/matrix.ts';
import { type WaymoCamera, waymoCameras } from './sensor-names.ts';
import { type Component, type ComponentReader, cellsOf, transformOf } from './v2-component.ts';
import { type ComponentTag, componentTags, readComponents } from './v2-tags.ts';
import type { WaymoMoment } from './waymo-source.ts';

/** The moments of a segment in the order of their times: all times that any of its components has. Throws InputError where poses cannot be read. */
export async function readMoments(
  reader: ComponentReader,
  components: ReadonlyMap<ComponentTag, Component>,
): Promise<readonly WaymoMoment[]> {
  const timed = [...components.values()].filter(({ tag }) => readComponents[tag].timed);
  const times = [...new Set(timed.flatMap(({ rows }) => [...rows.keys()]))].sort((a, b) => a - b);
  const poses = await readPoses(reader, components.get('vehicle_pose'));
  const missing = componentTags.filter((tag) => !components.has(tag));
  const ofSegment = missing.length === 0 ? [] : [`The segment has no component ${missing.join(', ')}.`];
  const usual = new Map(timed.map((component) => [component, sensorsOf(component)]));
  return times.map((timestampMicros) => {
    const notes = [...ofSegment];
    for (const [component, sensors] of usual) {
      const there = component.rows.get(timestampMicros);
      if (component.tag === 'lidar_box') continue;
      const absent = [...sensors].filter((sensor) => !there?.has(sensor));
      if (there === undefined) notes.push(`${component.tag} has no row at its time.`);
      else if (absent.length > 0)
        notes.push(`${component.tag} has no row of ${absent.join(', ')} at its time.`);
    }
    const pose = poses.get(timestampMicros);
    if (typeof pose === 'string') notes.push(pose);
    const pictures = components.get('camera_image')?.rows.get(timestampMicros);
    return {
      timestampMicros,
      ...(pose === undefined || typeof pose === 'string' ? {} : { worldFromVehicle: pose }),
      hasLasers: components.get('lidar')?.rows.has(timestampMicros) ?? false,
      // A moment without objects has no row of boxes.
      hasBoxes: components.has('lidar_box'),
      hasCalibrations: components.has('camera_calibration'),
      cameras: waymoCameras.filter((camera): camera is WaymoCamera => pictures?.has(camera) ?? false),
      notes,
    };
  });
}

const POSE = 'world_from_vehicle.transform';

/** By time, the pose, or a sentence that says why there is none. */
async function readPoses(
  reader: ComponentReader,
  component: Component | undefined,
): Promise<ReadonlyMap<number, Matrix44 | string>> {
  const poses = new Map<number, Matrix44 | string>();
  if (component === undefined) return poses;
  const times = [...component.rows.keys()];
  const rows = times.map((time) => component.rows.get(time)!.get('')![0]!);
  const cells = await cellsOf(reader, component, POSE, rows);
  for (const [i, time] of times.entries()) {
    try {
      poses.set(time, transformOf(component, rows[i]!, POSE, cells[i]!));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      poses.set(time, `Its pose cannot be used: ${error.message}.`);
    }
  }
  return poses;
}

/** All sensors that a component has at any time. */
function sensorsOf({ rows }: Component): ReadonlySet<string> {
  return new Set([...rows.values()].flatMap((bySensor) => [...bySensor.keys()]));
}
