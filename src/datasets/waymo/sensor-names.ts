/** The cameras by Waymo's number, 1 first. */
export const waymoCameras = [
  'FRONT',
  'FRONT_LEFT',
  'FRONT_RIGHT',
  'SIDE_LEFT',
  'SIDE_RIGHT',
  'REAR_LEFT',
  'REAR',
  'REAR_RIGHT',
] as const;
/** The lasers by Waymo's number, 1 first. */
export const waymoLasers = ['TOP', 'FRONT', 'SIDE_LEFT', 'SIDE_RIGHT', 'REAR'] as const;

export type WaymoCamera = (typeof waymoCameras)[number];
export type WaymoLaser = (typeof waymoLasers)[number];
