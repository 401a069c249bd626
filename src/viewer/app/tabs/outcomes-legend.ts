import {
  countOutcomes,
  type Outcomes,
  outcomeOverlap,
} from '../../../evaluation/kitti/detection-outcomes.ts';
import { outcomeColours } from '../../../report/outcome-colours.ts';
import type { Store } from '../store.ts';
import { choice, toggle } from '../widgets/controls.ts';
import { element } from '../widgets/dom.ts';

/** What the colours of labels and detections mean where they are compared, with how many there are. */
export interface OutcomesLegend {
  readonly root: HTMLElement;
  /** Undefined where nothing can be compared. */
  readonly set: (outcomes: Outcomes | undefined) => void;
}

export function outcomesLegend(store: Store): OutcomesLegend {
  const rows = element('ul', { class: 'outcomes' });
  const rule = element('p', {});
  const overlaps = choice(store, 'overlaps', 'Overlap', [
    ['strict', 'Strict'],
    ['loose', 'Loose'],
  ]);
  const row = (kind: keyof typeof outcomeColours, dashed: boolean, words: string, count: number) => {
    const line = element('i', { class: dashed ? 'dashed' : '' });
    line.style.borderColor = outcomeColours[kind];
    return element(
      'li',
      { 'data-outcome': kind },
      line,
      element('span', {}, words),
      element('b', {}, String(count)),
    );
  };
  return {
    root: element(
      'div',
      {},
      toggle(store, 'outcomes', 'Found and missed', 'Compare detections with labels'),
      overlaps,
      rows,
      rule,
    ),
    set: (outcomes) => {
      for (const each of [rows, rule, overlaps]) each.hidden = outcomes === undefined;
      if (outcomes === undefined) return;
      const { found, missed, falseAlarms } = countOutcomes(outcomes);
      rows.replaceChildren(
        row('found', false, 'Found', found),
        row('right', true, 'what found it', found),
        row('missed', false, 'Missed', missed),
        row('false', true, 'False alarm', falseAlarms),
      );
      const least = (type: string) => outcomeOverlap(type, store.state.overlaps);
      rule.textContent = `Found: seen from above, a car shares more than ${least('Car')} of the union, others ${least('Pedestrian')}. Grey boxes are ignored.`;
    },
  };
}
