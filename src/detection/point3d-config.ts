import { z } from 'zod';
import { pointEncoderFaults } from '../encoders/encoder-config.ts';
import {
  pointDetectorFaults,
  pointDetectorFields,
  pointDetectorKitti,
  pointDetectorSmall,
} from './point-config.ts';

const whole = z.int().positive();

/** Everything that makes up a `point3d` detector and its samples. */
export const point3dSchema = z
  .strictObject({
    ...pointDetectorFields,
    /**
     * Labelled objects that are added to a training frame: at most `most`, of so many other labelled frames drawn for it, each of them with
     * at least `leastPoints` points; null: none.
     */
    paste: z
      .strictObject({ frames: whole, most: whole, leastPoints: z.int().min(1) })
      .nullable()
      .default(null),
  })
  .superRefine((config, context) => {
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
export const point3dSmall: Point3dConfig = { ...pointDetectorSmall, paste: null };

/** `point3d` on the released encoder of `simipu-kitti`; not run at this size here. */
export const point3dKitti: Point3dConfig = { ...pointDetectorKitti, paste: null };
