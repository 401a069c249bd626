import { z } from 'zod';
import { pointEncoderFaults } from '../encoders/encoder-config.ts';
import {
  pointDetectorFaults,
  pointDetectorFields,
  pointDetectorKitti,
  pointDetectorSmall,
} from './point-config.ts';

/** Everything that makes up a `point3d` detector and its samples. */
export const point3dSchema = z.strictObject(pointDetectorFields).superRefine((config, context) => {
  const inEncoder = pointEncoderFaults(config.pointEncoder, config.points.count);
  const faults = [
    ...pointDetectorFaults(config),
    ...inEncoder.map(({ path, message }) => ({ path: ['pointEncoder', ...path], message })),
  ];
  for (const { path, message } of faults) context.addIssue({ code: 'custom', path: [...path], message });
});

/** A `point3d` detector, as `point3dSchema` describes it. */
export type Point3dConfig = z.infer<typeof point3dSchema>;

/** `point3d` at a size that trains on two CPU cores. */
export const point3dSmall: Point3dConfig = pointDetectorSmall;

/** `point3d` on the released encoder of `simipu-kitti`; not run at this size here. */
export const point3dKitti: Point3dConfig = pointDetectorKitti;
