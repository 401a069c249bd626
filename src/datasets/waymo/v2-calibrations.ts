import type { Cell } from './parquet-cells.ts';
import { type WaymoCamera, type WaymoLaser, waymoCameras, waymoLasers } from './sensor-names.ts';
import {
  type Component,
  type ComponentReader,
  cellsOf,
  hasColumn,
  listOf,
  numberOf,
  transformOf,
} from './v2-component.ts';
import type { CameraCalibration, LaserCalibration } from './waymo-source.ts';

/** How the lasers of a segment are built in, in Waymo's order. Throws InputError for what is missing or cannot be right. */
export async function readLaserCalibrations(
  reader: ComponentReader,
  component: Component,
): Promise<readonly LaserCalibration[]> {
  const { sensors, rows } = sensorRows(component, waymoLasers);
  const [extrinsics, mins, maxs, values] = await Promise.all([
    cellsOf(reader, component, EXTRINSIC, rows),
    cellsOf(reader, component, INCLINATION_MIN, rows),
    cellsOf(reader, component, INCLINATION_MAX, rows),
    hasColumn(component, INCLINATIONS)
      ? cellsOf(reader, component, INCLINATIONS, rows)
      : rows.map(() => null),
  ]);
  return sensors.map((laser, i) => ({
    laser: laser as WaymoLaser,
    inclinations: listOf(component, rows[i]!, INCLINATIONS, values[i]!) ?? [],
    inclinationMin: numberOf(component, rows[i]!, INCLINATION_MIN, mins[i]!),
    inclinationMax: numberOf(component, rows[i]!, INCLINATION_MAX, maxs[i]!),
    vehicleFromLaser: transformOf(component, rows[i]!, EXTRINSIC, extrinsics[i]!),
  }));
}

/** How the cameras of a segment are built in, in Waymo's order. Throws InputError for what is missing or cannot be right. */
export async function readCameraCalibrations(
  reader: ComponentReader,
  component: Component,
): Promise<readonly CameraCalibration[]> {
  const { sensors, rows } = sensorRows(component, waymoCameras);
  const names = ['width', 'height', ...intrinsics.map((name) => `intrinsic.${name}`)];
  const [extrinsics, ...columns] = await Promise.all(
    [EXTRINSIC, ...names].map((name) => cellsOf(reader, component, name, rows)),
  );
  return sensors.map((camera, i) => {
    const [width, height, fu, fv, cu, cv, k1, k2, p1, p2, k3] = columns.map(
      (cells: readonly Cell[], column) => numberOf(component, rows[i]!, names[column]!, cells[i]!),
    ) as [number, number, number, number, number, number, number, number, number, number, number];
    const vehicleFromCamera = transformOf(component, rows[i]!, EXTRINSIC, extrinsics![i]!);
    return {
      camera: camera as WaymoCamera,
      width,
      height,
      fu,
      fv,
      cu,
      cv,
      k1,
      k2,
      p1,
      p2,
      k3,
      vehicleFromCamera,
    };
  });
}

const EXTRINSIC = 'extrinsic.transform';
const INCLINATION_MIN = 'beam_inclination.min';
const INCLINATION_MAX = 'beam_inclination.max';
const INCLINATIONS = 'beam_inclination.values';
const intrinsics = ['f_u', 'f_v', 'c_u', 'c_v', 'k1', 'k2', 'p1', 'p2', 'k3'];

function sensorRows(
  { rows }: Component,
  order: readonly string[],
): { readonly sensors: readonly string[]; readonly rows: readonly number[] } {
  const bySensor = rows.get(0);
  const sensors = order.filter((sensor) => bySensor?.has(sensor));
  return { sensors, rows: sensors.map((sensor) => bySensor!.get(sensor)![0]!) };
}
