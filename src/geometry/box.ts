/** A box standing on the ground plane's normal, in the LiDAR frame (x forward, y left, z up; metres, radians). */
export interface Box3 {
  /** The centre of the volume, not of the bottom. */
  readonly center: readonly [x: number, y: number, z: number];
  /** Length along the heading, width across it, height. */
  readonly sizeM: readonly [length: number, width: number, height: number];
  /** Rotation about +z; 0 looks along +x. */
  readonly yaw: number;
}
