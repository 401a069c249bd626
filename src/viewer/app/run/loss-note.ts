import { endOf, endsAtChance } from '../../../training/chance.ts';
import { countText, numberText } from './wording.ts';

/** Steps of a running run before it is said that a loss has not moved: every run begins there. */
const PATIENCE = 50;

/** What has to be said of a loss, in a sentence that stands beside its curve; undefined where nothing has. */
export function lossNote(options: {
  readonly steps: readonly number[];
  readonly values: readonly number[];
  readonly chance: number | undefined;
  readonly isRunning: boolean;
}): string | undefined {
  const { steps, values, chance, isRunning } = options;
  const broken = values.findIndex(Number.isNaN);
  if (broken >= 0) return `Not a finite number at step ${countText(steps[broken])}.`;
  if (chance === undefined || (isRunning && values.length < PATIENCE) || !endsAtChance(values, chance)) {
    return undefined;
  }
  const verb = isRunning ? 'Stands at' : 'Ends at';
  return `${verb} ${numberText(endOf(values))}, no better than nothing learned.`;
}
