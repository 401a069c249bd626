import { Simipu } from '../objectives/simipu.ts';
import type { RunConfig } from './config.ts';

/** The objective that a configuration asks for. */
export function createObjective(config: RunConfig): Simipu {
  return new Simipu(config.simipu, config.batchSize);
}
