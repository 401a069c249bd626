import { endOf, endsAtChance } from '../../../training/run/chance.ts';
import { shown } from '../widgets/dom.ts';
import { countText } from './wording.ts';

/** A running run has so many steps before a note says that its loss has not moved: every run begins there. */
const PATIENCE = 50;

/** The note beside a loss's curve, a sentence; undefined where none is needed. */
export function lossNote(options: {
  /** One for each step; NaN where the step has none. */
  readonly values: readonly number[];
  /** The first step at which it was no finite number. */
  readonly brokenStep: number | undefined;
  readonly chance: number | undefined;
  readonly isRunning: boolean;
}): string | undefined {
  const { brokenStep, chance, isRunning } = options;
  if (brokenStep !== undefined) return `Not a finite number at step ${countText(brokenStep)}.`;
  const values = options.values.filter(Number.isFinite);
  if (chance === undefined || (isRunning && values.length < PATIENCE) || !endsAtChance(values, chance)) {
    return undefined;
  }
  const verb = isRunning ? 'Stands at' : 'Ends at';
  return `${verb} ${shown(endOf(values), 4)}, no better than chance.`;
}
