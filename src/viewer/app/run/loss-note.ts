import { endOf, endsAtChance } from '../../../training/chance.ts';
import { shown } from '../dom.ts';
import { countText } from './wording.ts';

/** Steps of a running run before it is said that a loss has not moved: every run begins there. */
const PATIENCE = 50;

/** What has to be said of a loss, in a sentence that stands beside its curve; undefined where nothing has. */
export function lossNote(options: {
  /** One for each step; NaN where it was not told. */
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
  return `${verb} ${shown(endOf(values), 4)}, no better than nothing learned.`;
}
