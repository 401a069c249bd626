import { byol } from './byol.ts';
import { moco } from './moco.ts';
import type { System } from './objective.ts';
import { simipu } from './simipu.ts';
import { simsiam } from './simsiam.ts';
import { swav } from './swav.ts';

/** Every self-supervised system that there is: schema, presets, command line and tables follow from this list. */
export const systems: readonly System[] = [simipu, moco, byol, simsiam, swav];
