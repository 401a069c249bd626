import { bevContrast } from './bev-contrast.ts';
import { byol } from './byol.ts';
import { cmc } from './cmc.ts';
import { colorization } from './colorization.ts';
import { contextEncoder } from './context-encoder.ts';
import { cpc } from './cpc.ts';
import { dino } from './dino.ts';
import { exemplar } from './exemplar.ts';
import { frameContrast } from './frame-contrast.ts';
import { frameOrder } from './frame-order.ts';
import { instdisc } from './instdisc.ts';
import { invaspread } from './invaspread.ts';
import { moco } from './moco.ts';
import { mocoV3 } from './moco-v3.ts';
import type { System } from './objective.ts';
import { occupancy } from './occupancy.ts';
import { orl } from './orl.ts';
import { pseudoBoxes } from './pseudo-boxes.ts';
import { randomWalk } from './random-walk.ts';
import { relativePatch } from './relative-patch.ts';
import { s2Bnn } from './s2-bnn.ts';
import { seed } from './seed.ts';
import { seer } from './seer.ts';
import { shuffleLearn } from './shuffle-learn.ts';
import { simclr } from './simclr.ts';
import { simipu } from './simipu.ts';
import { simsiam } from './simsiam.ts';
import { swav } from './swav.ts';
import { trackContrast } from './track-contrast.ts';

/** Every self-supervised system that there is: schema, presets, command line and tables follow from this list. */
export const systems: readonly System[] = [
  simipu,
  relativePatch,
  cpc,
  instdisc,
  invaspread,
  cmc,
  moco,
  mocoV3,
  simclr,
  byol,
  swav,
  simsiam,
  dino,
  orl,
  seed,
  seer,
  s2Bnn,
  exemplar,
  colorization,
  contextEncoder,
  bevContrast,
  trackContrast,
  frameContrast,
  randomWalk,
  frameOrder,
  shuffleLearn,
  pseudoBoxes,
  occupancy,
];
