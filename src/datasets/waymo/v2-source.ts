import { InputError } from '../../engine/input-error.ts';
import type { EncodedPicture } from '../sequence.ts';
import type { ReadColumn } from './parquet-lanes.ts';
import type { WaymoCamera } from './sensor-names.ts';
import { readBoxes } from './v2-boxes.ts';
import { readCameraCalibrations, readLaserCalibrations } from './v2-calibrations.ts';
import { type Component, type ComponentReader, cellsOf, describeCell, refuseCell } from './v2-component.ts';
import { readLasers } from './v2-lasers.ts';
import { readMoments } from './v2-moments.ts';
import { type ComponentTag, componentTags, readComponents } from './v2-tags.ts';
import type { WaymoSource } from './waymo-source.ts';

/** The components of one segment that are there. */
export type SegmentComponents = ReadonlyMap<ComponentTag, Component>;

/** Makes a source of one segment's components. Throws InputError where poses cannot be read. */
export async function componentSource(
  root: string,
  segment: string,
  components: SegmentComponents,
  { read, lanes }: { readonly read: ReadColumn; readonly lanes: number },
): Promise<WaymoSource> {
  const reader: ComponentReader = { read, lane: laneOfColumns(components, lanes) };
  const moments = await readMoments(reader, components);
  const componentOf = (tag: ComponentTag): Component => {
    const component = components.get(tag);
    if (component !== undefined) return component;
    const there = [...components.keys()].join(', ');
    throw new InputError({
      file: root,
      place: `segment ${segment}`,
      expected: `the component ${tag}`,
      found: there,
    });
  };
  const timeOf = (index: number): number => {
    const moment = moments[index];
    if (moment === undefined) throw new RangeError(`moment ${index} of ${moments.length}`);
    return moment.timestampMicros!;
  };
  return {
    kind: 'Waymo components',
    root,
    segment,
    moments,
    files: (index) => filesOf(components, timeOf(index)),
    laserCalibrations: async () => readLaserCalibrations(reader, componentOf('lidar_calibration')),
    cameraCalibrations: async () => readCameraCalibrations(reader, componentOf('camera_calibration')),
    lasers: async (index) => {
      const lidar = componentOf('lidar');
      const time = timeOf(index);
      requireRow(lidar, time);
      const projection = components.get('lidar_camera_projection');
      const pose = components.get('lidar_pose');
      return readLasers(reader, { lidar, projection, pose }, time);
    },
    picture: async (index, camera) => readPicture(reader, componentOf('camera_image'), timeOf(index), camera),
    boxes: async (index) => readBoxes(reader, componentOf('lidar_box'), timeOf(index)),
  };
}

function requireRow({ tag, table, rows }: Component, time: number, sensor?: string): number {
  const bySensor = rows.get(time);
  const row = sensor === undefined ? bySensor?.values().next().value?.[0] : bySensor?.get(sensor)?.[0];
  if (row !== undefined) return row;
  const expected = `a row of ${tag}${sensor === undefined ? '' : ` of ${sensor}`}`;
  const others = bySensor === undefined ? 'none' : `only ${[...bySensor.keys()].join(', ')}`;
  throw new InputError({ file: table.file, place: `time ${time}`, expected, found: others });
}

const IMAGE = 'image';

async function readPicture(
  reader: ComponentReader,
  component: Component,
  time: number,
  camera: WaymoCamera,
): Promise<EncodedPicture> {
  const row = requireRow(component, time, camera);
  const [cell] = await cellsOf(reader, component, IMAGE, [row]);
  if (!(cell instanceof Uint8Array) || cell.length === 0)
    throw refuseCell(component, row, IMAGE, 'the bytes of a picture', describeCell(cell ?? null));
  return { bytes: cell, file: `${component.table.file}: row ${row} (${camera} at ${time})` };
}

/** The files with rows of a moment, and those with rows of the segment. */
function filesOf(components: SegmentComponents, time: number): readonly string[] {
  return componentTags.flatMap((tag) => {
    const component = components.get(tag);
    if (component === undefined) return [];
    return component.rows.has(readComponents[tag].timed ? time : 0) ? [component.table.file] : [];
  });
}

/**
 * Spreads columns over lanes, the largest first and each to the lane that has least: all lanes then work at a moment, and a
 * column is always read in the same one, which keeps its pages.
 */
function laneOfColumns(components: SegmentComponents, lanes: number): (column: string) => number {
  const sizes = [...components.values()].flatMap(({ table }) =>
    [...table.columns].map(([column, chunks]) => ({
      column,
      bytes: chunks.reduce((sum, { uncompressedBytes }) => sum + uncompressedBytes, 0),
    })),
  );
  const loads = new Array<number>(Math.max(1, lanes)).fill(0);
  const laneOf = new Map<string, number>();
  for (const { column, bytes } of sizes.sort((a, b) => b.bytes - a.bytes)) {
    const lane = loads.indexOf(Math.min(...loads));
    loads[lane]! += bytes;
    laneOf.set(column, lane);
  }
  return (column) => laneOf.get(column) ?? 0;
}
