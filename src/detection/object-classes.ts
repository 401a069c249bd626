import { z } from 'zod';
import { kittiClassOf } from '../datasets/kitti-classes.ts';
import { sizedClasses } from '../geometry/mean-sizes.ts';

const knownClass = z.enum(sizedClasses);

/** What a detector looks for: classes whose sizes are known, each once, in any case. */
export const classesSchema = z
  .array(z.preprocess((name) => (typeof name === 'string' ? kittiClassOf(name) : name), knownClass))
  .min(1)
  .refine((names) => new Set(names).size === names.length, 'each class once');
