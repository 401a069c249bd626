import type { PresetBeginning } from '../objectives/objective.ts';
import { systems } from '../objectives/systems.ts';
import { parseRunConfig, type RunConfig } from './config.ts';

const presets = new Map(systems.flatMap((system) => Object.entries(system.presets)));

/** The names of the presets. */
export const presetNames: readonly string[] = [...presets.keys()];

/**
 * A preset's configuration; undefined where there is none of that name.
 *
 * @example
 * presetNames.includes('simipu-small'); // true
 * presetOf('simipu-small')?.batchSize; // 8
 */
export function presetOf(name: string): RunConfig | undefined {
  const preset = presets.get(name);
  return preset === undefined ? undefined : parseRunConfig(preset.run, { file: `preset ${name}` });
}

/** The presets whose runs the run of a preset begins with; empty where there are none. */
export function beginningOf(name: string): PresetBeginning {
  return presets.get(name)?.begins ?? {};
}
