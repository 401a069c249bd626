/**
 * Self-supervised systems of the literature, alone or together on shared encoders:
 * `import { combine, systems } from 'pointpair/objectives'`.
 */

// Several objectives on the same encoders.
export { combine, type Part, type Pretraining, seenBy } from '../src/objectives/combine.ts';
// What an objective compares in a frame.
export type { Comparison, RetrievalTask } from '../src/objectives/comparison.ts';
// Losses.
export { type InfoNce, infoNce } from '../src/objectives/info-nce.ts';
// What every objective is, and what a system's file gives.
export {
  type Given,
  type Objective,
  type OptionFact,
  type Outcome,
  type Preset,
  type System,
  system,
} from '../src/objectives/objective.ts';
// The systems.
export { simipu } from '../src/objectives/simipu.ts';
export { type SimipuConfig, type SimipuEncoders, simipuSchema } from '../src/objectives/simipu-config.ts';
export { embed, type SimipuEmbeddings } from '../src/objectives/simipu-model.ts';
export { systems } from '../src/objectives/systems.ts';
