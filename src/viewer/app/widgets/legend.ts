import { cssGradient } from '../sweep/colour-maps.ts';
import type { ValueRange } from '../sweep/colouring.ts';
import { endOfScale } from '../sweep/scale-ends.ts';
import { byId, element } from './dom.ts';

/** What the colours of the points mean, in the corner of the stage. */
export class Legend {
  private readonly root = byId('legend');

  /** A scale from low to high. */
  scale(name: string, range: ValueRange, map: string, unit = ''): void {
    const bar = element('div', { class: 'bar' });
    bar.style.background = cssGradient(map);
    const end = (value: number) => {
      const text = String(endOfScale(value, range)).replaceAll('-', '−');
      return element('span', {}, unit === '' ? text : `${text} ${unit}`);
    };
    this.fill(
      element('div', {}, name),
      bar,
      element('div', { class: 'ends' }, end(range.low), end(range.high)),
    );
  }

  /** A sentence. */
  words(text: string): void {
    this.fill(element('div', {}, text));
  }

  clear(): void {
    this.root.hidden = true;
  }

  private fill(...children: readonly HTMLElement[]): void {
    this.root.replaceChildren(...children);
    this.root.hidden = false;
  }
}
