import type { ParquetTable } from './parquet-table.ts';

/** What a row of a component stands for. */
interface ComponentKind {
  /** What its columns begin with, in brackets. */
  readonly prefix: string;
  /** Whether its rows belong to moments; else to the segment. */
  readonly timed: boolean;
  /** The column of the key that tells rows of a moment apart. */
  readonly sensor?: 'key.laser_name' | 'key.camera_name';
}

/** The components that are read, by the names of their folders. */
export const readComponents = {
  vehicle_pose: { prefix: 'VehiclePoseComponent', timed: true },
  lidar: { prefix: 'LiDARComponent', timed: true, sensor: 'key.laser_name' },
  lidar_camera_projection: {
    prefix: 'LiDARCameraProjectionComponent',
    timed: true,
    sensor: 'key.laser_name',
  },
  lidar_pose: { prefix: 'LiDARPoseComponent', timed: true, sensor: 'key.laser_name' },
  lidar_calibration: { prefix: 'LiDARCalibrationComponent', timed: false, sensor: 'key.laser_name' },
  lidar_box: { prefix: 'LiDARBoxComponent', timed: true },
  camera_image: { prefix: 'CameraImageComponent', timed: true, sensor: 'key.camera_name' },
  camera_calibration: { prefix: 'CameraCalibrationComponent', timed: false, sensor: 'key.camera_name' },
} as const satisfies { readonly [tag: string]: ComponentKind };

/** A component that is read. */
export type ComponentTag = keyof typeof readComponents;

/** All tags of components that are read. */
export const componentTags = Object.keys(readComponents) as readonly ComponentTag[];

/** The components that are known and not read, and what they hold. */
const otherComponents: { readonly [tag: string]: { readonly prefix: string; readonly holds: string } } = {
  camera_box: { prefix: 'CameraBoxComponent', holds: 'boxes in pictures' },
  camera_hkp: { prefix: 'CameraHumanKeypointsComponent', holds: 'key points of people in pictures' },
  camera_segmentation: { prefix: 'CameraSegmentationLabelComponent', holds: 'classes of pixels' },
  camera_to_lidar_box_association: {
    prefix: 'CameraToLiDARBoxAssociationComponent',
    holds: 'which boxes in pictures are which objects',
  },
  lidar_camera_synced_box: {
    prefix: 'LiDARCameraSyncedBoxComponent',
    holds: 'boxes at the times of pictures',
  },
  lidar_hkp: { prefix: 'LiDARHumanKeypointsComponent', holds: 'key points of people in sweeps' },
  lidar_segmentation: { prefix: 'LiDARSegmentationLabelComponent', holds: 'classes of points' },
  projected_lidar_box: { prefix: 'ProjectedLiDARBoxComponent', holds: 'objects as boxes in pictures' },
  stats: { prefix: 'StatsComponent', holds: 'weather, place and counts of objects' },
};

/** What a component that is not read holds, such as `camera_hkp (key points of people in pictures)`; undefined for a name that is no such component. */
export function describeOther(tag: string): string | undefined {
  const other = Object.hasOwn(otherComponents, tag) ? otherComponents[tag] : undefined;
  if (other !== undefined) return `${tag} (${other.holds})`;
  return tag.startsWith('object_asset') ? `${tag} (pictures and points of single objects)` : undefined;
}

/** Whether a name is that of a component that is read. */
export function isComponentTag(name: string): name is ComponentTag {
  return Object.hasOwn(readComponents, name);
}

/** The component that a table is, by the names of its columns: its tag, what it is if it is not read, or undefined. */
export function componentOf({
  columns,
}: ParquetTable): { readonly tag: ComponentTag } | { readonly other: string } | undefined {
  for (const name of columns.keys()) {
    const prefix = /^\[(\w+)\]\./.exec(name)?.[1];
    if (prefix === undefined) continue;
    const tag = componentTags.find((candidate) => readComponents[candidate].prefix === prefix);
    if (tag !== undefined) return { tag };
    const other = Object.keys(otherComponents).find(
      (candidate) => otherComponents[candidate]!.prefix === prefix,
    );
    return { other: (other !== undefined && describeOther(other)) || prefix };
  }
  return undefined;
}
