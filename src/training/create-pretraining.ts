import { combine, type Pretraining } from '../objectives/combine.ts';
import { systems } from '../objectives/systems.ts';
import type { RunConfig } from './config.ts';

/** The objectives that a configuration asks for, on its encoders, for batches of `batchSize`, over so many ranks. */
export function createPretraining(
  config: Pick<RunConfig, 'encoders' | 'objectives'>,
  batchSize: number,
  { ranks = 1 }: { readonly ranks?: number } = {},
): Pretraining {
  const { encoders, objectives } = config;
  const parts = systems.flatMap(({ name, make, drawnAs = name }) => {
    const options = objectives[name];
    if (options === undefined) return [];
    const { weight = 1, ...own } = options as { readonly weight?: number };
    return [{ name, objective: make(own, { encoders, batchSize }), weight, drawnAs }];
  });
  return combine(parts, { encoders, batchSize, ranks });
}
